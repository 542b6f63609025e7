import type { Findings } from './anomalies.ts'
import type { PublishInvoked } from './events.ts'
import type { ObservedLog, ObservedLogs } from './logs.ts'
import type { Publishes } from './publishes.ts'

interface Placed {
  readonly sent: PublishInvoked
  readonly knownAt: number
  readonly offset: number
}

/** Whatever was known, by an ack or a delivery, before something else was sent stands before it in the log. */
export function findRealtimeDisorder(
  { byValue }: Publishes,
  logs: ObservedLogs,
  findings: Findings,
): void {
  for (const [, lives] of logs.channels()) {
    for (const log of lives) sweep(log, placedIn(log, byValue), findings)
  }
}

function placedIn(log: ObservedLog, byValue: Publishes['byValue']): Placed[] {
  const placed: Placed[] = []
  for (const [offset, value] of log.values) {
    const sent = byValue.get(value)?.first
    if (sent !== undefined) placed.push({ sent, offset, knownAt: log.knownAt.get(offset)! })
  }
  return placed
}

/** Two pointers: for each publication, in the order of sending, the highest offset that was known before. */
function sweep({ epoch }: ObservedLog, placed: Placed[], findings: Findings): void {
  const bySending = placed.toSorted((a, b) => a.sent.t - b.sent.t)
  const byKnowing = placed.toSorted((a, b) => a.knownAt - b.knownAt)
  let next = 0
  let highest = 0
  for (const { sent, offset } of bySending) {
    for (; next < byKnowing.length && byKnowing[next]!.knownAt < sent.t; next++) {
      highest = Math.max(highest, byKnowing[next]!.offset)
    }
    if (offset > highest) continue
    findings.add('realtime-order', sent, `at ${epoch}:${offset}, sent when ${highest} was known`)
  }
}
