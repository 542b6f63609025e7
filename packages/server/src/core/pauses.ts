import type { Connection } from './ports/connection.ts'

/**
 * `work`: too much is unanswered; `intake`: frames wait for those before them; `strike`: too much was refused; `stop`:
 * the server stops.
 */
export type PauseReason = 'work' | 'intake' | 'strike' | 'stop'

const BIT: Record<PauseReason, number> = { work: 1, intake: 2, strike: 4, stop: 8 }

/** Why a connection is read no further. It is read again when no reason is left. */
export class Pauses {
  readonly #connection: Connection
  #reasons = 0

  constructor(connection: Connection) {
    this.#connection = connection
  }

  has(reason: PauseReason): boolean {
    return (this.#reasons & BIT[reason]) !== 0
  }

  add(reason: PauseReason): void {
    if (this.#reasons === 0) this.#connection.pause()
    this.#reasons |= BIT[reason]
  }

  delete(reason: PauseReason): void {
    if (!this.has(reason)) return
    this.#reasons &= ~BIT[reason]
    if (this.#reasons === 0) this.#connection.resume()
  }
}
