import type { ErrorReason, JsonObject, Position, Publication } from '@tidewire/protocol'
import type { TidewireError } from './errors.ts'
import type { TokenSource } from './token-source.ts'

export type TransportName = 'websocket' | 'sse' | 'poll'

/** Why a token is asked for: a new connection, the current token ends soon, or the server refused the last one. */
export interface TokenContext {
  signal: AbortSignal
  reason: 'connect' | 'expiring' | 'refused'
}

/** What the client needs of a WebSocket class: the browser's and that of the `ws` package both fit. */
export type WebSocketConstructor = new (
  url: string,
  protocols?: string[],
) => {
  readonly readyState: number
  send(data: string): void
  close(code?: number, reason?: string): void
}

export interface BackoffOptions {
  /** Upper bound of the first wait, in milliseconds. Default 250. */
  minMs?: number | undefined
  /** Upper bound of every wait, in milliseconds. Default 20,000. */
  maxMs?: number | undefined
  /** Attempts in a row before the client is `failed`. Default: unlimited. */
  maxAttempts?: number | undefined
}

export interface TidewireOptions {
  /** `http(s)://…` or `ws(s)://…`, with or without a path prefix. In a browser it defaults to the page's origin. */
  url?: string | undefined
  /** A token that never changes. Use `getToken` for tokens that expire. */
  token?: string | undefined
  /** Called for the first connection, before a token expires, and after one was refused. */
  getToken?: ((context: TokenContext) => Promise<string>) | undefined
  /** In the order in which they are tried. Default: `['websocket', 'sse', 'poll']`. */
  transports?: readonly TransportName[] | undefined
  /** Whether to connect at once. Default `true`. */
  connect?: boolean | undefined
  /** Publications that may wait for their acknowledgement; beyond, `publish` rejects with `queue_full`. Default 1000. */
  maxQueue?: number | undefined
  backoff?: BackoffOptions | undefined
  /** Default: the global one. Node 20 has none: pass `WebSocket` of the `ws` package. */
  WebSocket?: WebSocketConstructor | undefined
  fetch?: typeof globalThis.fetch | undefined
}

/** How the server is reached besides the connection. */
export interface HttpAccess {
  /** Without a slash at its end. */
  readonly url: string
  readonly fetch: typeof globalThis.fetch
  /** `get('connect')`: the token that counts now, or a new one of the app. */
  readonly tokens: TokenSource
}

/** Why there is no connection: a reason of PROTOCOL.md §7, or one that the client found out by itself. */
export type DisconnectReason =
  | ErrorReason
  /** `connect()` was not called yet. */
  | 'initial'
  /** `close()` was called. */
  | 'closed'
  /** The connection broke, or could not be made. */
  | 'network'
  /** The server did not answer in time. */
  | 'timeout'
  /** The server fell silent. */
  | 'heartbeat_timeout'
  /** The server said that it restarts. */
  | 'server_shutdown'
  /** The server is there, but what lies in between does not let this transport through. */
  | 'transport_unusable'
  /** `getToken` failed. */
  | 'token_unavailable'
  /** `getToken` threw `UnauthorizedError`. */
  | 'unauthorized'
  /** `backoff.maxAttempts` attempts in a row failed. */
  | 'attempts_exhausted'
  /** This platform has none of the transports. */
  | 'unsupported'

/** Immutable: the same object until something changes. */
export type ConnectionState =
  | { readonly name: 'disconnected'; readonly reason: DisconnectReason }
  | { readonly name: 'connecting'; readonly transport: TransportName; readonly attempt: number }
  | {
      readonly name: 'connected'
      readonly transport: TransportName
      /** Empty over long polling, which has no session. */
      readonly clientId: string
      readonly user: string | undefined
    }
  | {
      readonly name: 'reconnecting'
      /** Attempts since the last stable connection. */
      readonly attempt: number
      /**
       * `Date.now()` milliseconds of the next attempt; not in the future: it is being made right now. There is a change
       * of state when it begins.
       */
      readonly retryAt: number
      readonly reason: DisconnectReason
    }
  /** The client will not retry by itself; `connect()` tries again. */
  | { readonly name: 'failed'; readonly reason: DisconnectReason; readonly error: TidewireError }

