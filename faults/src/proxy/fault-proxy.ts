import { connect, createServer, type Server, type Socket } from 'node:net'
import type { Chance } from '../chance.ts'
import { Lane } from './lane.ts'
import type { Direction, Toxic } from './toxics.ts'

export interface FaultProxyOptions {
  /** The port behind it, on 127.0.0.1. It may be closed at times: then connections are reset. */
  target: number
  chance: Chance
}

/**
 * A TCP proxy on 127.0.0.1 that does what networks do. Toxics meet the connections that are open and those that come;
 * whether a connection has one is decided once, by the seed and the toxic's `toxicity`.
 */
export class FaultProxy {
  readonly port: number
  readonly #server: Server
  readonly #connections = new Set<ProxiedConnection>()
  #toxics: readonly Toxic[] = []
  /** Connections so far. */
  accepted = 0

  private constructor(server: Server, port: number, { target, chance }: FaultProxyOptions) {
    this.#server = server
    this.port = port
    server.on('connection', (client) => {
      this.accepted += 1
      const own = chance.fork(`connection ${this.accepted}`)
      const connection = new ProxiedConnection(client, target, own, () => {
        this.#connections.delete(connection)
      })
      this.#connections.add(connection)
      connection.spare(this.#toxics.filter(({ openOnly }) => openOnly === true))
      connection.set(this.#toxics)
    })
  }

  static async start(options: FaultProxyOptions): Promise<FaultProxy> {
    const server = createServer({ allowHalfOpen: true, noDelay: true })
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(0, '127.0.0.1', resolve)
    })
    const { port } = server.address() as { port: number }
    return new FaultProxy(server, port, options)
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  /** Connections that are open. */
  get open(): number {
    return this.#connections.size
  }

  /** Bytes that wait in it. */
  get held(): number {
    let held = 0
    for (const connection of this.#connections) held += connection.held
    return held
  }

  /** Returns what removes it again. */
  add(toxic: Toxic): () => void {
    this.#set([...this.#toxics, toxic])
    return () => this.#set(this.#toxics.filter((other) => other !== toxic))
  }

  /**
   * Half-open: nothing passes in the open connections, neither way, and neither side is told. New ones are well. Returns
   * what lets the held bytes, and the end that a side may have made meanwhile, pass after all.
   */
  strand(): () => void {
    const removes = (['upstream', 'downstream'] as const).map((stream) =>
      this.add({ type: 'timeout', timeout: 0, stream, openOnly: true }),
    )
    return () => removes.forEach((remove) => remove())
  }

  /** Removes all toxics. */
  heal(): void {
    this.#set([])
  }

  /** Resets every open connection. */
  sever(): void {
    for (const connection of this.#connections) connection.reset()
  }

  async close(): Promise<void> {
    this.sever()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #set(toxics: readonly Toxic[]): void {
    this.#toxics = toxics
    for (const connection of this.#connections) connection.set(toxics)
  }
}

/** A client, its connection to the target, and the two lanes between them. */
class ProxiedConnection {
  readonly #client: Socket
  readonly #target: Socket
  readonly #chance: Chance
  readonly #lanes: Readonly<Record<Direction, Lane>>
  readonly #onClose: () => void
  /** Whether this connection has a toxic, decided when it met it. */
  readonly #decided = new Map<Toxic, boolean>()
  #closed = 0
  /** A side failed, which the other was not told yet. */
  #broken = false

  constructor(client: Socket, target: number, chance: Chance, onClose: () => void) {
    this.#client = client
    this.#chance = chance
    this.#onClose = onClose
    const options = { port: target, host: '127.0.0.1', allowHalfOpen: true, noDelay: true }
    this.#target = connect(options)
    const link = { end: () => this.#end(), reset: () => this.reset() }
    this.#lanes = {
      upstream: new Lane(this.#client, this.#target, link, chance.fork('upstream')),
      downstream: new Lane(this.#target, this.#client, link, chance.fork('downstream')),
    }
    const { upstream, downstream } = this.#lanes
    this.#watch(this.#client, upstream)
    this.#watch(this.#target, downstream)
  }

  get held(): number {
    return this.#lanes.upstream.held + this.#lanes.downstream.held
  }

  /** Never gets these. */
  spare(toxics: readonly Toxic[]): void {
    for (const toxic of toxics) this.#decided.set(toxic, false)
  }

  set(toxics: readonly Toxic[]): void {
    for (const toxic of toxics) {
      if (!this.#decided.has(toxic)) {
        this.#decided.set(toxic, this.#chance.happens(toxic.toxicity ?? 1))
      }
    }
    const mine = toxics.filter((toxic) => this.#decided.get(toxic) === true)
    for (const direction of ['upstream', 'downstream'] as const) {
      this.#lanes[direction].set(mine.filter(({ stream }) => stream === direction))
    }
    const { upstream, downstream } = this.#lanes
    if (this.#broken && !upstream.black && !downstream.black) this.reset()
  }

  /** A side that fails takes the other one with it, as a broken connection does; in a black hole, once it is gone. */
  #watch(side: Socket, lane: Lane): void {
    side.on('error', () => {
      if (lane.black) this.#broken = true
      else this.reset()
    })
    side.on('close', () => this.#closedOne())
  }

  reset(): void {
    this.#closeLanes()
    this.#client.resetAndDestroy()
    // What is not connected yet cannot be reset.
    if (this.#target.connecting) this.#target.destroy()
    else this.#target.resetAndDestroy()
  }

  #end(): void {
    this.#closeLanes()
    this.#client.destroySoon()
    this.#target.destroySoon()
  }

  #closeLanes(): void {
    for (const lane of Object.values(this.#lanes)) lane.close()
  }

  #closedOne(): void {
    this.#closed += 1
    if (this.#closed < 2) return
    this.#closeLanes()
    this.#onClose()
  }
}
