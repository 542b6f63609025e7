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
import { Gate } from './gate.ts'
import { Hub } from './hub.ts'
import { type Namespace, Namespaces } from './namespaces.ts'
import { permitServer, required } from './permissions.ts'
import { type Actor, ANYONE } from './ports/actor.ts'
import type { Authenticator } from './ports/authenticator.ts'
import { grants } from './ports/capabilities.ts'
import type { Authorizer } from './ports/authorizer.ts'
import type { Page, Receipt } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import { type Connection, SERVICE_RESTART } from './ports/connection.ts'
import { type Members, NO_MEMBERS } from './ports/members.ts'
import type { Observer } from './ports/observer.ts'
import type { RevocationStore, Target } from './ports/revocations.ts'
import type { HistoryRequest, PublishRequest, Service } from './ports/service.ts'
import { recheck, revalidateAll } from './revalidation.ts'
import { isTarget, revoked, Revocations } from './revocations.ts'
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
  /** Nobody is a member of anything without it. */
  members?: Members
  /** Asked for namespaces with `hook`, which are closed without it. */
  hook?: Authorizer | undefined
  /** Asked for everything that the rules allow. */
  authorize?: Authorizer | undefined
  /** Without it revocations are forgotten at a restart. */
  revocations?: RevocationStore | undefined
  /** How often the rights of open sessions are looked at again. */
  revalidateMs: number
}

const HISTORY_LIMIT = 100
/** A publication that the bus lost is missed after one to two of these, also when no other follows it. */
const LOOK_FOR_GAPS_MS = 2_000

/** Sessions, channels and rules of one node: what transports, the public API and features stand on. */
export class Core implements Service {
  readonly namespaces = new Namespaces()
  readonly gate: Gate
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
  readonly #revocations = new Revocations()
  readonly #revocationStore: RevocationStore | undefined
  readonly #revalidateMs: number
  readonly #random: () => number
  readonly #commands = new Map<string, Command>(Object.entries(commands))
  #cancelLook: (() => void) | undefined
  #cancelRevalidation: (() => void) | undefined
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
    this.#revocationStore = options.revocations
    this.#revalidateMs = options.revalidateMs
    this.turn = new Turn(options.clock, (error, failed) => this.#failTurn(error, failed))
    this.timers = new Timers(options.clock)
    this.calls = new Calls(options.clock)
    this.#hub = new Hub(this.turn)
    this.#taps = new Taps(options.observer)
    this.gate = new Gate({
      namespaces: this.namespaces,
      members: options.members ?? NO_MEMBERS,
      hook: options.hook,
      callback: options.authorize,
    })
    this.#lookForGaps()
    this.#revalidate()
  }

  // Composition

  /** Who was revoked in an earlier life stays out. Before the first connection. */
  async loadRevocations(): Promise<void> {
    for (const revocation of (await this.#revocationStore?.all()) ?? []) {
      this.#revocations.add(revocation)
    }
  }

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
    this.#cancelRevalidation?.()
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

  #revalidate(): void {
    this.#cancelRevalidation = this.clock.after(this.#revalidateMs, () => {
      revalidateAll(this).then(
        () => {
          if (!this.#stopping) this.#revalidate()
        },
        (error: unknown) => this.observer.failed('revalidation', error),
      )
    })
  }

  // Rights that end

  /** Throws `authentication_failed` for who was revoked. */
  checkRevoked(actor: Actor): void {
    this.#revocations.check(actor)
  }

  /** The user's rights in the channel may have changed: open subscriptions are looked at again at once. */
  async recheck(user: string, channel: string): Promise<void> {
    this.gate.forget(user)
    await Promise.all(
      this.sessions.of(user).map((session) => {
        const subscription = session.subscriptions.get(channel)
        return subscription && recheck(this, session, subscription)
      }),
    )
  }

  // Service

  async authenticate(token: string | undefined, address?: string): Promise<Actor> {
    if (token === undefined) {
      if (!this.namespaces.openToAnyone) throw required()
      return address === undefined ? ANYONE : { ...ANYONE, address }
    }
    const actor = await this.#authenticator.authenticate(token)
    this.#revocations.check(actor)
    return address === undefined ? actor : { ...actor, address }
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
    await this.gate.permit(actor, 'publish', channel)
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
    await this.gate.permit(actor, 'history', channel)
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
    // Who holds a grant for it is asked for by the channel of the user, whether there is such a namespace or not.
    const granted = actor.channels !== undefined && grants(actor.channels, 'call', `user:${user}`)
    if (!granted) permitServer(actor)
    const payload = { method, args, timeout_ms: timeoutMs }
    const frame = { type: 'call', payload: payload as JsonObject, metadata: {} }
    boundFrame(frame, this.limits.max_frame_bytes)
    const sessions = this.sessions.of(user).filter(({ connection }) => connection.duplex)
    return this.calls.ask(sessions, this.newId(), payload, this.timestamp())
  }

  async disconnect(actor: Actor, target: Target, { revoke }: { revoke: boolean }): Promise<number> {
    permitServer(actor)
    if ('user' in target) this.gate.forget(target.user)
    if (!revoke) return this.#end(target, (session) => session.leave(1000, 'disconnected'))
    const revocation = { target, at: this.clock.now() }
    this.#revocations.add(revocation)
    const ended = this.#end(target, (session) => session.end(revoked()))
    await this.#revocationStore?.add(revocation)
    return ended
  }

  #end(target: Target, end: (session: Session) => void): number {
    const sessions =
      'user' in target
        ? this.sessions.of(target.user)
        : this.sessions.all().filter(({ actor }) => isTarget(actor, target))
    for (const session of sessions) end(session)
    return sessions.length
  }
}
