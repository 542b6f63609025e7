/** Where a reader stands in a channel: PROTOCOL.md §2. */
export interface Position {
  epoch: string
  offset: number
}
