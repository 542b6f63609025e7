import { Chance } from '../chance.ts'
import { Recorder } from '../history/recorder.ts'
import { FaultProxy } from '../proxy/fault-proxy.ts'
import { Answers } from './answers.ts'
import { makePublishers, makeReaders } from './clients.ts'
import { channelsOf, type Load } from './load.ts'
import type { Publisher } from './publishers/publisher.ts'
import { readLog } from './read-log.ts'
import type { Reader, ReaderOptions } from './readers/reader.ts'
import { ServerProcess, type ServerProcessOptions } from './server-process.ts'
import { pause, until } from './until.ts'

export interface RigOptions {
  seed: number
  load: Load
  server?: ServerProcessOptions
  /** A key of the server's configuration for the clients, instead of the token of a user. */
  serverKey?: string
  /** For readers on `@tidewire/client`, which renew tokens then. */
  getToken?: (server: ServerProcess) => Promise<string>
}

/** After a kill readers come back at once; a server that stops tells each of them when. */
export interface Recoveries {
  kill: number[]
  stop: number[]
}

/** How long readers have until they are at the top (RELIABILITY §5, quiesce). */
const QUIESCE_MS = 15_000
const CONNECT_MS = 15_000

/** One server, a proxy in front of the readers and one in front of the publishers, and the clients of a load. */
export class Rig {
  readonly seed: number
  readonly chance: Chance
  readonly load: Load
  readonly channels: readonly string[]
  readonly recorder = new Recorder()
  readonly answers = new Answers()
  readonly server: ServerProcess
  /** Between the server and the readers. */
  readonly downlink: FaultProxy
  /** Between the publishers and the server. */
  readonly uplink: FaultProxy
  readonly token: string
  readonly #links: FaultProxy[]
  readonly readers: Reader[]
  readonly publishers: readonly Publisher[]
  kills = 0
  /** What the scenario measured: the worst of each. */
  readonly measured = new Map<string, number>()
  /** Milliseconds from each end of the server until every reader was live again. */
  readonly recoveries: Recoveries = { kill: [], stop: [] }

  private constructor(
    { seed, load, getToken }: RigOptions,
    parts: { server: ServerProcess; downlink: FaultProxy; uplink: FaultProxy; token: string },
  ) {
    this.seed = seed
    this.chance = new Chance(seed)
    this.load = load
    this.channels = channelsOf(load)
    this.server = parts.server
    this.downlink = parts.downlink
    this.uplink = parts.uplink
    this.token = parts.token
    this.#links = [parts.downlink, parts.uplink]
    const { token, recorder, answers, chance } = this
    const shared = { token, recorder, answers, chance }
    const renewed = getToken !== undefined && { getToken: () => getToken(this.server) }
    this.readers = makeReaders(load, { ...shared, ...renewed, url: parts.downlink.url })
    this.publishers = makePublishers(load, { ...shared, url: parts.uplink.url })
  }

  static async start(options: RigOptions): Promise<Rig> {
    const server = await ServerProcess.start(options.server)
    try {
      const chance = new Chance(options.seed)
      const proxy = (name: string) =>
        FaultProxy.start({ target: server.port, chance: chance.fork(name) })
      const [downlink, uplink] = [await proxy('downlink'), await proxy('uplink')]
      const token = options.serverKey ?? (await server.token('rig'))
      return new Rig(options, { server, downlink, uplink, token })
    } catch (error) {
      await server.remove()
      throw error
    }
  }

  /** Readers first: what is published from then on reaches all of them. */
  async startLoad(): Promise<void> {
    for (const reader of this.readers) reader.start()
    await this.allLive(CONNECT_MS)
    for (const publisher of this.publishers) publisher.start()
  }

  /** A further proxy in front of the server, for clients that meet faults of their own. */
  async link(name: string): Promise<FaultProxy> {
    const link = await FaultProxy.start({
      target: this.server.port,
      chance: this.chance.fork(name),
    })
    this.#links.push(link)
    return link
  }

  /** What a client on a link is made with. */
  client(name: string, { url }: FaultProxy): ReaderOptions {
    const { token, recorder, answers, channels } = this
    return { name, url, token, recorder, answers, channels, chance: this.chance.fork(name) }
  }

  /** A further reader, which is waited for like those of the load. */
  enlist(reader: Reader): void {
    this.readers.push(reader)
    reader.start()
  }

  /** Kills the server, starts it again after `downMs`, and resolves when every reader is back. */
  async killAndRestart(downMs: number): Promise<void> {
    this.note('kill -9')
    const began = performance.now()
    await this.server.kill()
    this.kills += 1
    this.recoveries.kill.push(await this.#restarted(began, downMs))
  }

  /** As `killAndRestart`, asking it to stop. */
  async stopAndRestart(downMs: number): Promise<void> {
    await this.restartAfter('SIGTERM', () => this.server.stop(), downMs)
  }

  /** As `killAndRestart`, with another way to end the server. Resolves to what `end` does. */
  async restartAfter<T>(what: string, end: () => Promise<T>, downMs: number): Promise<T> {
    this.note(what)
    const began = performance.now()
    const ended = await end()
    this.recoveries.stop.push(await this.#restarted(began, downMs))
    return ended
  }

  /** No publisher sends anything new; what was sent gets its answer, within 10 s. */
  async stopPublishing(): Promise<void> {
    this.note('publishers stop')
    await Promise.all(this.publishers.map((publisher) => publisher.stop(10_000)))
  }

  /** Removes all faults, waits until every reader is where its channels end, and reads the logs. */
  async quiesce(): Promise<void> {
    for (const link of this.#links) link.heal()
    this.server.thaw()
    this.note('healed')
    // What does not get there in time is found by the checker, which can say who and where.
    await this.allLive(QUIESCE_MS).catch(() => undefined)
    await this.#readToTheTop()
    await this.readLogs()
  }

  async readLogs(): Promise<void> {
    for (const channel of this.channels) {
      this.recorder.record(await readLog(this.server.url, this.token, channel))
    }
  }

  async stop(): Promise<void> {
    await Promise.all(this.publishers.map((publisher) => publisher.close()))
    await Promise.all(this.readers.map((reader) => reader.stop()))
    for (const link of this.#links) await link.close()
    await this.server.remove()
  }

  allLive(withinMs: number): Promise<void> {
    const away = (): string[] => this.readers.filter(({ live }) => !live).map(({ name }) => name)
    return until(
      () => away().length === 0,
      () => `Not connected after ${withinMs} ms: ${away().join(', ')}`,
      withinMs,
    )
  }

  /** For the report: of several, the largest is kept. */
  measure(what: string, value: number): void {
    this.measured.set(what, Math.max(this.measured.get(what) ?? -Infinity, Math.round(value)))
  }

  note(what: string): void {
    this.recorder.record({ type: 'fault', client: 'controller', what })
  }

  async #restarted(began: number, downMs: number): Promise<number> {
    // Meanwhile the proxies reset whoever comes, as a host without the service does.
    await pause(downMs)
    await this.server.start()
    this.note('started')
    await this.allLive(CONNECT_MS)
    return Math.round(performance.now() - began)
  }

  async #readToTheTop(): Promise<void> {
    const tops = new Map<string, number>()
    for (const channel of this.channels) {
      const { newest } = await readLog(this.server.url, this.token, channel)
      tops.set(channel, newest)
    }
    await until(
      () => this.readers.every((reader) => reader.isAt(tops)),
      () => 'Not all readers are at the top.',
      QUIESCE_MS,
    ).catch(() => undefined)
  }
}
