import { type Envelope, type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import { MemoryBroker } from '../brokers/memory.ts'
import { Core, type CoreOptions } from '../core/core.ts'
import type { Limits } from '../core/limits.ts'
import type { Policy } from '../core/namespaces.ts'
import type { Actor } from '../core/ports/actor.ts'
import type { Broker, Page, Receipt } from '../core/ports/broker.ts'
import type { Refusal } from '../core/ports/observer.ts'
import type { SessionHandle } from '../core/ports/service.ts'
import { FakeClock } from './fake-clock.ts'
import { type ConnectionKind, FakeConnection } from './fake-connection.ts'

const SILENT = {
  connected: () => undefined,
  disconnected: () => undefined,
  published: () => undefined,
  delivered: () => undefined,
  reset: () => undefined,
  failed: (where: string, error: unknown) => {
    throw new Error(`unexpected failure in ${where}`, { cause: error })
  },
}

const PLENTY = { burst: 20_000, per_second: 2_000 }

export const LIMITS: Limits = {
  max_frame_bytes: 65_536,
  max_depth: 64,
  max_keys: 1000,
  max_channels: 3,
  max_outbox_bytes: 1000,
  max_in_flight: 4,
  max_connections: 5,
  max_connections_per_user: 5,
  max_connections_per_address: 5,
  connection: { publishes: PLENTY, commands: PLENTY, history: PLENTY },
  user: { publishes: PLENTY, commands: PLENTY, history: PLENTY },
  address: { connects: PLENTY, requests: PLENTY, publishes: PLENTY, failures: PLENTY },
  events: {},
}

export const ADA: Actor = { kind: 'user', user: 'ada' }

export interface Connected {
  session: SessionHandle
  connection: FakeConnection
}

/** A core over a memory log, with fake time and fake connections. Tokens are `token of <user>`. */
export class CoreHarness {
  readonly clock = new FakeClock()
  readonly core: Core
  readonly broker: MemoryBroker
  /** What the audit log was told. */
  readonly refusals: Refusal[] = []
  /** How many tokens were looked at. */
  authentications = 0
  #ids = 0

  private constructor(options: Partial<CoreOptions>) {
    const newId = (): string => `id${(this.#ids += 1)}`
    this.core = new Core({
      clock: this.clock,
      newId,
      observer: { ...SILENT, refused: (refusal) => void this.refusals.push(refusal) },
      limits: LIMITS,
      noLimits: false,
      heartbeatMs: 25_000,
      revalidateMs: 30_000,
      random: () => 0.5,
      authenticator: { authenticate: (token) => this.#authenticate(token) },
      ...options,
    })
    this.broker = new MemoryBroker({ clock: this.clock, newId, retention: { max_entries: 100 } })
  }

  /** With the namespaces `chat`, where users publish, and `news`, where servers do. */
  static async start(options: Partial<CoreOptions> = {}): Promise<CoreHarness> {
    const harness = new CoreHarness(options)
    await harness.add('chat', harness.broker)
    await harness.add('news', harness.broker, { publish: 'server' })
    return harness
  }

  async add(name: string, broker: Broker, rules: Partial<Policy> = {}): Promise<void> {
    const policy: Policy = {
      durability: 'memory',
      publish: 'user',
      subscribe: 'user',
      history: 'user',
      presence: 'user',
      hook: false,
      retention: {},
      min_flush_interval_ms: 0,
      ...rules,
    }
    await this.core.addNamespace({ name, policy, broker })
  }

  connect(actor: Actor = ADA, kind: ConnectionKind = {}): Connected {
    const connection = new FakeConnection(kind)
    return { connection, session: this.core.open(connection, actor) }
  }

  /** One that has to send `auth` first. */
  connectStranger(kind: ConnectionKind = {}): Connected {
    const connection = new FakeConnection(kind)
    return { connection, session: this.core.open(connection, undefined) }
  }

  async publishMany(count: number, channel = 'chat:a'): Promise<void> {
    for (let i = 0; i < count; i++) {
      await this.core.publish(ADA, { channel, type: 'message', payload: { i } })
    }
  }

  async #authenticate(token: string): Promise<Actor> {
    this.authentications += 1
    if (!token.startsWith('token of ')) {
      throw new ProtocolError('authentication_failed', 'The token is forged.')
    }
    return { kind: 'user', user: token.slice(9), expires_at: this.clock.now() + 3_600_000 }
  }
}

export function frame(
  type: string,
  payload: JsonObject = {},
  metadata: Envelope['metadata'] = {},
): Envelope {
  return { type, payload, metadata }
}

export function message(text: string, id: string, channel = 'chat:a'): Envelope {
  return frame('message', { text }, { message_id: id, channel })
}

/** A broker whose bus loses every third publication. */
export class Lossy implements Broker {
  readonly #inner: Broker
  dropped = 0

  constructor(inner: Broker) {
    this.#inner = inner
  }

  start(onPublications: Parameters<Broker['start']>[0]): Promise<void> {
    return this.#inner.start((channel, epoch, publications) =>
      this.pass(() => onPublications(channel, epoch, publications), publications[0]!),
    )
  }

  protected pass(deliver: () => void, { metadata }: Publication): void {
    if (metadata.offset! % 3 === 2) this.dropped += 1
    else deliver()
  }

  publish(draft: Publication): ReturnType<Broker['publish']> {
    return this.#inner.publish(draft)
  }

  history(channel: string, range: Parameters<Broker['history']>[1]): Promise<Page> {
    return this.#inner.history(channel, range)
  }

  replace(...args: Parameters<Broker['replace']>): Promise<boolean> {
    return this.#inner.replace(...args)
  }

  join(channel: string): Promise<void> | undefined {
    return this.#inner.join(channel)
  }

  leave(channel: string): Promise<void> {
    return this.#inner.leave(channel)
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }
}

