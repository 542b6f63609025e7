/** A bounded number of places, and a bounded line of those who wait for one. */
export class Places {
  #free: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []

  constructor({ places, waiting }: { places: number; waiting: number }) {
    this.#free = places
    this.#maxWaiting = waiting
  }

  /** Resolves with a place, in the order of the calls, which `leave` gives back. Undefined when the line is full. */
  take(): Promise<void> | undefined {
    if (this.#free > 0) {
      this.#free -= 1
      return Promise.resolve()
    }
    if (this.#waiting.length >= this.#maxWaiting) return undefined
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