export interface StateChange {
  from: ConnectionState
  to: ConnectionState
}

/** Immutable: the same object until something changes. */
export type SubscriptionState =
  /** `error`: the server refused it, or ended it for good. */
  | { readonly name: 'unsubscribed'; readonly error?: TidewireError }
  /** Asked for, or waiting: for the connection, or until the server takes it again. */
  | { readonly name: 'subscribing' }
  | {
      readonly name: 'subscribed'
      readonly recovered: boolean
      /** Where the stream started; `undefined` for a channel without a log. */
      readonly position: Position | undefined
    }

export interface SubscribeOptions {
  /** Continue after this position. */
  since?: Position | undefined
  /** Start with the newest `last` publications. Not together with `since`. */
  last?: number | undefined
  /** `latest` conflates: only the newest of each key. Over SSE and long polling every publication arrives. */
  mode?: 'every' | 'latest' | undefined
  /** Milliseconds between two deliveries of one key, with `mode: 'latest'`. */
  intervalMs?: number | undefined
  signal?: AbortSignal | undefined
  /** Milliseconds. Default: waits as long as it takes. */
  timeout?: number | undefined
}

/** The answer to `subscribe`: the stream is live and goes on after `offset`. */
export interface Subscribed {
  recovered: boolean
  /** Absent for a channel without a log. */
  epoch?: string
  offset: number
  /** Why `since` could not be continued. */
  reason?: 'expired' | 'epoch_changed'
  /** The lowest offset that the log still holds. */
  oldest?: number
}

/** A gap that was told: what lay before `offset` and was not received must be fetched again, or is gone. */
export interface Reset {
  epoch: string
  offset: number
  reason: 'expired' | 'epoch_changed'
}

export interface PublishOptions {
  /** The idempotency key. Default: a new UUIDv7. */
  messageId?: string | undefined
  signal?: AbortSignal | undefined
  /** Milliseconds. Default: waits (offline, too) until the server answered. */
  timeout?: number | undefined
}

export interface Published {
  messageId: string
  /** Absent for a channel without a log. */
  epoch?: string
  /** Absent for a channel without a log. */
  offset?: number
  /** The server had it already: an earlier attempt had arrived. */
  duplicate: boolean
}

export interface HistoryOptions {
  /** The epoch that `after` and `before` belong to; another one is error `conflict`. */
  epoch?: string | undefined
  after?: number | undefined
  before?: number | undefined
  /** 1 to 500. */
  limit?: number | undefined
  signal?: AbortSignal | undefined
  /** Milliseconds. Default 30,000. */
  timeout?: number | undefined
}

export interface HistoryPage<P extends Publication = Publication> {
  epoch: string
  /** The lowest offset that the log holds. */
  oldest: number
  newest: number
  /** Ascending by offset. */
  publications: P[]
  /** The log holds further ones in the direction that was read. */
  more: boolean
}

export interface MessagesOptions {
  signal?: AbortSignal | undefined
  /** Publications that may wait to be read; one more ends the iteration with `buffer_overflow`. Default 1000. */
  limit?: number | undefined
}

export interface ListenerOptions {
  signal?: AbortSignal | undefined
}

/** Event name → payload, of one channel pattern. */
export type EventMap = Record<string, JsonObject>

/** A publication whose type and payload are known. */
export type PublicationOf<Events, Type extends keyof Events & string = keyof Events & string> = {
  [Name in Type]: Omit<Publication, 'type' | 'payload'> & { type: Name; payload: Events[Name] }
}[Type]

/** What `new Tidewire()` without a type argument knows: any event on any channel. */
export type AnyEvents = Record<string, EventMap>

/** The events of a channel name: those of the patterns (`'chat:*'`, `'news:today'`) that match it. */
export type EventsOf<Events, Name extends string> = [Matching<Events, Name>] extends [never]
  ? EventMap
  : Events[Matching<Events, Name>]

type Matching<Events, Name extends string> = {
  [Pattern in keyof Events]: Pattern extends string
    ? Name extends Glob<Pattern>
      ? Pattern
      : never
    : never
}[keyof Events]

type Glob<Pattern extends string> = Pattern extends `${infer Head}*` ? `${Head}${string}` : Pattern
