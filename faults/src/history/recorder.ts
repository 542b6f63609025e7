import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { HistoryEvent, NewEvent } from './events.ts'

/** About 2 GB of memory: a run that records more is not a test but a leak. */
const MAX_EVENTS = 10_000_000

/**
 * What the clients of one run saw, in the order in which they saw it. Each records an event before it sends something
 * and right after it received something: of two events the one with the lower time came first for sure.
 */
export class Recorder {
  readonly events: HistoryEvent[] = []

  record(event: NewEvent): void {
    if (this.events.length >= MAX_EVENTS) {
      throw new Error(`The history holds ${MAX_EVENTS} events already. Make the run smaller.`)
    }
    this.events.push({ t: monotonicMicroseconds(), ...event })
  }
}

function monotonicMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n)
}

/** Writes a history as JSONL, one event a line, after a line that says where it comes from. */
export function saveHistory(
  path: string,
  origin: Record<string, unknown>,
  events: readonly HistoryEvent[],
): void {
  mkdirSync(dirname(path), { recursive: true })
  const lines = [JSON.stringify({ origin }), ...events.map((event) => JSON.stringify(event))]
  writeFileSync(path, `${lines.join('\n')}\n`)
}

/** The events of a saved history. */
export function readHistory(path: string): HistoryEvent[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(1)
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as HistoryEvent)
}
