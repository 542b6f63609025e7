import type { JsonObject } from '@tidewire/protocol'

/** Where a user can be reached while no client of theirs is connected. */
export interface PushSubscription {
  /** The `name` of a provider. */
  provider: string
  /** An address or a token, as the provider gave it to the client. Whoever knows it can push. */
  endpoint: string
  keys: Readonly<Record<string, string>>
}

export interface PushMessage {
  id: string
  kind: string
  title: string
  body?: string
  data?: JsonObject
  /** ISO 8601, UTC, milliseconds. */
  created_at: string
}

/**
 * What became of a push. `sent`: the provider has it. `gone`: the subscription has ended, and is removed. `refused`: this
 * message will never be taken. `retry`, or when: it is tried again, five times in all.
 */
export type PushOutcome = 'sent' | 'gone' | 'refused' | 'retry' | { retryAfterMs: number }

/**
 * Reaches users who are not connected.
 *
 * Delivery: at least once: after a crash a message may be sent again.
 * Failure:  `send` says so in its outcome; a rejection is logged and counts as `retry`.
 */
export interface PushProvider {
  /** What `provider` of a subscription is: 1 to 32 characters. */
  readonly name: string
  /** Throws `ProtocolError` for what it could never push to. */
  check?(subscription: PushSubscription): void
  send(subscription: PushSubscription, message: PushMessage): Promise<PushOutcome>
}
