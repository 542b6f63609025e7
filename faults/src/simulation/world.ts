import { type Position, Tidewire } from '@tidewire/client'
import { Fabric } from './bus.ts'
import { Disk } from './disk.ts'
import { readLog, topOf, topsOf } from './final-log.ts'
import type { Costs, Lives } from './judge.ts'
import { Mischief } from './mischief.ts'
import { Network } from './network.ts'
import { type Plan, planOf } from './plan.ts'
import { Publisher } from './publisher.ts'
import { SimulatedRecorder } from './recorder.ts'
import { SimulatedServer, type Tampering } from './server.ts'
import { Node, type Simulator } from './simulator.ts'
import { NO_TAP, type WireTap } from './socket.ts'
import { Subscriber } from './subscriber.ts'
import { WireReader } from './wire-reader.ts'

/** More than any seed needs. */
const MAX_EVENTS = 300_000
/** How long a healed world may take to come to rest. A half-open connection alone is found after 35 s. */
const REST_MS = 180_000

/** Everything that there is in one seed. */
export class World {
  readonly plan: Plan
  readonly recorder: SimulatedRecorder
  /** What went wrong before anything was judged. */
  readonly problems: string[] = []
  readonly #simulator: Simulator
  readonly #network: Network
  readonly #fabric: Fabric
  readonly #disk: Disk
  readonly #servers: SimulatedServer[] = []
  readonly #clients: Node[] = []
  readonly #subscribers: Subscriber[] = []
  readonly #tokens = { failing: false, asked: 0 }
  #done = false

