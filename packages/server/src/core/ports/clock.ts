/** Time, as an argument. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. May step. */
  now(): number
  /**
   * The wall clock of when this process began, and from then on the monotonic one: milliseconds since 1970 that never
   * step. For ages and windows.
   */
  steady(): number
  /** Calls `fn` once after `ms` by the monotonic clock; the result cancels it. */
  after(ms: number, fn: () => void): () => void
  /** Calls `fn` when everything that is readable in this turn of the event loop was read. */
  endOfTurn(fn: () => void): void
}
