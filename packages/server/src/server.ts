import type http from 'node:http'
import type { Envelope, FrameLimits, JsonObject, Position, Publication } from '@tidewire/protocol'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import { Client, Clients, type Frame } from './client.ts'
import { type Policy, type PolicyInput, resolvePolicy } from './config/resolve.ts'
import type { CallResult } from './core/calls.ts'
import type { Actor } from './core/ports/actor.ts'
import { Batch } from './core/ports/batch.ts'
import type { Page, Receipt } from './core/ports/broker.ts'
import type { Action } from './core/ports/capabilities.ts'
import type { Clock } from './core/ports/clock.ts'
import type { Target } from './core/ports/revocations.ts'
import type { HistoryRequest } from './core/ports/service.ts'
import type { Session } from './core/session.ts'
import {
  audited,
  type ClientEvents,
  type CommandHandler,
  commandOf,
  type Guard,
  type InterceptHandler,
  interceptorOf,
  type MemberListener,
  type PublishInput,
  type RevocationListener,
  type RouteHandler,
  type RouteOptions,
  type Services,
} from './handlers.ts'
import type { Outbound, OutboundOptions } from './outbound/outbound.ts'
import { ownFrame, ownJson, ownPayload } from './own-json.ts'
import { type Addresses, type Parts, Run } from './parts.ts'
import { Rounds } from './rounds.ts'

/** Who acts when the application itself does. */
export const SERVER: Actor = { kind: 'server' }
const CALL_TIMEOUT_MS = 5_000

/** What users of the library and features hold. Whatever is done through it has the rights of a server key. */
export class Server {
  readonly #parts: Parts
  readonly #policies: Map<string, Policy>
  readonly #clients: Clients
  readonly #services: Partial<Services> = {}
  readonly #run: Run

  constructor(parts: Parts) {
    this.#parts = parts
    this.#policies = new Map(Object.entries(parts.config.namespaces))
    this.#clients = new Clients(parts.core)
    this.#run = new Run(parts, this, this.#policies)
  }

  /** Milliseconds since 1970, and timers: what tests hold in their hands. */
  get clock(): Clock {
    return this.#parts.core.clock
  }

  /** A unique id, which sorts by the time it was made. */
  newId(): string {
    return this.#parts.core.newId()
  }

  /** The data directory, as configured; it need not be there. */
  get data(): string {
    return this.#parts.config.data
  }

  /** What a frame may cost: payloads beyond are refused. */
  get limits(): FrameLimits {
    return this.#parts.config.limits
  }

  /** Tells the log and the metrics of a failure in `where` that no client is to blame for. */
  failed(where: string, error: unknown): void {
    this.#parts.core.observer.failed(where, error)
  }

  /** Work of a feature in the background, whose failures are told as `where`. Close it with the feature. */
  rounds(where: string, work: () => Promise<void>): Rounds {
    return new Rounds({ clock: this.clock, work, onError: (error) => this.failed(where, error) })
  }

  /** Requests to addresses that somebody else gave: never to this machine or its network. Ends with the server. */
  outbound(options: OutboundOptions = {}): Outbound {
    return this.#parts.outbound(options)
  }

  /** Adds a namespace, or replaces one of the configuration. Only before `listen` and `attach`. Throws `ConfigError`. */
  namespace(name: string, policy: PolicyInput = {}): void {
    if (!this.#run.settingUp) throw new Error('Add namespaces before the server listens.')
    this.#policies.set(name, resolvePolicy(name, policy))
  }

  /** The namespaces that there are, or will be when the server listens. */
  hasNamespace(name: string): boolean {
    return this.#policies.has(name)
  }

  policyOf(name: string): Policy | undefined {
    return this.#policies.get(name)
  }

  /** Offers other features what this one does. Throws when another does it already. */
  provide<Name extends keyof Services>(name: Name, service: Services[Name]): void {
    if (this.#services[name] !== undefined) {
      throw new Error(`Another feature provides \`${name}\` already.`)
    }
    this.#services[name] = service
  }

  /** What another feature does; undefined where none does. Features have their say in `setup`: ask after it. */
  service<Name extends keyof Services>(name: Name): Services[Name] | undefined {
    return this.#services[name]
  }

