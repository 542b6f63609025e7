import type { Down, JsonObject, Position } from '@tidewire/protocol'
import { subscribeTo } from './core/commands/subscribe.ts'
import type { Core } from './core/core.ts'
import type { Actor } from './core/ports/actor.ts'
import { type Action, grants } from './core/ports/capabilities.ts'
import type { Session } from './core/session.ts'

export interface Frame {
  type: string
  payload: JsonObject
}

/** Whether the token of the actor leaves it to the rules, or grants it. */
export function tokenGrants({ channels }: Actor, action: Action, channel: string): boolean {
  return channels === undefined || grants(channels, action, channel)
}

/** A client that is connected to this server, as commands and listeners see it. The same object as long as it is. */
export class Client {
  readonly #session: Session
  readonly #core: Core

  constructor(session: Session, core: Core) {
    this.#session = session
    this.#core = core
  }

  /** For the server itself. */
  static sessionOf(client: Client): Session {
    return client.#session
  }

  get id(): string {
    return this.#session.id
  }

  /** Undefined for one that showed no token. */
  get user(): string | undefined {
    return this.#session.user
  }

  /** `websocket`, `sse` or `poll`. */
  get transport(): string {
    return this.#session.connection.transport
  }

  /** Whether it can send frames over its connection; streams and polls cannot. */
  get duplex(): boolean {
    return this.#session.connection.duplex
  }

  /** Whether it may do that, with what its token grants. Rejects as `server.permits`. */
  async permits(action: Action, channel: string): Promise<boolean> {
    const { actor } = this.#session
    return actor !== undefined && this.#core.gate.allows(actor, action, channel)
  }

  /** Whether its token leaves it to the rules, or grants it, also where there is no such namespace. */
  grants(action: Action, channel: string): boolean {
    const { actor } = this.#session
    return actor !== undefined && tokenGrants(actor, action, channel)
  }

  get isConnected(): boolean {
    return !this.#session.isClosed
  }

  isSubscribed(channel: string): boolean {
    return this.#session.subscriptions.get(channel)?.announced === true
  }

  /** Sends a frame to this client alone. `payload` is not copied. */
  send({ type, payload }: Frame, correlationId?: string): void {
    this.#session.reply({ type, payload }, correlationId)
  }

  /**
   * Subscribes the client as if it had asked, with the rights that it has. Instead of `subscribed` it is sent what `announce`
   * makes of it, before anything of the channel. Rejects with `ProtocolError` as `subscribe` is answered.
   */
  async subscribe(
    channel: string,
    start: { since?: Position; last?: number } = {},
    announce?: (subscribed: Down['subscribed']) => { frame: Frame; correlationId?: string },
  ): Promise<void> {
    await subscribeTo(this.#session, { channel, ...start }, this.#core, (subscribed) => {
      if (announce === undefined) return this.#session.send('subscribed', subscribed)
      const { frame, correlationId } = announce(subscribed)
      this.send(frame, correlationId)
    })
  }

  /** Ends a subscription; true when there was one. The client is told nothing. */
  unsubscribe(channel: string): boolean {
    const subscription = this.#session.subscriptions.get(channel)
    if (subscription !== undefined) this.#session.drop(subscription)
    return subscription !== undefined
  }
}

/** The clients of a server, each the same object however often it is asked for. */
export class Clients {
  readonly #core: Core

  constructor(core: Core) {
    this.#core = core
  }

  of(session: Session): Client {
    return (session.client ??= new Client(session, this.#core)) as Client
  }

  ofUser(user: string): Client[] {
    return this.#core.sessions.of(user).map((session) => this.of(session))
  }
}
