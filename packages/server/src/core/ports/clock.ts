/** Time, as an argument. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May step. */
  now(): number
  /** Calls `fn` once after `ms` by the monotonic clock; the result cancels it. */
  after(ms: number, fn: () => void): () => void
  /** Calls `fn` when everything that is readable in this turn of the event loop was read. */
  endOfTurn(fn: () => void): void
}
