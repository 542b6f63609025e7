import type { Findings } from './anomalies.ts'
import type { HistoryRead } from './events.ts'
import type { ObservedLogs } from './logs.ts'
import type { Publishes } from './publishes.ts'
import type { Streams } from './streams.ts'

/** The last log that was read of each channel, which has the last word. */
export type FinalLogs = ReadonlyMap<string, HistoryRead>

/** What was acknowledged or delivered, and lies within retention, is in the log of its epoch. The log has no holes. */
export function findLost(
  finals: FinalLogs,
  { byValue }: Publishes,
  logs: ObservedLogs,
  findings: Findings,
): void {
  for (const final of finals.values()) {
    const { channel, epoch, oldest, newest, items } = final
    const kept = new Map(items)
    if (items.length !== newest - oldest + 1 || kept.size !== items.length) {
      const why = `the log says ${oldest} to ${newest} and holds ${kept.size} publications`
      findings.add('gap', final, why)
    }
    for (const [offset, value] of logs.of(channel, epoch).values) {
      if (offset < oldest || kept.get(offset) === value) continue
      const known = byValue.get(value)?.known
      findings.add('lost-write', known ?? final, `${value} at ${epoch}:${offset}`)
    }
  }
}

/** A log may begin anew only when that was allowed: what was acknowledged in the life before is gone then. */
export function findEpochs(
  logs: ObservedLogs,
  allowed: number,
  finals: FinalLogs,
  findings: Findings,
): void {
  for (const [channel, lives] of logs.channels()) {
    if (lives.length <= allowed) continue
    const epochs = lives.map(({ epoch }) => epoch).join(', ')
    findings.add('false-reset', finals.get(channel), `${lives.length} epochs: ${epochs}`)
  }
}

/** A stream that begins anew begins at what was there: later would be a hole that nobody can see. */
export function findLateStarts(
  { starts }: Streams,
  { byValue }: Publishes,
  logs: ObservedLogs,
  findings: Findings,
): void {
  for (const start of starts) {
    const { channel, epoch, offset, t } = start
    if (offset === 0) continue
    const value = logs.of(channel, epoch).values.get(offset)
    const sent = value === undefined ? undefined : byValue.get(value)?.first.t
    if (sent === undefined || sent <= t) continue
    findings.add('silent-gap', start, `begins after ${epoch}:${offset}, which was not sent yet`)
  }
}

/** After everything was healed and silent, every reader stands where the log ends. */
export function findStalled(
  streams: Streams,
  finals: FinalLogs,
  logs: ObservedLogs,
  findings: Findings,
): void {
  for (const { state, position, channel, last } of streams.all()) {
    if (state === 'left') continue
    const final = finals.get(channel)
    if (state !== 'live' || position === undefined) {
      findings.add('stalled', last, `the stream is ${state}`)
      continue
    }
    const top = final?.newest ?? logs.of(channel, position.epoch).top
    if (final !== undefined && final.epoch !== position.epoch) {
      findings.add('stalled', last, `in epoch ${position.epoch}, the log in ${final.epoch}`)
    } else if (position.offset < top) {
      findings.add('stalled', last, `at ${position.offset} of ${top}`)
    }
  }
}
