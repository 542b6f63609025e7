import type { Fabric } from './bus.ts'
import type { Disk } from './disk.ts'
import { FAIR } from './lane.ts'
import type { Link, Network } from './network.ts'
import type { Fault, Plan } from './plan.ts'
import type { SimulatedServer } from './server.ts'
import type { Node } from './simulator.ts'

/** What there is to be harmed. */
export interface Victims {
  network: Network
  fabric: Fabric
  disk: Disk
  servers: readonly SimulatedServer[]
  clients: readonly Node[]
  /** Whether the app's source of tokens answers. */
  tokens: { failing: boolean }
}

/** How often each fault strikes, on average, in milliseconds. */
const EVERY_MS: Partial<Record<Fault, number>> = {
  reset: 4_000,
  slow: 10_000,
  'black-hole': 20_000,
  cut: 15_000,
  crash: 6_000,
  drain: 25_000,
  'stall-server': 10_000,
  'stall-client': 10_000,
  skew: 8_000,
  disk: 8_000,
  trim: 2_000,
  restore: 15_000,
  expiry: 10_000,
}

const CLIENT_SKEW_MS = 600_000
/** Well within the window of ids, whose end is told by the wall clock. */
const SERVER_SKEW_MS = 60_000

/** Does what the plan says until it is told to heal. */
export class Mischief {
  readonly #node: Node
  readonly #plan: Plan
  readonly #victims: Victims
  #over = false

  constructor(node: Node, plan: Plan, victims: Victims) {
    this.#node = node
    this.#plan = plan
    this.#victims = victims
  }

  start(): void {
    const { network, fabric } = this.#victims
    const { faults } = this.#plan
    if (faults.has('jitter')) network.weather = { ...FAIR, latency: [1, 800] }
    fabric.trouble.lossy = faults.has('bus')
    fabric.trouble.slowJoins = faults.has('bus') || this.#plan.servers > 1
    for (const fault of faults) {
      const every = EVERY_MS[fault]
      if (every !== undefined) void this.#strike(fault, every)
    }
  }

  /** From now on nothing goes wrong any more; what is broken is found by those whom it concerns. */
  heal(): void {
    this.#over = true
    const { network, fabric, disk, servers, tokens } = this.#victims
    network.weather = { ...FAIR }
    for (const { weather } of network.links) {
      weather.latency = FAIR.latency
      weather.downSpeed = FAIR.downSpeed
    }
    fabric.trouble.lossy = false
    disk.state = 'well'
    tokens.failing = false
    for (const { node } of servers) node.skew(0)
  }

  async #strike(fault: Fault, every: number): Promise<void> {
    const { chance } = this.#node
    for (;;) {
      await this.#node.sleep(2 * every * chance.next())
      if (this.#over) return
      this.#do(fault)
    }
  }

  #do(fault: Fault): void {
    const { network, disk, servers, clients, tokens } = this.#victims
    const { chance } = this.#node
    const server = chance.pick(servers)
    const client = chance.pick(clients)
    switch (fault) {
      case 'reset':
        return this.#someLink((link) => link.reset())
      case 'black-hole':
        return this.#someLink((link) => link.silence())
      case 'slow':
        return this.#someLink(({ weather }) => {
          weather.downSpeed = chance.between(1, 20) / 20
        })
      case 'cut': {
        const { simulator } = network
        simulator.cut(client, server.node)
        return this.#later(chance.between(100, 15_000), () => simulator.heal(client, server.node))
      }
      case 'crash':
        server.crash(chance.happens(0.5))
        return server.startAfter(chance.between(10, 4_000))
      case 'drain':
        return server.drain()
      case 'stall-server':
        return server.node.stall(chance.between(50, 12_000))
      case 'stall-client':
        return client.stall(chance.between(50, 40_000))
      case 'skew':
        if (chance.happens(0.5)) return client.skew(chance.between(-CLIENT_SKEW_MS, CLIENT_SKEW_MS))
        return server.node.skew(chance.between(-SERVER_SKEW_MS, SERVER_SKEW_MS))
      case 'disk':
        disk.state = chance.pick(['failing', 'full'])
        return this.#later(chance.between(50, 4_000), () => {
          disk.state = 'well'
        })
      case 'trim':
        disk.trim('log', { max_entries: chance.between(0, 10) })
        return undefined
      case 'restore':
        return disk.restore((held) => chance.between(0, held))
      case 'expiry':
        tokens.failing = !tokens.failing
        return undefined
      case 'jitter':
      case 'bus':
      case 'repeats':
      case 'churn':
    }
    return undefined
  }

  #someLink(harm: (link: Link) => void): void {
    const links = [...this.#victims.network.links]
    if (links.length > 0) harm(this.#node.chance.pick(links))
  }

  #later(ms: number, fn: () => void): void {
    this.#node.after(ms, fn, 'healed')
  }
}
