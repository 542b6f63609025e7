import type { ErrorReason } from '@tidewire/protocol'

/** What was refused, to whom. Bounded by who writes it down. Never a token, a payload or an address with a query. */
export interface Refusal {
  reason: ErrorReason
  /**
   * `publish`, `subscribe`, `history`, `presence`, `call`, `connect`, `request`, `authenticate`, `disconnect`, or a frame's
   * type.
   */
  action: string
  channel?: string | undefined
  user?: string | undefined
  key_id?: string | undefined
  client_id?: string | undefined
  address?: string | undefined
  transport?: string | undefined
}

/** Told of what happens, for metrics and logs. Never throws, never blocks. Labels are bounded: no channel, no user. */
export interface Observer {
  connected(transport: string): void
  disconnected(transport: string, code: number): void
  published(durability: string, duplicate: boolean): void
  /** Publications handed to the connections of sessions. */
  delivered(count: number): void
  reset(reason: string): void
  /** Somebody was not allowed something, or did too much of it: for the audit log. */
  refused(refusal: Refusal): void
  /** Something failed that no client is to blame for. */
  failed(where: string, error: unknown): void
}