/** What happens to the nth publication on a bus: how many copies arrive, and how many steps late. */
export interface BusFault {
  copies: number
  later: number
}

/** A broker whose bus loses, doubles and delays. */
export class Shuffled extends Lossy {
  readonly #plan: readonly BusFault[]
  readonly #due = new Map<number, (() => void)[]>()
  #count = 0
  #now = 0

  constructor(inner: Broker, plan: readonly BusFault[]) {
    super(inner)
    this.#plan = plan
  }

  /** Brings what is due. */
  step(): void {
    this.#now += 1
    for (const deliver of this.#due.get(this.#now) ?? []) deliver()
    this.#due.delete(this.#now)
  }

  stepToEnd(): void {
    while (this.#due.size > 0) this.step()
  }

  protected override pass(deliver: () => void): void {
    const { copies, later } = this.#plan[this.#count % this.#plan.length]!
    this.#count += 1
    for (let copy = 0; copy < copies; copy++) {
      const at = this.#now + 1 + later + copy
      const others = this.#due.get(at) ?? []
      this.#due.set(at, [...others, deliver])
    }
  }
}

/** A broker that answers publishes when it is told to. */
export class Withheld extends Lossy {
  readonly #releases: (() => void)[]

  constructor(inner: Broker, releases: (() => void)[]) {
    super(inner)
    this.#releases = releases
  }

  override async publish(draft: Publication): Promise<Receipt> {
    await new Promise<void>((resolve) => this.#releases.push(resolve))
    return super.publish(draft)
  }
}

/** The history of `chat:a` under another name, in small pages. */
export class Paged extends Lossy {
  readonly #size: number
  readonly #log: Broker

  constructor(inner: Broker, size: number) {
    super(inner)
    this.#log = inner
    this.#size = size
  }

  override history(_: string, range: Parameters<Broker['history']>[1]): Promise<Page> {
    return this.#log.history('chat:a', { ...range, limit: Math.min(range.limit, this.#size) })
  }
}

/** A broker that knows how many reads were under way at once. */
export class Counting extends Lossy {
  most = 0
  #now = 0

  override async history(channel: string, range: Parameters<Broker['history']>[1]): Promise<Page> {
    this.#now += 1
    this.most = Math.max(this.most, this.#now)
    const page = await super.history(channel, range)
    this.#now -= 1
    return page
  }
}
