import type { JsonObject, Publication } from '@tidewire/protocol'
import type { CallResult } from './core/calls.ts'
import type { Receipt } from './core/ports/broker.ts'
import type { RouteHandler } from './transports/http-api.ts'
import type { PolicyInput } from './config.ts'

export interface PublishInput {
  type: string
  payload: JsonObject
  /** Identity of the message: publishing it again is answered with the first receipt. Made when absent. */
  message_id?: string
}

/** A frame of a custom type. */
export interface CommandRequest {
  payload: JsonObject
  /** Undefined for clients that showed no token. */
  user: string | undefined
  clientId: string
}

/** The answer `{ type, payload }`, or nothing. A thrown `ProtocolError` becomes an `error` frame. */
export type CommandHandler = (
  request: CommandRequest,
) => CommandAnswer | undefined | Promise<CommandAnswer | undefined>

export interface CommandAnswer {
  type: string
  payload: JsonObject
}

export interface Addresses {
  /** `http://host:port` of the public port. */
  url: string
  /** `http://host:port` of metrics and health; absent when `ops.port` is null. */
  opsUrl?: string
}

/** What users of the library and features hold. All of it acts with the rights of a server key. */
export interface Server {
  /** Adds a namespace, or replaces one of the configuration. Only before `listen` or `attach`. */
  namespace(name: string, policy: PolicyInput): void
  /** A type that clients may send, beside those of the protocol. */
  command(type: string, handler: CommandHandler): void
  /** An HTTP route on the public port. The handler gets the request and the authenticated actor. */
  route(method: string, path: string, handler: RouteHandler): void
  /** Resolves when the channel's log holds the publication; rejects with `ProtocolError`. */
  publish(channel: string, message: PublishInput): Promise<Receipt & { message_id: string }>
  /**
   * Calls `listener` for each publication of a channel, or of all that match `namespace:prefix*`, from now on. The result
   * ends it. Errors of the listener are logged and reach nobody else.
   */
  subscribe(
    pattern: string,
    listener: (publication: Publication) => void | Promise<void>,
  ): () => void
  /** Asks the user's clients; the first answer counts. Rejects with `not_found` or, after 5 s by default, `unavailable`. */
  call(
    user: string,
    method: string,
    args: unknown,
    options?: { timeoutMs?: number },
  ): Promise<CallResult>
  /** Listens on the configured ports. Rejects with the error of the system when a port is taken. */
  listen(): Promise<Addresses>
  /** Serves PROTOCOL.md §8 on an existing `http.Server`, which keeps all other paths. */
  attach(http: import('node:http').Server): Promise<void>
  /** Drains: answers what was accepted, tells clients to come back, and resolves when everything is closed. */
  close(): Promise<void>
}
