import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import type { Broker, Bus, OnPublications, Page, Range, Receipt } from '@tidewire/server/testing'
import type { Node, Simulator } from './simulator.ts'

/** What the ways between nodes, and between a broker and its hub, do to broadcasts. */
export interface BusTrouble {
  /** Broadcasts get lost, come twice, overtake each other and come in pieces. */
  lossy: boolean
  /** Joining takes time. */
  slowJoins: boolean
}

const LOSSY = { drop: 0.15, duplicate: 0.15 }
const JITTER_MS = 60
const JOIN_MS = 30
const READ_MS = 20

/** Carries broadcasts between all nodes of a world. */
export class Fabric {
  readonly simulator: Simulator
  readonly trouble: BusTrouble = { lossy: false, slowJoins: false }
  readonly buses = new Map<Node, SimulatedBus>()

  constructor(simulator: Simulator) {
    this.simulator = simulator
  }

  /** Hands `publications` to the bus or hub of a node, as well as the trouble lets it. */
  carry(from: Node, to: Node, publications: readonly Publication[], deliver: Deliver): void {
    if (!this.trouble.lossy) {
      if (from === to) deliver(publications)
      else this.#send(from, to, publications, deliver, { latency: 1 })
      return
    }
    const { chance } = this.simulator
    const pieces = chance.happens(0.5) ? publications.map((one) => [one]) : [publications]
    for (const piece of pieces) {
      this.#send(from, to, piece, deliver, { latency: chance.next() * JITTER_MS, ...LOSSY })
    }
  }

  #send(
    from: Node,
    to: Node,
    publications: readonly Publication[],
    deliver: Deliver,
    transit: { latency: number; drop?: number; duplicate?: number },
  ): void {
    this.simulator.send(from, to, 'broadcast', () => deliver(publications), transit)
  }
}

type Deliver = (publications: readonly Publication[]) => void

/** The bus of one life of one node. */
export class SimulatedBus implements Bus {
  readonly #fabric: Fabric
  readonly #node: Node
  /** Channel → whether its publications reach this node already. */
  readonly #joined = new Map<string, { reached: boolean }>()
  #onPublications: OnPublications = () => undefined

  constructor(fabric: Fabric, node: Node) {
    this.#fabric = fabric
    this.#node = node
    fabric.buses.set(node, this)
  }

  start(onPublications: OnPublications): Promise<void> {
    this.#onPublications = onPublications
    return Promise.resolve()
  }

  broadcast(
    channel: string,
    epoch: string | undefined,
    publications: readonly Publication[],
  ): Promise<void> {
    for (const [node, bus] of this.#fabric.buses) {
      const deliver: Deliver = (some) => bus.#deliver(channel, epoch, some)
      this.#fabric.carry(this.#node, node, publications, deliver)
    }
    return Promise.resolve()
  }

  join(channel: string): Promise<void> | undefined {
    if (this.#joined.get(channel)?.reached === true) return undefined
    const joined = { reached: !this.#fabric.trouble.slowJoins }
    this.#joined.set(channel, joined)
    if (joined.reached) return undefined
    return this.#node.sleep(this.#node.chance.next() * JOIN_MS).then(() => {
      joined.reached = true
    })
  }

  leave(channel: string): Promise<void> {
    this.#joined.delete(channel)
    return Promise.resolve()
  }

  stop(): Promise<void> {
    return Promise.resolve()
  }

  #deliver(channel: string, epoch: string | undefined, publications: readonly Publication[]): void {
    if (this.#joined.get(channel)?.reached === true) {
      this.#onPublications(channel, epoch, publications)
    }
  }
}

/** A broker that hands its publications to the hub, and its history to readers, through the same trouble. */
export class TroubledBroker implements Broker {
  readonly #inner: Broker
  readonly #fabric: Fabric
  readonly #node: Node
  readonly #pageSize: number

  constructor(inner: Broker, fabric: Fabric, node: Node, pageSize: number) {
    this.#inner = inner
    this.#fabric = fabric
    this.#node = node
    this.#pageSize = pageSize
  }

  start(onPublications: OnPublications): Promise<void> {
    return this.#inner.start((channel, epoch, publications) => {
      const deliver: Deliver = (some) => onPublications(channel, epoch, some)
      this.#fabric.carry(this.#node, this.#node, publications, deliver)
    })
  }

  publish(draft: Publication): Promise<Receipt> | Receipt {
    return this.#inner.publish(draft)
  }

  async history(channel: string, range: Range): Promise<Page> {
    const limit = Math.min(range.limit, this.#pageSize)
    if (!this.#fabric.trouble.lossy) return this.#inner.history(channel, { ...range, limit })
    await this.#node.sleep(this.#node.chance.next() * READ_MS)
    const page = await this.#inner.history(channel, { ...range, limit })
    await this.#node.sleep(this.#node.chance.next() * READ_MS)
    return page
  }

  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    return this.#inner.replace(channel, position, payload)
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
