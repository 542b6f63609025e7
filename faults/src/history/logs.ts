import type { Findings } from './anomalies.ts'
import type { HistoryEvent } from './events.ts'

/** One life of one channel's log, put together from everything that anybody was told of it. */
export class ObservedLog {
  readonly epoch: string
  readonly values = new Map<number, string>()
  /** Offset → when anybody was told of it first, in microseconds. */
  readonly knownAt = new Map<number, number>()
  readonly offsets = new Map<string, number>()
  top = 0

  constructor(epoch: string) {
    this.epoch = epoch
  }
}

/** All logs of a history. Within an epoch, offsets and values belong to each other one to one, whoever says it. */
export class ObservedLogs {
  readonly #channels = new Map<string, Map<string, ObservedLog>>()
  readonly #findings: Findings

  constructor(findings: Findings) {
    this.#findings = findings
  }

  /** Somebody was told that `value` stands at `offset`. Events come by time. */
  observe(
    event: HistoryEvent,
    channel: string,
    epoch: string,
    offset: number,
    value: string,
  ): void {
    const log = this.of(channel, epoch)
    const there = log.values.get(offset)
    if (there === undefined) {
      log.values.set(offset, value)
      log.knownAt.set(offset, event.t)
    } else if (there !== value) {
      this.#findings.add('divergence', event, `${epoch}:${offset} is ${there} and ${value}`)
    }
    const before = log.offsets.get(value)
    if (before === undefined) log.offsets.set(value, offset)
    else if (before !== offset) {
      this.#findings.add(
        'duplicate',
        event,
        `${value} is at ${before} and at ${offset} of ${epoch}`,
      )
    }
    if (offset > log.top) log.top = offset
  }

  of(channel: string, epoch: string): ObservedLog {
    let epochs = this.#channels.get(channel)
    if (epochs === undefined) this.#channels.set(channel, (epochs = new Map()))
    let log = epochs.get(epoch)
    if (log === undefined) epochs.set(epoch, (log = new ObservedLog(epoch)))
    return log
  }

  /** The epochs of each channel, in the order in which they were seen first. */
  *channels(): Iterable<[channel: string, logs: ObservedLog[]]> {
    for (const [channel, epochs] of this.#channels) yield [channel, [...epochs.values()]]
  }
}
