import type { Batch } from './ports/batch.ts'
import type { Connection } from './ports/connection.ts'

/**
 * The bounded bytes that wait for one session. Batches of a turn are references to shared ones and leave in one
 * write; what the peer does not take waits in the connection, and that is what the bound is about. A session can
 * exceed it by one turn at most.
 */
export class Outbox {
  readonly #connection: Connection
  readonly #maxBytes: number
  /** Undefined when nothing waits, as for most sessions at most times. */
  #batches: Batch[] | undefined

  constructor(connection: Connection, maxBytes: number) {
    this.#connection = connection
    this.#maxBytes = maxBytes
  }

  /** True when the outbox was empty: the session has to be touched. */
  push(batch: Batch): boolean {
    if (this.#batches !== undefined) {
      this.#batches.push(batch)
      return false
    }
    this.#batches = [batch]
    return true
  }

  /** `overflow`: the peer does not keep up. Nothing was written, and the session must end. */
  flush(): 'sent' | 'overflow' {
    const batches = this.#batches
    if (batches === undefined) return 'sent'
    if (this.#connection.buffered() > this.#maxBytes) return 'overflow'
    this.#batches = undefined
    this.#connection.send(batches)
    return 'sent'
  }

  clear(): void {
    this.#batches = undefined
  }

  /** Whether who reads history should wait before it reads more: half of the bound is for live traffic. */
  get congested(): boolean {
    return this.#connection.buffered() > this.#maxBytes / 2
  }
}
