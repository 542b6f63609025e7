/** Work of one session that is handed on in the order in which it came, also when the permission for it takes a while. */
export class Order {
  /** Settles when the last one that waits was handed on. */
  #last: Promise<void> | undefined

  /** Nothing waits: whoever has a permission may go on at once. */
  get isFree(): boolean {
    return this.#last === undefined
  }

  /** Runs what the permission allows, after what was added before. */
  add<T>(permission: Promise<void> | undefined, run: () => Promise<T> | T): Promise<T> {
    // Whoever waits for it may come later than its refusal.
    permission?.catch(() => undefined)
    const turn = (this.#last ?? Promise.resolve()).then(() => permission)
    const ran = turn.then(run)
    const handedOn = (): void => {
      if (this.#last === last) this.#last = undefined
    }
    const last: Promise<void> = turn.then(handedOn, handedOn)
    this.#last = last
    return ran
  }
}
