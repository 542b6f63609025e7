import { type Envelope, type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import { Admission } from './admission.ts'
import { type CallResult, Calls } from './calls.ts'
import { Channels } from './channels.ts'
import { commands } from './commands/index.ts'
import { Conflations } from './conflation.ts'
import { drain } from './drain.ts'
import { boundFrame } from './frame-size.ts'
import { Gate } from './gate.ts'
import { History } from './history.ts'
import { Interceptors } from './interceptors.ts'
import { Lifecycle } from './lifecycle.ts'
import { Identity } from './identity.ts'
import { type Limits, toldLimits } from './limits.ts'
import type { Namespace, Namespaces } from './namespaces.ts'
import { Pace } from './pace.ts'
import { permitServer } from './permissions.ts'
import { type Actor, ANYONE } from './ports/actor.ts'
import type { Authenticator } from './ports/authenticator.ts'
import { grants } from './ports/capabilities.ts'
import type { Authorizer } from './ports/authorizer.ts'
import type { Page } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import { type Connection, SERVICE_RESTART } from './ports/connection.ts'
import { type Members, NO_MEMBERS } from './ports/members.ts'
import type { Observer } from './ports/observer.ts'
import type { RefreshTokenStore } from './ports/refresh-tokens.ts'
import type { RevocationStore, Target } from './ports/revocations.ts'
import type {
  HistoryRequest,
  PublishReceipt,
  PublishRequest,
  Service,
  SessionHandle,
} from './ports/service.ts'
import { Publishing } from './publishing.ts'
import { RateLimits } from './rate-limits.ts'
import { noteRefusal } from './refusals.ts'
import { Rights } from './rights.ts'
import { Session } from './session.ts'
import { Sessions } from './sessions.ts'
import type { Listener } from './taps.ts'
import { Timers } from './timers.ts'
import { turnAway } from './turned-away.ts'
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

export interface CoreOptions {
  authenticator: Authenticator
  clock: Clock
  observer: Observer
  /** Unique, ascending: the identity of messages and connections. */
  newId: () => string
  /** [0, 1) */
  random: () => number
  limits: Limits
  /** No rates, and as many connections of a user and an address as the server takes. */
  noLimits: boolean
  heartbeatMs: number
  /** Nobody is a member of anything without it. */
  members?: Members
  /** Asked for namespaces with `hook`, which are closed without it. */
  hook?: Authorizer | undefined
  /** Asked for everything that the rules allow. */
  authorize?: Authorizer | undefined
  /** Without it revocations are forgotten at a restart. */
  revocations?: RevocationStore | undefined
  /** Where logins are kept, which end when they or their users are revoked. */
  refreshTokens?: RefreshTokenStore | undefined
  /** How often the rights of open sessions are looked at again. */
  revalidateMs: number
}

/** Sessions, channels and rules of one node: what transports, the public API and features stand on. */
export class Core implements Service {
  readonly channels: Channels
  readonly namespaces: Namespaces
  readonly gate: Gate
  readonly sessions = new Sessions()
  readonly interceptors = new Interceptors()
  readonly lifecycle: Lifecycle
  readonly clock: Clock
  readonly observer: Observer
  readonly limits: Limits
  /** What clients are told of them. */
  readonly toldLimits: Record<string, number>
  /** The same for those whose publishes nobody counts. */
  readonly toldWithoutRates: Record<string, number>
  /** Undefined when there are none. */
  readonly rates: RateLimits | undefined
  readonly admission: Admission
  readonly rights: Rights
  readonly identity: Identity
  readonly heartbeatMs: number
  readonly turn: Turn
  readonly pace: Pace
  readonly timers: Timers
  readonly conflations: Conflations
  readonly calls: Calls
  readonly newId: () => string
  readonly #random: () => number
  readonly #publishing = new Publishing(this)
  readonly #history = new History(this)
  readonly #commands = new Map<string, Command>(Object.entries(commands))
  #stopping = false
  #timestamp = ''
  #timestampAt = 0

  constructor(options: CoreOptions) {
    this.clock = options.clock
    this.observer = options.observer
    this.lifecycle = new Lifecycle(options.observer)
    this.limits = options.limits
    this.heartbeatMs = options.heartbeatMs
    this.newId = options.newId
    this.#random = options.random
    this.turn = new Turn(options.clock, (error, failed) => this.#failTurn(error, failed))
    this.pace = new Pace(options.clock)
    this.timers = new Timers(options.clock)
    this.conflations = new Conflations(options.clock)
    this.calls = new Calls(options.clock)
    this.channels = new Channels(options.clock, options.observer, this.turn)
    this.namespaces = this.channels.namespaces
    this.gate = new Gate({
      namespaces: this.namespaces,
      members: options.members ?? NO_MEMBERS,
      hook: options.hook,
      callback: options.authorize,
      onError: (error) => this.observer.failed('permission', error),
    })
    const { limits, noLimits, random } = options
    const { clock, timers, sessions } = this
    this.toldLimits = toldLimits(limits, noLimits)
    this.toldWithoutRates = toldLimits(limits, true)
    this.rates = noLimits ? undefined : new RateLimits(limits, clock, timers)
    this.admission = new Admission({ limits, sessions, rates: this.rates, random })
    const { authenticator, revocations, refreshTokens, revalidateMs } = options
    this.rights = new Rights(this, { revocations, refreshTokens, revalidateMs })
    const { namespaces, rates, rights } = this
    this.identity = new Identity({ authenticator, namespaces, rates, rights })
  }

  // Composition

  /** Who was revoked in an earlier life stays out. Before the first connection. */
  loadRevocations(): Promise<void> {
    return this.rights.load()
  }

  /** Starts the broker of the namespace; its channels exist from then on. */
  addNamespace(namespace: Namespace): Promise<void> {
    return this.channels.add(namespace)
  }

  /** A further type that clients may send. Throws when the name is taken. */
  addCommand(type: string, command: Command): void {
    if (this.#commands.has(type)) throw new Error(`The command \`${type}\` exists already.`)
    this.#commands.set(type, command)
  }

  /** Publications of all channels that match `namespace:rest` or `namespace:prefix*`, as they happen. */
  tap(pattern: string, listener: Listener): () => void {
    return this.channels.tap(pattern, listener)
  }

  /** Answers every accepted publish, tells the clients to come back within `spreadMs`, and ends their connections. */
  async stop(spreadMs: number): Promise<void> {
    this.#stopping = true
    await drain(this.sessions.all(), spreadMs, this.#random, this.channels.stop())
    this.timers.close()
    this.rights.stop()
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

  /** As `history`, for who counted it already and tells the audit log itself. */
  read(actor: Actor, channel: string, request: HistoryRequest & { limit: number }): Promise<Page> {
    return this.#history.read(actor, channel, request)
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

  // Service

  async authenticate(token: string | undefined, address?: string): Promise<Actor> {
    try {
      return await this.identity.of(token, address)
    } catch (error) {
      noteRefusal(this.observer, error, { action: 'authenticate', address })
      throw error
    }
  }

  authenticateNow(token: string, address: string): Actor | undefined {
    try {
      return this.identity.now(token, address)
    } catch (error) {
      noteRefusal(this.observer, error, { action: 'authenticate', address })
      throw error
    }
  }

  async refresh<T>(address: string, trade: () => Promise<T>): Promise<T> {
    try {
      return await this.identity.refresh(address, trade)
    } catch (error) {
      noteRefusal(this.observer, error, { action: 'refresh', address })
      throw error
    }
  }

  admit(address: string, what: 'connection' | 'request'): void {
    try {
      this.admission.admit(address, what)
    } catch (error) {
      const action = what === 'connection' ? 'connect' : what
      noteRefusal(this.observer, error, { action, address })
      throw error
    }
  }

  count(actor: Actor, cost: number): void {
    if (actor.kind === 'server') return
    try {
      this.rates?.command(actor.user, undefined, cost)
    } catch (error) {
      throw this.#noted(error, actor, 'request')
    }
  }

  open(connection: Connection, given: Actor | undefined): SessionHandle {
    const { address, transport } = connection
    const actor = given ?? (this.namespaces.openToAnyone ? { ...ANYONE, address } : undefined)
    const refused = this.#refusal(connection, actor)
    if (refused !== undefined) {
      const who = { user: actor?.user, key_id: actor?.key_id, address, transport }
      noteRefusal(this.observer, refused, { action: 'connect', ...who })
      return turnAway(connection, refused, this.newId(), this.timestamp())
    }
    const session = new Session(this, connection, this.newId())
    this.observer.connected(transport)
    session.open(actor)
    if (this.#stopping) session.leave(SERVICE_RESTART, 'restart')
    return session
  }

  async publish(actor: Actor, request: PublishRequest): Promise<PublishReceipt> {
    try {
      return await this.#publishing.one(actor, request)
    } catch (error) {
      throw this.#noted(error, actor, 'publish', request.channel)
    }
  }

  async publishMany(
    actor: Actor,
    channels: readonly string[],
    request: Omit<PublishRequest, 'channel'>,
  ): Promise<PromiseSettledResult<PublishReceipt>[]> {
    const results = await this.#publishing.many(actor, channels, request)
    for (const [i, result] of results.entries()) {
      if (result.status === 'rejected') this.#noted(result.reason, actor, 'publish', channels[i])
    }
    return results
  }

  async history(actor: Actor, channel: string, request: HistoryRequest): Promise<Page> {
    try {
      return await this.#history.page(actor, channel, request)
    } catch (error) {
      throw this.#noted(error, actor, 'history', channel)
    }
  }

  checkChannel(channel: string): void {
    this.namespaces.of(channel)
  }

  async call(
    actor: Actor,
    user: string,
    method: string,
    args: unknown,
    timeoutMs: number,
  ): Promise<CallResult> {
    // Who holds a grant for it is asked for by the channel of the user, whether there is such a namespace or not.
    const channel = `user:${user}`
    try {
      const granted = actor.channels !== undefined && grants(actor.channels, 'call', channel)
      if (!granted) permitServer(actor)
    } catch (error) {
      throw this.#noted(error, actor, 'call', channel)
    }
    const payload = { method, args, timeout_ms: timeoutMs }
    const frame = { type: 'call', payload: payload as JsonObject, metadata: {} }
    boundFrame(frame, this.limits.max_frame_bytes)
    const sessions = this.sessions.of(user).filter(({ connection }) => connection.duplex)
    return this.calls.ask(sessions, this.newId(), payload, this.timestamp())
  }

  recheck(user: string, channel: string): Promise<void> {
    return this.rights.recheck(user, channel)
  }

  async disconnect(actor: Actor, target: Target, options: { revoke: boolean }): Promise<number> {
    try {
      permitServer(actor)
    } catch (error) {
      throw this.#noted(error, actor, 'disconnect')
    }
    return this.rights.disconnect(target, options)
  }

  /** Why a connection gets no session. */
  #refusal({ address }: Connection, actor: Actor | undefined): ProtocolError | undefined {
    try {
      // It may have waited to be let in.
      if (actor !== undefined) this.rights.check(actor)
    } catch (error) {
      return error as ProtocolError
    }
    return this.admission.refusal(address, actor)
  }

  /** The error, which the audit log was told of when it is a refusal. */
  #noted(error: unknown, actor: Actor, action: string, channel?: string): unknown {
    const { user, key_id, address } = actor
    noteRefusal(this.observer, error, { action, channel, user, key_id, address })
    return error
  }
}
