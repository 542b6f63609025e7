import { Chance } from '../chance.ts'
import { Recorder } from '../history/recorder.ts'
import { FaultProxy } from '../proxy/fault-proxy.ts'
import { Answers } from './answers.ts'
import { makePublishers, makeReaders } from './clients.ts'
import { channelsOf, type Load } from './load.ts'
import type { Publisher } from './publishers/publisher.ts'
import { readLog } from './read-log.ts'
import type { Reader } from './readers/reader.ts'
import { ServerProcess, type ServerProcessOptions } from './server-process.ts'
import { pause, until } from './until.ts'

export interface RigOptions {
  seed: number
  load: Load
  server?: ServerProcessOptions
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
  readonly readers: readonly Reader[]
  readonly publishers: readonly Publisher[]
  kills = 0
  /** Milliseconds from each end of the server until every reader was live again. */
  readonly recoveries: Recoveries = { kill: [], stop: [] }

  private constructor(
    { seed, load }: RigOptions,
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
    const { token, recorder, answers, chance } = this
    const shared = { token, recorder, answers, chance }
    this.readers = makeReaders(load, { ...shared, url: parts.downlink.url })
    this.publishers = makePublishers(load, { ...shared, url: parts.uplink.url })
  }

  static async start(options: RigOptions): Promise<Rig> {
    const server = await ServerProcess.start(options.server)
    try {
      const chance = new Chance(options.seed)
      const proxy = (name: string) =>
        FaultProxy.start({ target: server.port, chance: chance.fork(name) })
      const [downlink, uplink] = [await proxy('downlink'), await proxy('uplink')]
      return new Rig(options, { server, downlink, uplink, token: await server.token('rig') })
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
    this.note('SIGTERM')
    const began = performance.now()
    await this.server.stop()
    this.recoveries.stop.push(await this.#restarted(began, downMs))
  }

  /** No publisher sends anything new; what was sent gets its answer, within 10 s. */
  async stopPublishing(): Promise<void> {
    this.note('publishers stop')
    await Promise.all(this.publishers.map((publisher) => publisher.stop(10_000)))
  }

  /** Removes all faults, waits until every reader is where its channels end, and reads the logs. */
  async quiesce(): Promise<void> {
    this.downlink.heal()
    this.uplink.heal()
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
    await this.downlink.close()
    await this.uplink.close()
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
