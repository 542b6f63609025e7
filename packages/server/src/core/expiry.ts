import type { Clock } from './ports/clock.ts'
import type { Due, Timer, Timers } from './timers.ts'

const NOTICE_MS = 60_000
/** With the second that a timer may take longer, a step of the wall clock is noticed within a minute. */
const MAX_WAIT_MS = 59_000

export interface Expiring {
  /** Once, a minute before, or when less than that is left; never after the expiry. */
  expiresSoon(expiresAt: number): void
  expired(): void
}

/**
 * Watches a moment of the wall clock, milliseconds since 1970, through its steps and through the sleep of the machine,
 * which timers do not count. Begins with the first `look`.
 */
export class Expiry implements Due {
  readonly #expiresAt: number
  readonly #clock: Clock
  readonly #timers: Timers
  readonly #whose: Expiring
  #timer: Timer | undefined
  #noticed = false

  constructor(expiresAt: number, clock: Clock, timers: Timers, whose: Expiring) {
    this.#expiresAt = expiresAt
    this.#clock = clock
    this.#timers = timers
    this.#whose = whose
  }

  /** Tells at once what is due already. */
  look(): void {
    const left = this.#expiresAt - this.#clock.now()
    if (left <= 0) return this.#whose.expired()
    const isNear = left <= NOTICE_MS
    const wait = isNear ? left : left - NOTICE_MS
    this.#timer = this.#timers.add(Math.min(wait, MAX_WAIT_MS), this)
    if (!isNear || this.#noticed) return
    this.#noticed = true
    this.#whose.expiresSoon(this.#expiresAt)
  }

  due(): void {
    this.look()
  }

  cancel(): void {
    this.#timer?.cancel()
  }
}
