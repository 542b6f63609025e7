import type { Clock } from './ports/clock.ts'

export interface Flushable {
  flush(): void
}

/**
 * Gathers what one turn of the event loop produced, so that it leaves at its end: first every touched channel makes
 * its batch and gives it to its sessions, then every touched session writes once.
 */
export class Turn {
  readonly #clock: Clock
  readonly #onError: (error: unknown, failed: Flushable) => void
  #channels: Flushable[] = []
  #sessions: Flushable[] = []
  #scheduled = false
  readonly #beforeEnd: (() => void)[] = []

  /** `onError` is told of a flush that threw; it takes nothing from the others of the turn. */
  constructor(clock: Clock, onError: (error: unknown, failed: Flushable) => void) {
    this.#clock = clock
    this.#onError = onError
  }

  /** Calls `fn` before each end of a turn in which something is handed out: it may touch further channels. */
  beforeEnd(fn: () => void): void {
    this.#beforeEnd.push(fn)
  }

  /** The channel has publications to hand out. Called once per channel and turn by the hub. */
  touchChannel(channel: Flushable): void {
    this.#channels.push(channel)
    this.#schedule()
  }

  /** The session has something in its outbox. Called once per session and turn. */
  touchSession(session: Flushable): void {
    this.#sessions.push(session)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this.#run)
  }

  readonly #run = (): void => {
    for (const fn of this.#beforeEnd) fn()
    const channels = this.#channels
    this.#channels = []
    for (const channel of channels) this.#flush(channel)
    const sessions = this.#sessions
    this.#sessions = []
    this.#scheduled = false
    for (const session of sessions) this.#flush(session)
  }

  #flush(flushable: Flushable): void {
    try {
      flushable.flush()
    } catch (error) {
      this.#onError(error, flushable)
    }
  }
}
