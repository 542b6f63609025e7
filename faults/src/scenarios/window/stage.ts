import type { HistoryEvent, Received } from '../../history/events.ts'
import type { FaultProxy } from '../../proxy/fault-proxy.ts'
import { oneReaderOfEach } from '../../rig/clients.ts'
import { HttpPublisher } from '../../rig/publishers/http-publisher.ts'
import { readLog } from '../../rig/read-log.ts'
import type { Reader } from '../../rig/readers/reader.ts'
import type { Rig } from '../../rig/rig.ts'
import { until } from '../../rig/until.ts'

/** One channel, a reader of each kind that has read it so far, and what publishes to it. */
export class Stage {
  readonly channel: string
  readonly readers: readonly Reader[]
  readonly #rig: Rig
  readonly #link: FaultProxy
  #top = 0
  #back = 0

  private constructor(rig: Rig, channel: string, link: FaultProxy) {
    this.#rig = rig
    this.channel = channel
    this.#link = link
    this.readers = oneReaderOfEach({ ...rig.client(channel, link), channels: [channel] })
  }

  /** The readers stand at 5, and then they are cut off. */
  static async open(rig: Rig, channel: string): Promise<Stage> {
    const stage = new Stage(rig, channel, await rig.link(channel))
    for (const reader of stage.readers) rig.enlist(reader)
    await stage.wait('live', ({ live }) => live)
    await stage.publish(5, 50)
    await stage.atTop()
    stage.cut()
    await stage.wait('away', ({ live }) => !live)
    return stage
  }

  /** Events since the link was healed. */
  get events(): readonly HistoryEvent[] {
    return this.#rig.recorder.events.slice(this.#back)
  }

  get top(): number {
    return this.#top
  }

  async publish(count: number, bodyBytes: number): Promise<void> {
    const options = this.#rig.client(`publisher-${this.channel}-${this.#top}`, this.#rig.uplink)
    const publisher = new HttpPublisher({
      ...options,
      bodyBytes,
      ratePerSecond: 1,
      answerMs: 10_000,
    })
    for (let left = count; left > 0; left -= 50) {
      const drafts = Array.from({ length: Math.min(50, left) }, () => publisher.draft(this.channel))
      await Promise.all(drafts.map((draft) => publisher.publish(draft)))
    }
    await publisher.close()
    this.#top += count
  }

  /** No request gets through any more, and what was open breaks. */
  cut(): void {
    this.#link.add({ type: 'limit_data', stream: 'upstream', bytes: 0 })
    this.#link.sever()
  }

  /** Lets the readers come back. `rate`: KB/s for each connection. */
  heal(rate?: number): void {
    this.#back = this.#rig.recorder.events.length
    this.#link.heal()
    if (rate !== undefined) this.#link.add({ type: 'bandwidth', stream: 'downstream', rate })
  }

  /** No faults, and what happened stays in `events`. */
  hurry(): void {
    this.#link.heal()
  }

  atTop(): Promise<void> {
    const tops = new Map([[this.channel, this.#top]])
    return this.wait(`at ${this.#top}`, (reader) => reader.isAt(tops))
  }

  wait(what: string, condition: (reader: Reader) => boolean): Promise<void> {
    const others = (): string =>
      this.readers
        .filter((reader) => !condition(reader))
        .map(({ name }) => name)
        .join(', ')
    return until(
      () => this.readers.every(condition),
      () => `not ${what}: ${others()}`,
      30_000,
    )
  }

  told(reason: string): Promise<void> {
    return this.wait(`told ${reason}`, (reader) => {
      return this.of(reader).some((event) => reasonOf(event) === reason)
    })
  }

  async bounds(): Promise<{ oldest: number; newest: number }> {
    return readLog(this.#rig.server.url, this.#rig.token, this.channel)
  }

  /** Writes down what is left of the log, and lets the readers go. */
  async close(): Promise<void> {
    const { recorder, server, token } = this.#rig
    recorder.record(await readLog(server.url, token, this.channel))
    await Promise.all(this.readers.map((reader) => reader.stop()))
  }

  of({ name }: Reader): HistoryEvent[] {
    return this.events.filter(({ client }) => client === name)
  }

  received(reader: Reader): number[] {
    const events = this.of(reader).filter((event): event is Received => event.type === 'recv')
    return events.map(({ offset }) => offset)
  }
}

/** Why a stream began anew, as the reader was told. */
export function reasonOf(event: HistoryEvent | undefined): string | undefined {
  if (event?.type === 'reset' || event?.type === 'sub.ok') return event.reason
  return event === undefined ? 'nothing' : undefined
}
