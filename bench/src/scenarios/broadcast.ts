import type { Peer } from '../peers.ts'
import { measure, type Plan, type Rig } from '../run.ts'
import { describeProblem, type Sample } from '../sample.ts'
import type { Metric, RunOptions } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import type { Cell, Outcome } from './interleave.ts'

/** The columns of every broadcast. */
export const broadcastMetrics: readonly Metric[] = [
  { key: 'rate', label: 'deliveries', unit: '/s', better: 'more' },
  { key: 'perCpuSecond', label: 'per server CPU-s', unit: '', better: 'more' },
  { key: 'p50', label: 'p50', unit: 'ms', better: 'less' },
  { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
]

export interface Broadcast {
  subscribers: number
  /** Bytes of the published JSON payload. */
  payload: number
  inFlight: number
}

/** One channel, all subscribers verified; the slowest closes a publication. */
export function broadcastCell(
  rig: Rig,
  peer: Peer,
  setup: string,
  broadcast: Broadcast,
  { warmup, seconds }: RunOptions,
): Cell {
  const plan: Plan = {
    ...broadcast,
    channel: peer.protocol.startsWith('tidewire') ? 'live:bench' : 'bench',
    warmup,
    seconds,
    complete: 'deliveries',
  }
  return { peer, setup, run: async () => toOutcome(await measure(rig, peer, plan)) }
}

export function toOutcome(sample: Sample): Outcome {
  const generatorCpu = ratio(sample.cpuSeconds, sample.seconds)
  return {
    values: {
      rate: ratio(sample.deliveries, sample.seconds),
      perCpuSecond: ratio(sample.deliveries, sample.serverCpuSeconds),
      p50: sample.lastSubscriberMs?.p50,
      p99: sample.lastSubscriberMs?.p99,
      serverCpu: ratio(sample.serverCpuSeconds, sample.seconds) * 100,
      generatorCpu: generatorCpu * 100,
    },
    generatorCpu,
    otherCpu: ratio(sample.otherCpuSeconds, sample.seconds),
    ...(sample.problem && { failure: describeProblem(sample.problem) }),
  }
}

/** A run's part of the progress line. */
export function tellRate(values: Outcome['values']): string {
  return `${short(values['rate'] ?? 0)} deliveries/s`
}
