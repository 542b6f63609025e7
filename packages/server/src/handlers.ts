import type { FrameLimits, JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Client, Clients, Frame } from './client.ts'
import type { Command } from './core/core.ts'
import type { Intercept, Interceptor } from './core/interceptors.ts'
import type { Action } from './core/ports/capabilities.ts'
import type { Observer } from './core/ports/observer.ts'
import { noteRefusal } from './core/refusals.ts'
import { ownFrame } from './own-json.ts'
import type { Server } from './server.ts'
import type { RouteHandler } from './transports/http-api.ts'
import type { RouteLimits } from './transports/http-app.ts'
import type { RouteAbout } from './transports/openapi-routes.ts'

export { AlreadyHeld } from './core/interceptors.ts'
export type { RouteContext, RouteHandler } from './transports/http-api.ts'
export type { RouteAbout } from './transports/openapi-routes.ts'

export interface RouteOptions extends RouteLimits {
  /** What /openapi.json says about it; without, nothing. */
  about?: RouteAbout
}

export interface PublishInput {
  type: string
  payload: JsonObject
  /** Identity of the message: publishing it again is answered with the first receipt. Made when absent. */
  message_id?: string
  /** On whose behalf: `metadata.user`. */
  user?: string
}

/** A frame of a custom type. */
export interface CommandRequest {
  payload: JsonObject
  client: Client
  /** Of the frame: what an answer that is sent by hand is correlated by. */
  message_id: string | undefined
  /** Undefined for clients that showed no token. */
  user: string | undefined
  client_id: string
}

/** The answer, or nothing. A thrown `ProtocolError` becomes an `error` frame. */
export type CommandHandler = (
  request: CommandRequest,
) => Frame | undefined | Promise<Frame | undefined>

/** What clients do: `connected` when a client's user is known, `subscribed` when it was told so. */
export interface ClientEvents {
  connected: (client: Client) => void
  disconnected: (client: Client) => void
  subscribed: (client: Client, channel: string) => void
  /** `error`: the server ended it, and why. */
  unsubscribed: (client: Client, channel: string, error?: ProtocolError) => void
}

/** A publication on its way into a channel. */
export interface Intercepted {
  channel: string
  type: string
  payload: JsonObject
  message_id: string
  /** Undefined for backends that publish on nobody's behalf, and for clients without a token. */
  user: string | undefined
  client_id: string | undefined
  /** Whether a backend publishes it, or the application itself. */
  fromServer: boolean
}

/** A payload to publish instead, or nothing. A thrown `ProtocolError` refuses the publication. */
export type InterceptHandler = (publication: Intercepted) => Intercept | Promise<Intercept>

/** What somebody is about to do in a channel of a namespace with a guard. */
export interface GuardQuestion {
  /** Undefined for who showed no token. */
  user: string | undefined
  action: Action
  channel: string
}

/** Whether it may be done. What is thrown or rejected is `unavailable`: nobody can tell. */
export type Guard = (question: GuardQuestion) => boolean | Promise<boolean>

/** What an application, or a feature, tells a user. */
export interface NotificationInput {
  /** `[a-z][a-z0-9_.:-]{0,63}` */
  kind: string
  /** 1 to 200 characters. */
  title: string
  /** At most 2,000 characters. */
  body?: string | undefined
  /** JSON of at most 4 KiB, 100 keys and 16 levels. */
  data?: JsonObject | undefined
  /**
   * Its identity: who has a notification of this id gets no second one, so what failed halfway can be sent again. Made
   * when absent.
   */
  id?: string | undefined
}

/**
 * What one feature does for the others. They reject with `ProtocolError`, whose `temporary` says whether to try again; to
 * do it twice is to do it once.
 */
export interface Services {
  /** Puts a notification into the inboxes of users. */
  notify: (users: readonly string[], notification: NotificationInput) => Promise<unknown>
  /** Takes the text out of the notification of this id, wherever it is kept: what it told of is deleted, or says something else. */
  clearNotification: (id: string) => Promise<void>
  /** Deletes those of the files that their `owner` sent: nothing of that user refers to them any more. Without: a backend. */
  releaseFiles: (ids: readonly string[], owner: string | undefined) => Promise<void>
}

/** What happened to the members of a channel. */
export interface MemberChange {
  channel: string
  user: string
  /** Or is none any more. */
  isMember: boolean
}

/** Awaited before whoever made the change is answered. */
export type MemberListener = (change: MemberChange) => void | Promise<void>

/** Awaited before whoever revoked is answered. */
export type { RevocationListener } from './core/rights.ts'

/** A part of the product with a folder of its own, which holds nothing but this server's public API. */
export interface Feature {
  name: string
  /** Called once, before the server listens: adds namespaces, commands, routes and tables. */
  setup(server: Server): void | Promise<void>
  /** Called once, when the channels are there and before the server listens: goes on where an earlier life ended. */
  start?(server: Server): void | Promise<void>
  /** Called once, before the clients are sent away: finishes what it does by itself. */
  close?(): void | Promise<void>
}

/** The handler as the core calls it. */
export function commandOf({
  type,
  handler,
  clients,
  limits,
}: {
  type: string
  handler: CommandHandler
  clients: Clients
  limits: FrameLimits
}): Command {
  // A bad answer is the application's fault: the client learns that something failed, the log learns what.
  const own = (answer: Frame | undefined) =>
    answer && ownFrame(`answer of the command \`${type}\``, answer, limits)
  return (session, { payload, metadata: { message_id } }) => {
    const { user, id } = session
    const answer = handler({
      payload,
      user,
      client_id: id,
      client: clients.of(session),
      message_id,
    })
    return answer instanceof Promise ? answer.then(own) : own(answer)
  }
}

/** The handler, whose refusals the audit log is told of. */
export function audited(handler: RouteHandler, observer: Observer): RouteHandler {
  return async (context) => {
    try {
      return await handler(context)
    } catch (error) {
      const { user, key_id, address } = context.actor
      noteRefusal(observer, error, { action: 'request', user, key_id, address, transport: 'http' })
      throw error
    }
  }
}

/** The handler as the core calls it. */
export function interceptorOf(handler: InterceptHandler): Interceptor {
  return ({ type, payload, metadata }, { kind }) => {
    const { channel, message_id, user, client_id } = metadata
    const fromServer = kind === 'server'
    return handler({ channel, type, payload, message_id, user, client_id, fromServer })
  }
}