  /** A type that clients may send, beside those of the protocol. Throws when the type is taken. */
  command(type: string, handler: CommandHandler): void {
    const { limits } = this
    const command = commandOf({ type, handler, clients: this.#clients, limits })
    this.#parts.core.addCommand(type, command)
  }

  /**
   * An HTTP route on the public port, such as `('POST', '/v1/orders/:id', handler)`. The handler gets the actor; what it
   * refuses goes to the audit log. With `about` it stands in /openapi.json.
   */
  route(method: string, path: string, handler: RouteHandler, options: RouteOptions = {}): void {
    const { about, ...limits } = options
    const anyone = limits.anyone === true
    if (about !== undefined) this.#parts.describe({ method, path, about, anyone })
    this.#parts.route(method, path, audited(handler, this.#parts.core.observer), limits)
  }

  /**
   * Resolves when the channel's log holds the publication. The payload is copied. Rejects with `ProtocolError`:
   * `bad_envelope` for a payload that is no JSON object, `message_too_large` for one that fits in no frame.
   */
  async publish(
    channel: string,
    { user, ...message }: PublishInput,
  ): Promise<Receipt & { message_id: string }> {
    const { core, config } = this.#parts
    const payload = ownPayload(message.payload, config.limits)
    const actor = user === undefined ? SERVER : { ...SERVER, user }
    return core.publish(actor, { channel, ...message, payload, reserved: true })
  }

  /**
   * Looks at every publication of the namespace before it gets its place, in the order in which each client sent them:
   * what is thrown refuses it, what is returned is published instead.
   */
  intercept(namespace: string, handler: InterceptHandler): void {
    this.#parts.core.interceptors.add(namespace, interceptorOf(handler))
  }

  /**
   * Asked for everything that the rules or a token let somebody do in the namespace, over every transport: what is not
   * `true` refuses it. Backends are not asked about. When an answer becomes another, `recheck` makes it count at once.
   */
  guard(namespace: string, guard: Guard): void {
    this.#parts.core.gate.guard(namespace, {
      authorize: ({ actor, action, channel }) => guard({ user: actor.user, action, channel }),
    })
  }

  /** The rights in the channel may have changed: who is subscribed and may no longer be is told so, and hears no more. */
  recheck(channel: string): Promise<void> {
    return this.#parts.core.rights.recheckAll(channel)
  }

  /** As PROTOCOL.md §4. Without bounds the newest ones. */
  history(channel: string, request: HistoryRequest = {}): Promise<Page> {
    return this.#parts.core.history(SERVER, channel, request)
  }

  /**
   * Changes what history and recovery bring of a publication from now on, and keeps nothing of what it was. Delivers
   * nothing: publish an event that tells. False when the log no longer holds it.
   */
  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    const { core, config } = this.#parts
    const { broker } = core.namespaces.of(channel)
    return broker.replace(channel, position, ownPayload(payload, config.limits))
  }

