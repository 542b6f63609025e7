import type { Clock } from '../core/ports/clock.ts'

/** Silence would let proxies end the response, and a peer that is gone unnoticed. */
const COMMENT_MS = 15_000

export interface Commented {
  /** Shows a sign of life. */
  comment(): void
}

/** One timer for the comments of all connections; none while there is no connection. */
export class Comments {
  readonly #clock: Clock
  readonly #connections = new Set<Commented>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(connection: Commented): void {
    this.#connections.add(connection)
    this.#cancel ??= this.#clock.after(COMMENT_MS, this.#tick)
  }

  delete(connection: Commented): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  close(): void {
    this.#cancel?.()
    this.#connections.clear()
  }

  readonly #tick = (): void => {
    this.#cancel = this.#clock.after(COMMENT_MS, this.#tick)
    for (const connection of this.#connections) connection.comment()
  }
}
