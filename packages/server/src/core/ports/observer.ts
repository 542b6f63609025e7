/** Told of what happens, for metrics and logs. Never throws, never blocks. Labels are bounded: no channel, no user. */
export interface Observer {
  connected(transport: string): void
  disconnected(transport: string, code: number): void
  published(durability: string, duplicate: boolean): void
  /** Publications handed to the connections of sessions. */
  delivered(count: number): void
  reset(reason: string): void
  /** Something failed that no client is to blame for. */
  failed(where: string, error: unknown): void
}
