import { ProtocolError } from '@tidewire/protocol'
import {
  type Actor,
  type Broker,
  Core,
  LIMITS as PLENTY,
  type Log,
  LoggedBroker,
  MemoryBroker,
} from '@tidewire/server/testing'
import { type Fabric, SimulatedBus, TroubledBroker } from './bus.ts'
import { type Disk, DiskLog } from './disk.ts'
import type { Host, Network } from './network.ts'
import { Node } from './simulator.ts'

const LIMITS = {
  ...PLENTY,
  max_channels: 16,
  max_outbox_bytes: 6_000,
  max_in_flight: 8,
  max_connections: 100,
}

/** Faults of a server that one puts there: what the simulation must find. */
export interface Tampering {
  /** In the place of the log of the disk. */
  log?(log: Log, disk: Disk, node: Node): Log
  /** In the place of the brokers. */
  broker?(broker: Broker): Broker
}

export interface ServerOptions {
  network: Network
  fabric: Fabric
  disk: Disk
  /** Entries that the memory broker keeps of a channel. */
  memoryEntries: number
  tampering: Tampering
  /** Something failed that no fault explains. */
  onError: (where: string, error: unknown) => void
}

/** Namespaces: `log` lasts on the disk, `mem` as long as the server runs. */
export class SimulatedServer {
  readonly node: Node
  readonly host: Host
  /** How often it began with an empty memory. */
  lives = 0
  readonly #options: ServerOptions
  #core: Core | undefined

  constructor(name: string, options: ServerOptions) {
    this.#options = options
    this.node = new Node(name, options.network.simulator)
    this.host = { node: this.node, service: undefined }
    options.network.hosts.push(this.host)
  }

  get isUp(): boolean {
    return this.host.service !== undefined
  }

  /** Comes up after `ms`. */
  startAfter(ms: number): void {
    this.node.after(ms, () => this.#started(this.#start()), 'start')
  }

  /**
   * Its memory is gone. `told`: its machine lives on and breaks the connections; else they fall silent, and the disk loses
   * what was not synced.
   */
  crash(told: boolean): void {
    if (!told) this.#options.disk.loseTail()
    this.host.service = undefined
    this.#core = undefined
    this.node.crash()
    this.#options.fabric.buses.delete(this.node)
    for (const link of this.#options.network.links) {
      if (link.host === this.host) link.lose(told)
    }
  }

  /** Ends as a server does that is told to, and comes up again. */
  drain(): void {
    const core = this.#core
    if (core === undefined) return
    this.#core = undefined
    this.host.service = undefined
    this.#started(
      core.stop(1_000).then(() => {
        this.node.after(
          100,
          () => {
            this.crash(true)
            this.startAfter(500)
          },
          'exit',
        )
      }),
    )
  }

  /** Of a user, until `ms` from now by this server's clock. */
  token(user: string, ms: number): string {
    return `${user}.${this.node.now() + ms}`
  }

  #started(work: Promise<void>): void {
    work.catch((error: unknown) => this.#options.onError('server', error))
  }

  async #start(): Promise<void> {
    const { fabric, disk, memoryEntries, tampering, onError } = this.#options
    const { node } = this
    this.lives += 1
    let ids = 0
    const newId = (): string => `${node.name}-${this.lives}-${(ids += 1)}`
    const core = new Core({
      clock: node,
      newId,
      random: () => node.chance.next(),
      limits: LIMITS,
      noLimits: true,
      heartbeatMs: 25_000,
      revalidateMs: 30_000,
      authenticator: { authenticate: (token) => this.#authenticate(token) },
      observer: {
        connected: () => undefined,
        disconnected: () => undefined,
        published: () => undefined,
        delivered: () => undefined,
        reset: () => undefined,
        refused: () => undefined,
        failed: (where, error) => {
          if (!isExpected(error)) onError(where, error)
        },
      },
    })
    const retention = {}
    const log: Log = new DiskLog(node, disk)
    const durable = new LoggedBroker({
      log: tampering.log?.(log, disk, node) ?? log,
      bus: new SimulatedBus(fabric, node),
      clock: node,
      namespace: 'log',
      retention,
      onError,
    })
    const memory = new MemoryBroker({
      clock: node,
      newId,
      retention: { max_entries: memoryEntries },
    })
    const troubled = new TroubledBroker(memory, fabric, node, disk.pageSize)
    await this.#addNamespace(core, 'log', 'durable', durable)
    await this.#addNamespace(core, 'mem', 'memory', troubled)
    this.#core = core
    this.host.service = core
  }

  #addNamespace(
    core: Core,
    name: string,
    durability: 'memory' | 'durable',
    broker: Broker,
  ): Promise<void> {
    const rules = { publish: 'user', subscribe: 'user', history: 'user', presence: 'user' } as const
    return core.addNamespace({
      name,
      policy: { durability, ...rules, hook: false, retention: {}, min_flush_interval_ms: 1 },
      broker: this.#options.tampering.broker?.(broker) ?? broker,
    })
  }

  async #authenticate(token: string): Promise<Actor> {
    const [user = '', expires = ''] = token.split('.')
    const expires_at = Number(expires)
    if (!(expires_at > this.node.now())) {
      throw new ProtocolError('session_expired', 'The token expired.')
    }
    return { kind: 'user', user, expires_at }
  }
}

/** Of a disk in trouble. */
function isExpected(error: unknown): boolean {
  return error instanceof ProtocolError && error.reason === 'unavailable'
}
