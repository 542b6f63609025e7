import {
  type Envelope,
  isEventName,
  isMessageId,
  isReserved,
  type JsonObject,
  ProtocolError,
  type Publication,
} from '@tidewire/protocol'
import { type CallResult, Calls } from './calls.ts'
import { commands } from './commands/index.ts'
import { drain } from './drain.ts'
import { boundFrame } from './frame-size.ts'
import { Hub } from './hub.ts'
import { type Namespace, Namespaces } from './namespaces.ts'
import { permit, permitServer, required } from './permissions.ts'
import { type Actor, ANYONE } from './ports/actor.ts'
import type { Authenticator } from './ports/authenticator.ts'
import type { Page, Receipt } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import { type Connection, SERVICE_RESTART } from './ports/connection.ts'
import type { Observer } from './ports/observer.ts'
import type { HistoryRequest, PublishRequest, Service } from './ports/service.ts'
import { Revocations } from './revocations.ts'
import { Session } from './session.ts'
import { Sessions } from './sessions.ts'
import type { Subscription } from './subscription.ts'
import { type Listener, Taps } from './taps.ts'
import { Timers } from './timers.ts'
import { type Flushable, Turn } from './turn.ts'

/** An answer to a frame; the payload is JSON. */
export interface Reply {
  type: string
  payload: object
}

/**
 * What a reserved type does. Called in the order of arrival; none waits for the answer to the one before. Returns the
 * answer, which the session sends with the `correlation_id`; throws or rejects with `ProtocolError`.
 */
export type Command = (
  session: Session,
  envelope: Envelope,
  core: Core,
) => Reply | undefined | Promise<Reply | undefined>

/** Numbers that bound what a connection may cost; told to clients in `connection_established`. */
export interface Limits {
  max_frame_bytes: number
  max_depth: number
  max_keys: number
  max_channels: number
  max_outbox_bytes: number
  max_in_flight: number
  max_connections: number
}

export interface CoreOptions {
  authenticator: Authenticator
  clock: Clock
  observer: Observer
  /** Unique, ascending: the identity of messages and connections. */
  newId: () => string
  /** [0, 1) */
  random: () => number
  limits: Limits
  heartbeatMs: number
}

const HISTORY_LIMIT = 100
/** A publication that the bus lost is missed after one to two of these, also when no other follows it. */
const LOOK_FOR_GAPS_MS = 2_000

/** Sessions, channels and rules of one node: what transports, the public API and features stand on. */
export class Core implements Service {
  readonly namespaces = new Namespaces()
  readonly sessions = new Sessions()
  readonly clock: Clock
  readonly observer: Observer
  readonly limits: Limits
  readonly heartbeatMs: number
  readonly turn: Turn
  readonly timers: Timers
  readonly calls: Calls
  readonly newId: () => string
  readonly #hub: Hub
  readonly #taps: Taps
  readonly #authenticator: Authenticator
  readonly #revocations: Revocations
  readonly #random: () => number
  readonly #commands = new Map<string, Command>(Object.entries(commands))
  #cancelLook: (() => void) | undefined
  #stopping = false
  #timestamp = ''
  #timestampAt = 0

