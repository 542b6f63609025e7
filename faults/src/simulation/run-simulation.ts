import { join } from 'node:path'
import { saveHistory } from '../history/recorder.ts'
import type { Fault } from './plan.ts'
import { type Outcome, simulate } from './simulate.ts'

export interface SimulationOptions {
  /** The first of the seeds, which ascend. Default 1. */
  firstSeed?: number
  /** How many. */
  seeds?: number
  /** Until this much time has passed; with `seeds`, whichever comes first. */
  minutes?: number
  /** Where the histories of failing seeds are kept. */
  directory?: string
  /** Told of each seed that fails, as it happens. */
  onFailure?: (outcome: Outcome) => void
}

/** What all seeds together did. */
export interface SimulationReport {
  seeds: number
  /** In how many of them each fault struck. */
  faults: Partial<Record<Fault, number>>
  events: number
  virtualHours: number
  published: number
  acked: number
  /** Acks that said `duplicate: true`. */
  duplicates: number
  /** To applications and, counted once more, on their connections. */
  delivered: number
  /** By reason, counted as deliveries are. */
  resets: Record<string, number>
  failures: { seed: number; plan: string; problems: readonly string[] }[]
}

/** Runs seeds, one after the other. Pass `seeds`, `minutes` or both. */
export async function runSimulation(options: SimulationOptions): Promise<SimulationReport> {
  const { firstSeed = 1, seeds = Infinity, minutes = Infinity, directory, onFailure } = options
  if (seeds === Infinity && minutes === Infinity) throw new Error('Pass `seeds` or `minutes`.')
  const end = performance.now() + minutes * 60_000
  const report = emptyReport()
  while (report.seeds < seeds && performance.now() < end) {
    const outcome = await simulate(firstSeed + report.seeds)
    add(report, outcome)
    if (outcome.problems.length === 0) continue
    onFailure?.(outcome)
    if (directory === undefined) continue
    const { seed, plan, hash, history } = outcome
    saveHistory(join(directory, `simulation-${seed}.jsonl`), { seed, plan, hash }, history)
  }
  return report
}

function emptyReport(): SimulationReport {
  return {
    seeds: 0,
    faults: {},
    events: 0,
    virtualHours: 0,
    published: 0,
    acked: 0,
    duplicates: 0,
    delivered: 0,
    resets: {},
    failures: [],
  }
}

function add(report: SimulationReport, outcome: Outcome): void {
  const { seed, plan, faults, problems, events, virtualMs } = outcome
  const { published, acked, duplicates, delivered, resets } = outcome.verdict.figures
  report.seeds += 1
  for (const fault of faults) report.faults[fault] = (report.faults[fault] ?? 0) + 1
  report.events += events
  report.virtualHours += virtualMs / 3_600_000
  report.published += published
  report.acked += acked
  report.duplicates += duplicates
  report.delivered += delivered
  for (const [reason, count] of Object.entries(resets)) {
    report.resets[reason] = (report.resets[reason] ?? 0) + count
  }
  if (problems.length > 0) report.failures.push({ seed, plan, problems: problems.slice(0, 10) })
}
