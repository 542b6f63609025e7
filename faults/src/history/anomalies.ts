import type { HistoryEvent } from './events.ts'

/** Every way in which a history can break the contract of PROTOCOL.md §2 and §4. */
export const ANOMALIES = {
  divergence: 'one offset of one epoch holds two values',
  duplicate: 'one value stands at two offsets of an epoch, or on two channels',
  phantom: 'something was delivered or kept that nobody had sent by then',
  'aborted-read': 'something was delivered or kept whose publish was refused',
  gap: 'an offset is missing and no reset told of it',
  'dup-or-reorder': 'an offset came twice, or later than a higher one',
  'epoch-mix': 'a delivery of another epoch than the stream was in',
  'bad-recovery': '`recovered: true`, but not from where the reader stood',
  'silent-gap': 'a stream began later than the reader asked for and gave no reason',
  'recv-outside-session': 'a delivery or a reset on a stream that was not open',
  idempotence: 'one key has two offsets, or two bodies',
  'lost-write': 'acknowledged or delivered, and gone from the log',
  'realtime-order': 'known before the other was sent, yet behind it',
  stalled: 'at the end the reader was not where the log ends',
  unauthorised: 'delivered without the right to it',
  'false-reset': 'a reset, or a new epoch, that nothing explains',
  'too-little': 'too little happened to say anything',
} as const

export type AnomalyClass = keyof typeof ANOMALIES

export interface Anomaly {
  class: AnomalyClass
  t: number
  client: string
  channel: string
  why: string
}

/** What is kept in full of one class; the rest is counted. */
const KEPT_OF_A_CLASS = 50

/** The anomalies found so far: counted all, described as far as anybody reads. */
export class Findings {
  readonly anomalies: Anomaly[] = []
  readonly counts = new Map<AnomalyClass, number>()

  add(anomaly: AnomalyClass, event: HistoryEvent | undefined, why: string): void {
    const count = (this.counts.get(anomaly) ?? 0) + 1
    this.counts.set(anomaly, count)
    if (count > KEPT_OF_A_CLASS) return
    const channel = event !== undefined && 'channel' in event ? event.channel : '-'
    const { t = -1, client = '-' } = event ?? {}
    this.anomalies.push({ class: anomaly, t, client, channel, why })
  }
}