  /** Sends a frame to who is subscribed to the channel now; it gets no place in the log. */
  signal(
    channel: string,
    frame: Frame,
    { except = [] }: { except?: readonly Client[] } = {},
  ): void {
    const { core } = this.#parts
    const metadata = { timestamp: core.timestamp() }
    core.channels.signal(
      channel,
      { ...this.#ownFrame('signal', frame), metadata },
      except.map((client) => Client.sessionOf(client)),
    )
  }

  /** Sends frames to every client of the user, or to these clients, encoded once for all of them; how many there are. */
  send(to: string | readonly Client[], frames: Frame | readonly Frame[]): number {
    const clients = typeof to === 'string' ? this.clients(to) : to
    const metadata = { timestamp: this.#parts.core.timestamp() }
    const owned = [frames].flat().map((frame) => ({ ...this.#ownFrame('frame', frame), metadata }))
    if (owned.length === 0) return clients.length
    const batch = new Batch(owned)
    for (const client of clients) Client.sessionOf(client).push(batch)
    return clients.length
  }

  /** The clients of the user that are connected now. */
  clients(user: string): readonly Client[] {
    return this.#clients.ofUser(user)
  }

  /** How many clients of this server are subscribed to the channel. */
  subscribers(channel: string): number {
    return this.#parts.core.channels.listeners(channel)
  }

  /** Calls `listener` from now on; the result ends it. What it throws is logged and reaches nobody else. */
  on<Event extends keyof ClientEvents>(event: Event, listener: ClientEvents[Event]): () => void {
    const tell = listener as (client: Client, ...what: unknown[]) => void
    const { lifecycle } = this.#parts.core
    return lifecycle.on(event, (session: Session, ...what: unknown[]) =>
      tell(this.#clients.of(session), ...what),
    )
  }

  /** Whether the rules, the hook and the application let the user do it; of an actor, whether its token does, too. */
  async permits(who: string | Actor, action: Action, channel: string): Promise<boolean> {
    const actor: Actor = typeof who === 'string' ? { kind: 'user', user: who } : who
    return this.#parts.core.gate.allows(actor, action, channel)
  }

  /** Tables of a feature, in the store of the data directory. `migrations` run in the order of their names. */
  tables<Tables>(
    feature: string,
    migrations: Readonly<Record<string, Migration>>,
  ): Promise<Kysely<Tables>> {
    return this.#parts.tables(feature, migrations) as Promise<Kysely<Tables>>
  }

  /**
   * Calls `listener` for each publication of a channel, or of all that match `namespace:prefix*`, from now on; the
   * result ends it. What the listener throws is logged and reaches nobody else.
   */
  subscribe(
    pattern: string,
    listener: (publication: Publication) => void | Promise<void>,
  ): () => void {
    return this.#parts.core.tap(pattern, listener)
  }

  /**
   * Asks the user's clients; the first answer counts. Rejects with `not_found` when none is connected, and with
   * `unavailable` when none answers within `timeoutMs` (5 s). `args` are JSON and are bounded as a payload is.
   */
  async call(
    user: string,
    method: string,
    args: unknown,
    { timeoutMs = CALL_TIMEOUT_MS }: { timeoutMs?: number } = {},
  ): Promise<CallResult> {
    const { core, config } = this.#parts
    const owned = ownPayload({ args: ownJson(args ?? null) }, config.limits)
    return core.call(SERVER, user, method, owned['args'], timeoutMs)
  }

  /** Makes the user a member of the channel, as the rule `member` asks. True when it was none before. */
  async addMember(channel: string, user: string): Promise<boolean> {
    this.#parts.core.namespaces.of(channel)
    return this.#parts.members.add(channel, user)
  }

  /** Ends the membership, and with it the subscriptions that stood on it. True when the user was a member. */
  removeMember(channel: string, user: string): Promise<boolean> {
    return this.#parts.members.remove(channel, user)
  }

  /** At once where it is known. */
  isMember(channel: string, user: string): boolean | Promise<boolean> {
    return this.#parts.members.has(channel, user)
  }

  /** The members of a channel, in the order of their ids: at most `limit` (100) after the user `after`. */
  members(
    channel: string,
    { after, limit = 100 }: { after?: string; limit?: number } = {},
  ): Promise<readonly string[]> {
    return this.#parts.members.list(channel, { limit, ...(after === undefined ? {} : { after }) })
  }

  /** Calls `listener` after each change of members in the namespace, whoever made it; the result ends it. */
  watchMembers(namespace: string, listener: MemberListener): () => void {
    return this.#parts.members.watch((change) =>
      change.channel.startsWith(`${namespace}:`) ? listener(change) : undefined,
    )
  }

  countMembers(channel: string): Promise<number> {
    return this.#parts.members.count(channel)
  }

  /** The channels of a namespace that the user is a member of, in the order of their names. */
  memberships(
    user: string,
    page: { namespace: string; after?: string; limit: number },
  ): Promise<readonly string[]> {
    return this.#parts.members.channels(user, page)
  }

  /**
   * Ends the live connections of a user, a token (`jti`), a login (`sid`) or a server key; with `revoke`, what was issued
   * until now stays refused, also after a restart: access tokens, and the refresh tokens of the user or the login. Resolves
   * with how many connections ended. Where the store fails it rejects, with `unavailable` or `storage_full`, and the
   * connections have ended all the same: revoke again, so that it lasts.
   */
  disconnect(target: Target, { revoke = false }: { revoke?: boolean } = {}): Promise<number> {
    return this.#parts.core.disconnect(SERVER, target, { revoke })
  }

  /**
   * Calls `listener` after each revocation, whoever made it; the result ends it. What it throws is logged and reaches nobody
   * else. Of a user it is called twice: when the user's sessions end, and again when the refresh tokens have ended.
   */
  watchRevocations(listener: RevocationListener): () => void {
    return this.#parts.core.rights.watch(listener)
  }

  /** Whether what the actor showed was revoked since: for what outlives its request. Revocations are kept for a week. */
  isRevoked(actor: Actor): boolean {
    return this.#parts.core.rights.isRevoked(actor)
  }

  /**
   * Listens on the configured ports. Rejects with what the system says, such as `EADDRINUSE`, or `StorageError`; the
   * server is closed then.
   */
  listen(): Promise<Addresses> {
    return this.#run.listen()
  }

  /** Serves the paths of the protocol on an application's server, which keeps all others. */
  attach(server: http.Server): Promise<void> {
    return this.#run.attach(server)
  }

  /** Answers what was accepted, tells clients when to come back, and resolves when everything is closed. Idempotent. */
  close(): Promise<void> {
    return this.#run.close()
  }

  #ownFrame(what: string, frame: Frame): Envelope {
    return ownFrame(what, frame, this.#parts.config.limits)
  }
}
