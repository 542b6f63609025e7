import type { Outbox } from './outbox.ts'
import type { Clock } from './ports/clock.ts'
import type { Connection } from './ports/connection.ts'

/**
 * Reads of the log for one session: one page at a time, and only while the connection has room for it. Catching up and
 * asking for history therefore never pile up bytes that look like a slow consumer, however much is asked for at once.
 */
export class Pages {
  readonly #connection: Connection
  readonly #outbox: Outbox
  readonly #clock: Clock
  #waiting: (() => void)[] = []
  #reading = false

  constructor(connection: Connection, outbox: Outbox, clock: Clock) {
    this.#connection = connection
    this.#outbox = outbox
    this.#clock = clock
  }

  /** At once when nothing else is read; else in its turn. Never settles when the session ends first. */
  read<T>(read: () => Promise<T>): Promise<T> {
    if (!this.#reading && !this.#outbox.congested) return this.#begin(read)
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => void this.#begin(read).then(resolve, reject))
      if (!this.#reading) this.#next()
    })
  }

  end(): void {
    this.#waiting = []
  }

  #begin<T>(read: () => Promise<T>): Promise<T> {
    this.#reading = true
    const page = read()
    // What it brought is handed to the connection by then.
    const after = (): void => this.#clock.endOfTurn(() => this.#next())
    page.then(after, after)
    return page
  }

  #next(): void {
    if (this.#waiting.length > 0 && this.#outbox.congested) {
      this.#reading = true
      this.#connection.onDrain(() => this.#next())
      return
    }
    this.#reading = false
    this.#waiting.shift()?.()
  }
}