  constructor(simulator: Simulator, tampering: Tampering) {
    this.#simulator = simulator
    this.plan = planOf(simulator.chance.fork('plan'))
    this.recorder = new SimulatedRecorder(simulator)
    this.#network = new Network(simulator)
    this.#fabric = new Fabric(simulator)
    const { pageSize, diskMs, diskInOrder } = this.plan
    this.#disk = new Disk({ pageSize, latencyMs: diskMs, inOrder: diskInOrder })
    for (let i = 1; i <= this.plan.servers; i++) {
      this.#servers.push(
        new SimulatedServer(`server-${i}`, {
          network: this.#network,
          fabric: this.#fabric,
          disk: this.#disk,
          memoryEntries: this.plan.memoryEntries,
          tampering,
          onError: (where, error) => this.#problem(`${where} failed: ${String(error)}`),
        }),
      )
    }
  }

  async run(): Promise<void> {
    for (const server of this.#servers) server.startAfter(0)
    const story = new Node('story', this.#simulator)
    story.after(1, () => {
      this.#tell(story).then(
        () => {
          this.#done = true
        },
        (error: unknown) => {
          this.#problem(`the story failed: ${String(error)}`)
          this.#done = true
        },
      )
    })
    const latest = this.plan.overMs + 2 * REST_MS
    try {
      await this.#simulator.run(() => this.#done || this.#simulator.now > latest, MAX_EVENTS)
      if (!this.#done) this.#problem('it did not come to rest')
    } catch (error) {
      this.#problem(String(error))
    }
  }

  /** How often each store began anew, and 1. */
  get lives(): Lives {
    return {
      disk: this.#disk.lives,
      memory: this.#servers.reduce((sum, server) => sum + server.lives, 0),
    }
  }

  /** What the clients cost others. */
  get costs(): Costs {
    const { connections } = this.#network
    const clients = this.#clients.length
    return { reads: this.#disk.reads, tokens: this.#tokens.asked, connections, clients }
  }

  /** Things go wrong for a while; then they are healed, and everybody has to come to where the logs end. */
  async #tell(story: Node): Promise<void> {
    const { overMs } = this.plan
    await this.#subscribe()
    await story.sleep(0)
    // From here on nobody may miss anything without being told.
    while (!this.#subscribers.every(({ isLive }) => isLive)) await story.sleep(10)
    const publishing = this.#publish()
    const mischief = new Mischief(story, this.plan, {
      network: this.#network,
      fabric: this.#fabric,
      disk: this.#disk,
      servers: this.#servers,
      clients: this.#clients,
      tokens: this.#tokens,
    })
    mischief.start()
    await story.sleep(overMs)
    mischief.heal()
    for (const subscriber of this.#subscribers) subscriber.settle()
    await publishing
    await this.#wokenUp(story)
    await this.#app(
      'last',
      () => NO_TAP,
      (node, client) => this.#rest(node, client),
    )
  }

  async #rest(node: Node, client: Tidewire): Promise<void> {
    const { channels, silentTails } = this.plan
    if (silentTails) {
      const plan = { channels, count: 0, overMs: 0, repeats: false }
      const publisher = new Publisher(node, client, this.recorder, plan)
      await Promise.all(channels.map((channel) => publisher.publish(channel, `last ${channel}`)))
    }
    const deadline = this.#simulator.now + REST_MS
    for (;;) {
      const over = this.#simulator.now > deadline
      if (over || this.#isRested(await topsOf(client, channels))) {
        const logs = await Promise.all(channels.map((channel) => readLog(client, channel)))
        if (over || this.#isRested(new Map(logs.map(topOf)))) {
          for (const log of logs) this.recorder.record(log)
          return
        }
      }
      await node.sleep(500)
    }
  }

  #isRested(tops: ReadonlyMap<string, Position>): boolean {
    return this.#subscribers.every((subscriber) => subscriber.isAt(tops))
  }

  /** Resolves when nobody is stalled any more: who stands still does not know that its connection is gone. */
  async #wokenUp(story: Node): Promise<void> {
    const nodes = [...this.#clients, ...this.#servers.map(({ node }) => node)]
    const until = Math.max(...nodes.map(({ stalledUntil }) => stalledUntil))
    await story.sleep(until - this.#simulator.now + 1_000)
  }

  async #publish(): Promise<void> {
    const { publishers, publications, channels, overMs, faults } = this.plan
    const plan = {
      channels,
      count: Math.ceil(publications / publishers),
      overMs,
      repeats: faults.has('repeats'),
    }
    const publisher = (name: string): Promise<Publisher> =>
      this.#app(
        name,
        () => NO_TAP,
        (node, client) => new Publisher(node, client, this.recorder, plan),
      )
    const rival = faults.has('repeats') ? await publisher('rival') : undefined
    const names = Array.from({ length: publishers }, (_, i) => `publisher-${i + 1}`)
    const all = await Promise.all(names.map(publisher))
    await Promise.all(
      all.map((one) => {
        one.rival = rival
        return one.run()
      }),
    )
  }

  #subscribe(): Promise<Subscriber[]> {
    const { subscribers, channels, faults } = this.plan
    const names = Array.from({ length: subscribers }, (_, i) => `subscriber-${i + 1}`)
    return Promise.all(
      names.map((name) => {
        const wire = new WireReader(this.recorder, name)
        return this.#app(
          name,
          () => wire.tap(),
          (node, client) => {
            const subscriber = new Subscriber(node, client, this.recorder, channels)
            this.#subscribers.push(subscriber)
            void subscriber.run({ churn: faults.has('churn') })
            return subscriber
          },
        )
      }),
    )
  }

  /** An application with a client, on a machine of its own. */
  #app<T>(
    name: string,
    tap: () => WireTap,
    main: (node: Node, client: Tidewire) => T | Promise<T>,
  ): Promise<T> {
    const node = new Node(name, this.#simulator)
    this.#clients.push(node)
    const { tokenMs } = this.plan
    const start = (): T | Promise<T> => {
      const client = new Tidewire({
        url: 'http://tidewire',
        transports: ['websocket'],
        WebSocket: this.#network.webSocket(node, tap),
        backoff: { minMs: 100, maxMs: 3_000 },
        getToken: () => this.#token(name, tokenMs),
      })
      // What goes wrong shows in what the application is told.
      client.on('error', () => undefined)
      return main(node, client)
    }
    return new Promise((resolve) => {
      node.after(0, () => resolve(start()), 'begins')
    })
  }

  #token(user: string, ms: number): Promise<string> {
    this.#tokens.asked += 1
    return this.#tokens.failing
      ? Promise.reject(new Error('Nobody issues tokens now.'))
      : Promise.resolve(this.#servers[0]!.token(user, ms))
  }

  #problem(text: string): void {
    this.problems.push(text)
  }
}
