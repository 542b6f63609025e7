import type { ProtocolError } from '@tidewire/protocol'
import type { Pauses } from './pauses.ts'
import type { Clock } from './ports/clock.ts'
import { Postponed } from './rate-limits.ts'
import { TokenBucket } from './token-bucket.ts'

/** Frames that nobody can read: no client that works sends any. */
const UNREADABLE = { burst: 9, per_second: 0.1 }
/** Frames whose payload is not what their type asks for: what users write may come to that. */
const NOT_VALID = { burst: 99, per_second: 1 }
/** A connection that was refused so often is not read for a moment. */
const REFUSALS = 256
const MAX_PAUSE_MS = 1_000
/** The time that this would be necessary once more is the end. */
const STRIKES = 10
/** All is forgiven when nothing was refused for so long. */
const PEACE_MS = 10_000

/** What a connection did wrong. Each time it is told; who goes on is not read for a while, and only then ended. */
export class Strikes {
  readonly #pauses: Pauses
  readonly #clock: Clock
  readonly #unreadable: TokenBucket
  readonly #notValid: TokenBucket
  #refusals = 0
  #strikes = 0
  #refusedAt: number
  #cancelPause: (() => void) | undefined

  constructor(pauses: Pauses, clock: Clock) {
    this.#pauses = pauses
    this.#clock = clock
    this.#refusedAt = clock.steady()
    this.#unreadable = new TokenBucket(UNREADABLE, this.#refusedAt)
    this.#notValid = new TokenBucket(NOT_VALID, this.#refusedAt)
  }

  /**
   * Counts an error that is the client's doing: `readable`, where its frame was. True when it was one too many: the
   * connection has to end.
   */
  isOut(error: ProtocolError, readable: boolean): boolean {
    const { reason, retryAfterMs = MAX_PAUSE_MS } = error
    const now = this.#clock.steady()
    if (reason === 'bad_envelope') {
      return !(readable ? this.#notValid : this.#unreadable).take(now)
    }
    // Who comes back in its turn does as it was told, and what comes while nothing is read was on its way already.
    if (error instanceof Postponed || this.#pauses.has('strike')) return false
    if (now - this.#refusedAt >= PEACE_MS) this.#refusals = this.#strikes = 0
    this.#refusedAt = now
    this.#refusals += 1
    if (this.#refusals < REFUSALS) return false
    this.#refusals = 0
    this.#strikes += 1
    if (this.#strikes >= STRIKES) return true
    this.#pauseFor(Math.min(retryAfterMs, MAX_PAUSE_MS))
    return false
  }

  /** The connection is gone. */
  end(): void {
    this.#cancelPause?.()
  }

  #pauseFor(ms: number): void {
    this.#pauses.add('strike')
    this.#cancelPause = this.#clock.after(ms, () => this.#pauses.delete('strike'))
  }
}
