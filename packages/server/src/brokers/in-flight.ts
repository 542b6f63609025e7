/** Counts work that was accepted and not answered yet. */
export class InFlight {
  #count = 0
  #onIdle: () => void = () => undefined
  readonly #done = (): void => {
    this.#count -= 1
    if (this.#count === 0) this.#onIdle()
  }

  /** Gives back the promise that it was given: whoever waits for that is told before `idle` resolves. */
  track<T>(work: Promise<T>): Promise<T> {
    this.#count += 1
    void work.then(this.#done, this.#done)
    return work
  }

  /** Resolves when everything that was tracked is answered. */
  idle(): Promise<void> {
    if (this.#count === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#onIdle = resolve
    })
  }
}
