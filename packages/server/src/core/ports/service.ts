import type { Envelope, JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Actor } from './actor.ts'
import type { Page, Receipt } from './broker.ts'
import type { Connection } from './connection.ts'
import type { Target } from './revocations.ts'

/** The protocol state of one client over one connection, as its transport sees it. */
export interface SessionHandle {
  readonly id: string
  /** One decoded frame, in the order of arrival. Never throws: what is wrong with it is answered. */
  receive(envelope: Envelope): void
  /** A frame that could not be decoded: answered with an error, counted, in the end closed. */
  refuse(error: ProtocolError): void
  /** The connection is gone. Idempotent. */
  closed(code: number): void
}

export interface PublishRequest {
  channel: string
  type: string
  payload: JsonObject
  message_id?: string
  /** Whether the type may be one of the protocol: the frames of features that are kept in a channel. */
  reserved?: boolean
}

/** With the message_id that was used. */
export type PublishReceipt = Receipt & { message_id: string }

/** `history` of PROTOCOL.md §4, without the channel. */
export interface HistoryRequest {
  epoch?: string | undefined
  after?: number | undefined
  before?: number | undefined
  limit?: number | undefined
}

/**
 * What transports and gateways ask of the core. Every call is authorised for the actor; all reject with `ProtocolError`.
 */
export interface Service {
  /** The actor of a token or key, and where it acts from. Without one: `anyone` where a namespace is open to anyone, else `authentication_required`. */
  authenticate(token: string | undefined, address?: string): Promise<Actor>
  /** The same at once, for who shows its token once a connection: throws what that rejects with. Undefined where it has to wait. */
  authenticateNow(token: string, address: string): Actor | undefined
  /**
   * What `trade` gives for a refresh token that was sent from the address. It is counted and noted as a token is: where too
   * many were refused it rejects with `rate_limited`, and the token is not looked at.
   */
  refresh<T>(address: string, trade: () => Promise<T>): Promise<T>
  /**
   * Before a connection or a request is looked at any further. Throws `rate_limited` or `too_many_connections`, both with
   * `retryAfterMs`, when the address has had its share or the server is full. An empty address is not known: only the
   * server's own limit counts then. Requests with a server key are not admitted: they are not counted.
   */
  admit(address: string, what: 'connection' | 'request'): void
  /**
   * A request of the actor, which costs as much as so many frames. Throws `rate_limited` when its user has had its share;
   * backends, and who shows no token, are not counted.
   */
  count(actor: Actor, cost: number): void
  /**
   * A session over the connection, for an actor or, when undefined, one that must send `auth` first.
   * The session greets with `connection_established` at once.
   */
  open(connection: Connection, actor: Actor | undefined): SessionHandle
  /** As PROTOCOL.md §4 and §8. */
  publish(actor: Actor, request: PublishRequest): Promise<PublishReceipt>
  /** The same to each of the channels, in their order. Never rejects. */
  publishMany(
    actor: Actor,
    channels: readonly string[],
    request: Omit<PublishRequest, 'channel'>,
  ): Promise<PromiseSettledResult<PublishReceipt>[]>
  history(actor: Actor, channel: string, request: HistoryRequest): Promise<Page>
  /** Throws `not_found` for a channel whose namespace does not exist, `bad_envelope` for what names no channel. */
  checkChannel(channel: string): void
  /** Asks every session of the user; the first answer counts. `not_found`: not connected; `unavailable`: no answer in time. */
  call(
    actor: Actor,
    user: string,
    method: string,
    args: unknown,
    timeoutMs: number,
  ): Promise<{ value: unknown } | { error: unknown }>
  /** The user's rights in the channel may have changed, a member was removed: open subscriptions are looked at again at once. */
  recheck(user: string, channel: string): Promise<void>
  /**
   * Ends the live sessions of a user, of one token, of one login or of a server key, at once; with `revoke`, what was issued
   * until now stays refused: access tokens, and the refresh tokens of the user or the login. Resolves, when the store has kept
   * it, with how many sessions ended. Where the store fails it rejects, with `unavailable` or `storage_full`: the sessions
   * have ended as well, and this process goes on refusing.
   */
  disconnect(actor: Actor, target: Target, options: { revoke: boolean }): Promise<number>
}
