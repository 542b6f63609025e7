import type { AnomalyClass } from './history/anomalies.ts'
import type { Report } from './rig/report.ts'

/** The figures of several runs together. */
export interface Summary {
  runs: number
  failed: number
  acked: number
  delivered: number
  /** Repeats that were recognised. */
  repeats: number
  lost: number
  duplicated: number
  reordered: number
  silentGaps: number
  /** Of every other class. */
  otherAnomalies: number
  /** By scenario and reason. Scenarios say how many there must be. */
  resets: Record<string, number>
  kills: number
  /** Milliseconds from the end of a server until every reader was live again. */
  recovery: { kill: Spread; stop: Spread }
}

interface Spread {
  median: number
  worst: number
}

/** Which column of the table an anomaly belongs to. */
const COLUMNS: Partial<Record<AnomalyClass, 'lost' | 'duplicated' | 'reordered' | 'silentGaps'>> = {
  'lost-write': 'lost',
  stalled: 'lost',
  duplicate: 'duplicated',
  idempotence: 'duplicated',
  'dup-or-reorder': 'reordered',
  'realtime-order': 'reordered',
  gap: 'silentGaps',
  'silent-gap': 'silentGaps',
  'bad-recovery': 'silentGaps',
}

export function summarise(reports: readonly Report[]): Summary {
  const sum = (of: (report: Report) => number) => reports.reduce((all, one) => all + of(one), 0)
  return {
    runs: reports.length,
    failed: reports.filter(({ ok }) => !ok).length,
    acked: sum(({ figures }) => figures.acked),
    delivered: sum(({ figures }) => figures.delivered),
    repeats: sum(({ figures }) => figures.duplicates),
    ...anomaliesOf(reports),
    resets: resetsOf(reports),
    kills: sum(({ kills }) => kills),
    recovery: {
      kill: spreadOf(reports.flatMap(({ recoveries }) => recoveries.kill)),
      stop: spreadOf(reports.flatMap(({ recoveries }) => recoveries.stop)),
    },
  }
}

function spreadOf(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? 0, worst: sorted.at(-1) ?? 0 }
}

function anomaliesOf(reports: readonly Report[]) {
  const counts = { lost: 0, duplicated: 0, reordered: 0, silentGaps: 0, otherAnomalies: 0 }
  for (const { anomalies } of reports) {
    for (const [name, count] of Object.entries(anomalies)) {
      counts[COLUMNS[name as AnomalyClass] ?? 'otherAnomalies'] += count
    }
  }
  return counts
}

function resetsOf(reports: readonly Report[]): Record<string, number> {
  const resets: Record<string, number> = {}
  for (const { scenario, figures } of reports) {
    for (const [reason, count] of Object.entries(figures.resets)) {
      const key = `${scenario} ${reason}`
      resets[key] = (resets[key] ?? 0) + count
    }
  }
  return resets
}
