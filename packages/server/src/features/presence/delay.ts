import type { Server } from '../../server.ts'

/** Things that fall due a fixed time after they were put here, unless they are taken out before. One timer for all. */
export class Delay<Item> {
  readonly #clock: Server['clock']
  readonly #ms: number
  readonly #onDue: (item: Item) => void
  /** When each falls due, by the steady clock; ascending, since all wait equally long. */
  readonly #due = new Map<Item, number>()
  #cancel: (() => void) | undefined
  #closed = false

  constructor(clock: Server['clock'], ms: number, onDue: (item: Item) => void) {
    this.#clock = clock
    this.#ms = ms
    this.#onDue = onDue
  }

  has(item: Item): boolean {
    return this.#due.has(item)
  }

  /** Its time begins anew when it was there already. */
  add(item: Item): void {
    if (this.#closed) return
    this.#due.delete(item)
    this.#due.set(item, this.#clock.steady() + this.#ms)
    if (this.#cancel === undefined) this.#wait(this.#ms)
  }

  delete(item: Item): void {
    this.#due.delete(item)
  }

  /** Nothing falls due any more. */
  close(): void {
    this.#closed = true
    this.#cancel?.()
    this.#due.clear()
  }

  #wait(ms: number): void {
    this.#cancel = this.#clock.after(ms, () => {
      this.#cancel = undefined
      this.#run()
    })
  }

  #run(): void {
    const now = this.#clock.steady()
    for (const [item, at] of this.#due) {
      if (at > now) return this.#wait(at - now)
      this.#due.delete(item)
      this.#onDue(item)
      if (this.#cancel !== undefined) return
    }
  }
}
