import type { Verdict } from '../history/checker.ts'
import type { HistoryEvent } from '../history/events.ts'
import type { Fault, Plan } from './plan.ts'

const DISORDERLY: readonly Fault[] = ['disk', 'repeats', 'restore']

/** How often each store began anew, and 1. */
export interface Lives {
  disk: number
  memory: number
}

/** A log begins anew only where its store did, and a position expires only where something is trimmed. */
export function unexplainedResets(
  history: readonly HistoryEvent[],
  { epochs }: Verdict,
  { faults }: Plan,
  lives: Lives,
): string[] {
  const livesOf = (channel: string): number =>
    channel.startsWith('mem:') ? lives.memory : lives.disk
  const problems: string[] = []
  for (const [channel, { length }] of epochs) {
    const allowed = livesOf(channel)
    if (length > allowed) problems.push(`${channel} began ${length} times, its store ${allowed}`)
  }
  for (const event of history) {
    if ((event.type !== 'reset' && event.type !== 'sub.ok') || event.reason === undefined) continue
    const { reason, client, channel } = event
    const explained = reason === 'epoch_changed' ? livesOf(channel) > 1 : faults.has('trim')
    if (!explained) problems.push(`unexplained reset: ${client} ${channel}: ${reason}`)
  }
  return problems
}

/** What one publisher sends to a channel, one behind the other, lands in that order, in each life of the log. */
export function overtaken(history: readonly HistoryEvent[], { faults }: Plan): string[] {
  // What was refused for now, asked again by the application, or taken away again before it was acknowledged, may land
  // behind what followed it.
  if (DISORDERLY.some((fault) => faults.has(fault))) return []
  const sent = new Map<string, number>()
  const highest = new Map<string, { offset: number; key: string }>()
  const places: { at: string; key: string; order: number; offset: number }[] = []
  for (const event of history) {
    if (event.type === 'pub.invoke' && !sent.has(event.key)) sent.set(event.key, sent.size)
    if (event.type !== 'pub.ok') continue
    const { client, channel, epoch, key, offset } = event
    places.push({ at: `${client} ${channel} ${epoch}`, key, order: sent.get(key) ?? -1, offset })
  }
  const problems: string[] = []
  for (const { at, key, offset } of places.sort((a, b) => a.order - b.order)) {
    const before = highest.get(at)
    if (before !== undefined && before.offset > offset) {
      problems.push(`overtaken: ${at}: ${before.key} at ${before.offset}, ${key} at ${offset}`)
    } else highest.set(at, { offset, key })
  }
  return problems
}

/** What the clients of a world cost others. */
export interface Costs {
  /** Reads of the disk. */
  reads: number
  /** Tokens that were asked for. */
  tokens: number
  connections: number
  clients: number
}

/** Nobody asks again and again for what does not help: each read brings a reader on, but for a few; tokens live a while. */
export function restless(
  history: readonly HistoryEvent[],
  { reads, tokens, connections, clients }: Costs,
  virtualMs: number,
): string[] {
  const uses = history.filter(({ type }) => type === 'recv' || type === 'sub.invoke').length
  const mayRead = 3 * uses + 500
  const mayAsk = 3 * connections + (2 * clients * virtualMs) / 1000
  const problems: string[] = []
  if (reads > mayRead) problems.push(`${reads} reads of the log, allowed ${mayRead}`)
  if (tokens > mayAsk) problems.push(`${tokens} tokens asked for, allowed ${Math.round(mayAsk)}`)
  return problems
}