  constructor(options: CoreOptions) {
    this.clock = options.clock
    this.observer = options.observer
    this.limits = options.limits
    this.heartbeatMs = options.heartbeatMs
    this.newId = options.newId
    this.#random = options.random
    this.#authenticator = options.authenticator
    this.#revocations = new Revocations(options.clock)
    this.turn = new Turn(options.clock, (error, failed) => this.#failTurn(error, failed))
    this.timers = new Timers(options.clock)
    this.calls = new Calls(options.clock)
    this.#hub = new Hub(this.turn)
    this.#taps = new Taps(options.observer)
    this.#lookForGaps()
  }

  // Composition

  /** Starts the broker of the namespace; its channels exist from then on. */
  async addNamespace(namespace: Namespace): Promise<void> {
    await namespace.broker.start((channel, epoch, publications) => {
      this.#hub.deliver(channel, epoch, publications)
      this.#taps.deliver(channel, publications)
    })
    this.namespaces.add(namespace)
    if (this.#taps.wants(namespace.name)) await namespace.broker.join(`${namespace.name}:*`)
  }

  /** A further type that clients may send. Throws when the name is taken. */
  addCommand(type: string, command: Command): void {
    if (this.#commands.has(type)) throw new Error(`The command \`${type}\` exists already.`)
    this.#commands.set(type, command)
  }

  /** Publications of all channels that match `namespace:rest` or `namespace:prefix*`, as they happen. */
  tap(pattern: string, listener: Listener): () => void {
    const name = pattern.slice(0, pattern.indexOf(':'))
    const joinOrLeave = (action: 'join' | 'leave'): void => {
      const broker = this.namespaces.get(name)?.broker
      broker?.[action](`${name}:*`)?.catch((error: unknown) => {
        this.observer.failed(`broker.${action}`, error)
      })
    }
    const wanted = this.#taps.wants(name)
    const remove = this.#taps.add(pattern, listener)
    if (!wanted) joinOrLeave('join')
    return () => {
      remove()
      if (!this.#taps.wants(name)) joinOrLeave('leave')
    }
  }

  /** Answers every accepted publish, tells the clients to come back within `spreadMs`, and ends their connections. */
  async stop(spreadMs: number): Promise<void> {
    this.#stopping = true
    const settled = Promise.all(this.namespaces.all().map(({ broker }) => broker.stop()))
    await drain(this.sessions.all(), spreadMs, this.#random, settled)
    this.timers.close()
    this.#cancelLook?.()
  }

  /** Why this node should be given no further connections; empty when it should. */
  unreadiness(): string[] {
    const reasons: string[] = []
    if (this.#stopping) reasons.push('stopping')
    if (this.sessions.size >= this.limits.max_connections) reasons.push('full')
    return reasons
  }

  // For sessions and commands

  command(type: string): Command | undefined {
    return this.#commands.get(type)
  }

  /** Now, as PROTOCOL.md writes it. Made once per millisecond. */
  timestamp(): string {
    const now = this.clock.now()
    if (now !== this.#timestampAt) {
      this.#timestampAt = now
      this.#timestamp = new Date(now).toISOString()
    }
    return this.#timestamp
  }

  draft(
    channel: string,
    type: string,
    payload: JsonObject,
    messageId: string | undefined,
    by: { id?: string; user?: string | undefined },
  ): Publication {
    const metadata: Publication['metadata'] = {
      message_id: messageId ?? this.newId(),
      timestamp: this.timestamp(),
      channel,
    }
    if (by.id !== undefined) metadata.client_id = by.id
    if (by.user !== undefined) metadata.user = by.user
    return { type, payload, metadata }
  }

  /** For a draft whose publisher was authorised. */
  async publishDraft({ policy, broker }: Namespace, draft: Publication): Promise<Receipt> {
    const receipt = await broker.publish(draft)
    this.observer.published(policy.durability, receipt.duplicate)
    const { epoch, offset } = receipt
    if (epoch !== undefined && offset !== undefined) {
      this.#hub.expect(draft.metadata.channel, { epoch, offset })
    }
    return receipt
  }

  /** As `Broker.join`: undefined when what is published from now on reaches the subscription. */
  join(subscription: Subscription): Promise<void> | undefined {
    const { channel } = subscription
    this.#hub.join(channel, subscription)
    return this.namespaces.of(channel).broker.join(channel)
  }

  leave(subscription: Subscription): void {
    const { channel } = subscription
    subscription.end()
    if (!this.#hub.leave(channel, subscription)) return
    this.namespaces
      .of(channel)
      .broker.leave(channel)
      .catch((error: unknown) => this.observer.failed('broker.leave', error))
  }

  #failTurn(error: unknown, failed: Flushable): void {
    this.observer.failed('turn', error)
    if (!(failed instanceof Session)) return
    failed.end(
      new ProtocolError('unknown_error', 'Something failed on the server. Connect again.', {
        cause: error,
      }),
    )
  }

  #lookForGaps(): void {
    this.#cancelLook = this.clock.after(LOOK_FOR_GAPS_MS, () => {
      this.#hub.look()
      this.#lookForGaps()
    })
  }

  // Service

  async authenticate(token: string | undefined): Promise<Actor> {
    if (token === undefined) {
      if (this.namespaces.openToAnyone) return ANYONE
      throw required()
    }
    const actor = await this.#authenticator.authenticate(token)
    this.#revocations.check(actor)
    return actor
  }

  open(connection: Connection, actor: Actor | undefined): Session {
    const session = new Session(this, connection, this.newId())
    this.observer.connected(connection.transport)
    session.open(actor ?? (this.namespaces.openToAnyone ? ANYONE : undefined))
    if (this.#stopping) session.leave(SERVICE_RESTART, 'restart')
    else if (this.sessions.size > this.limits.max_connections) {
      session.end(new ProtocolError('too_many_connections', 'The server is full. Try again later.'))
    }
    return session
  }

  async publish(
    actor: Actor,
    { channel, type, payload, message_id }: PublishRequest,
  ): Promise<Receipt & { message_id: string }> {
    const namespace = this.namespaces.of(channel)
    permit(actor, 'publish', namespace)
    if (!isEventName(type) || isReserved(type)) {
      throw new ProtocolError(
        'bad_envelope',
        'The type is not the name of an event, such as `message`, or is one of the protocol.',
      )
    }
    if (message_id !== undefined && !isMessageId(message_id)) {
      throw new ProtocolError('bad_envelope', '`message_id` is not a text of 1 to 128 characters.')
    }
    // What the same publish costs as a frame, so that every transport takes the same.
    const metadata = message_id === undefined ? { channel } : { channel, message_id }
    boundFrame({ type, payload, metadata }, this.limits.max_frame_bytes)
    const draft = this.draft(channel, type, payload, message_id, { user: actor.user })
    const id = draft.metadata.message_id
    return { ...(await this.publishDraft(namespace, draft)), message_id: id }
  }

  async history(
    actor: Actor,
    channel: string,
    { epoch, limit = HISTORY_LIMIT, ...bounds }: HistoryRequest,
  ): Promise<Page> {
    const namespace = this.namespaces.of(channel)
    permit(actor, 'history', namespace)
    // Without bounds the newest ones are asked for.
    const newest = bounds.after === undefined && bounds.before === undefined
    const range = { ...(newest ? { before: Number.MAX_SAFE_INTEGER } : bounds), limit }
    const page = await namespace.broker.history(channel, range)
    if (epoch !== undefined && epoch !== page.epoch) {
      throw new ProtocolError(
        'conflict',
        `The channel's epoch is \`${page.epoch}\` now: the asked one is gone. Ask without it.`,
      )
    }
    return page
  }

  async call(
    actor: Actor,
    user: string,
    method: string,
    args: unknown,
    timeoutMs: number,
  ): Promise<CallResult> {
    permitServer(actor)
    const payload = { method, args, timeout_ms: timeoutMs }
    const frame = { type: 'call', payload: payload as JsonObject, metadata: {} }
    boundFrame(frame, this.limits.max_frame_bytes)
    const sessions = this.sessions.of(user).filter(({ connection }) => connection.duplex)
    return this.calls.ask(sessions, this.newId(), payload, this.timestamp())
  }

  async disconnect(
    actor: Actor,
    target: { user: string } | { token_id: string },
    { revoke }: { revoke: boolean },
  ): Promise<number> {
    permitServer(actor)
    if (revoke) this.#revocations.add(target)
    const sessions =
      'user' in target
        ? this.sessions.of(target.user)
        : this.sessions.all().filter(({ actor: its }) => its?.token_id === target.token_id)
    for (const session of sessions) {
      if (revoke) session.end(new ProtocolError('authentication_failed', 'The token was revoked.'))
      else session.leave(1000, 'disconnected')
    }
    return sessions.length
  }
}
