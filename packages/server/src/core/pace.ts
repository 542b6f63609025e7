import type { Clock } from './ports/clock.ts'

/** Counts the turns of the event loop in which somebody asks for them. */
export class Pace {
  readonly #clock: Clock
  #turn = 0
  #asked = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Which turn this is. */
  turn(): number {
    if (!this.#asked) {
      this.#asked = true
      this.#clock.endOfTurn(this.#next)
    }
    return this.#turn
  }

  readonly #next = (): void => {
    this.#asked = false
    this.#turn += 1
  }
}
