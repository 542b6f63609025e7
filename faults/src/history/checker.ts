import { Access } from './access.ts'
import { type Anomaly, type AnomalyClass, Findings } from './anomalies.ts'
import type { HistoryEvent, HistoryRead } from './events.ts'
import { findEpochs, findLateStarts, findLost, findStalled } from './final-logs.ts'
import { ObservedLogs } from './logs.ts'
import { Publishes } from './publishes.ts'
import { findRealtimeDisorder } from './realtime-order.ts'
import { Streams } from './streams.ts'

/** What a run allows. Everything else is an anomaly. */
export interface Rules {
  /** The run ended healed and silent: every reader must be where the log ends. Default `true`. */
  quiesced?: boolean
  /** Resets of all streams together. Default 0: without it, a system that always resets would pass. */
  maxResets?: number
  /** Lives of one channel's log. Default 1: a log that begins anew lost what it held. */
  maxEpochs?: number
  /** Publications acknowledged, at least. Default 1: where nothing happened nothing was proven. */
  minAcked?: number
  /** Deliveries, at least. Default 1. */
  minDelivered?: number
  /** How long a delivery may follow the loss of its right. Default 2,000. */
  graceMs?: number
}

export interface Figures {
  /** Different publications that were sent. */
  published: number
  acked: number
  /** Attempts that were refused. */
  refused: number
  /** Publications whose fate nobody was told. */
  unanswered: number
  /** Acks that said `duplicate: true`. */
  duplicates: number
  delivered: number
  /** By reason. */
  resets: Record<string, number>
}

export interface Verdict {
  /** Nothing is wrong. */
  ok: boolean
  /** The first of each class, described. */
  anomalies: readonly Anomaly[]
  /** All of each class, counted. */
  counts: Partial<Record<AnomalyClass, number>>
  figures: Figures
  /** `client channel` → resets. */
  resetsOfStreams: ReadonlyMap<string, number>
  /** Channel → epochs, in the order in which they were seen. */
  epochs: ReadonlyMap<string, readonly string[]>
}

/** Holds a history against the contract. Pure: the same history gives the same verdict. */
export function check(history: readonly HistoryEvent[], rules: Rules = {}): Verdict {
  const findings = new Findings()
  const logs = new ObservedLogs(findings)
  const publishes = new Publishes(findings, logs)
  const streams = new Streams(findings)
  const access = new Access(findings, rules.graceMs ?? 2000)
  const finals = new Map<string, HistoryRead>()
  for (const event of inOrder(history)) {
    see(event, { logs, publishes, streams, access, finals })
  }
  publishes.finish()
  findLost(finals, publishes, logs, findings)
  findEpochs(logs, rules.maxEpochs ?? 1, finals, findings)
  findLateStarts(streams, publishes, logs, findings)
  findRealtimeDisorder(publishes, logs, findings)
  if (rules.quiesced ?? true) findStalled(streams, finals, logs, findings)
  findExcess(publishes, streams, rules, findings)
  return verdict(findings, publishes, streams, logs)
}

interface Parts {
  logs: ObservedLogs
  publishes: Publishes
  streams: Streams
  access: Access
  finals: Map<string, HistoryRead>
}

function see(event: HistoryEvent, { logs, publishes, streams, access, finals }: Parts): void {
  switch (event.type) {
    case 'pub.invoke':
    case 'pub.ok':
    case 'pub.fail':
    case 'pub.info':
      return publishes.see(event)
    case 'recv': {
      const { channel, epoch, offset, value, key } = event
      publishes.seen(event, channel, value, key)
      logs.observe(event, channel, epoch, offset, value)
      access.received(event)
      return streams.see(event)
    }
    case 'sub.invoke':
    case 'sub.ok':
    case 'reset':
    case 'disc':
    case 'left':
      return streams.see(event)
    case 'hist':
      finals.set(event.channel, event)
      for (const [offset, value] of event.items) {
        publishes.seen(event, event.channel, value)
        logs.observe(event, event.channel, event.epoch, offset, value)
      }
      return undefined
    case 'acl':
      return access.changed(event)
    case 'fault':
      return undefined
  }
}

function findExcess(
  { acked }: Publishes,
  { delivered, resets }: Streams,
  { maxResets = 0, minAcked = 1, minDelivered = 1 }: Rules,
  findings: Findings,
): void {
  const total = [...resets.values()].reduce((sum, count) => sum + count, 0)
  if (total > maxResets) {
    findings.add('false-reset', undefined, `${total} resets, and ${maxResets} are allowed`)
  }
  if (acked < minAcked) {
    findings.add('too-little', undefined, `${acked} acknowledged, expected ${minAcked} or more`)
  }
  if (delivered < minDelivered) {
    findings.add(
      'too-little',
      undefined,
      `${delivered} delivered, expected ${minDelivered} or more`,
    )
  }
}

function verdict(
  { anomalies, counts }: Findings,
  publishes: Publishes,
  streams: Streams,
  logs: ObservedLogs,
): Verdict {
  const resetsOfStreams = new Map<string, number>()
  for (const { client, channel, resets } of streams.all()) {
    resetsOfStreams.set(`${client} ${channel}`, resets)
  }
  const epochs = new Map<string, string[]>()
  for (const [channel, lives] of logs.channels()) {
    epochs.set(
      channel,
      lives.map(({ epoch }) => epoch),
    )
  }
  return {
    ok: anomalies.length === 0,
    anomalies,
    counts: Object.fromEntries(counts),
    figures: {
      published: publishes.byValue.size,
      acked: publishes.acked,
      refused: publishes.refused,
      unanswered: publishes.unanswered,
      duplicates: publishes.duplicates,
      delivered: streams.delivered,
      resets: Object.fromEntries(streams.resets),
    },
    resetsOfStreams,
    epochs,
  }
}

/** By time; what was recorded in the same microsecond stays in the order of recording. */
function inOrder(history: readonly HistoryEvent[]): readonly HistoryEvent[] {
  for (let i = 1; i < history.length; i++) {
    if (history[i]!.t < history[i - 1]!.t) return history.toSorted((a, b) => a.t - b.t)
  }
  return history
}
