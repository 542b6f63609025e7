import type { PeerName } from './peers.ts'
import { type Sample, describeProblem } from './sample.ts'

/** Above this share of its core the generator may be what is measured. */
const GENERATOR_LIMIT = 0.9

/** All repetitions of one server at one number of publications in flight. */
export interface Row {
  peer: PeerName
  inFlight: number
  guarantee: string
  /** Per second: deliveries in the fan-out, acknowledged publishes in the durable scenario. */
  rate: { median: number; lowest: number; highest: number }
  /** The rate's count per CPU second of the server. */
  perServerCpuSecond: number
  /** Share of one core. */
  serverCpu: number
  generatorCpu: number
  /** Milliseconds; medians over the repetitions. */
  p50: number
  p99: number
  frameBytes: number
  /** Sentences; a row with a failure is no result. */
  failures: string[]
  warnings: string[]
  samples: Sample[]
}

/** What is counted and whose latency is shown. */
export interface Measure {
  count: (sample: Sample) => number
  latency: (sample: Sample) => { p50: number; p99: number } | undefined
}

export const deliveriesMeasure: Measure = {
  count: (sample) => sample.deliveries,
  latency: (sample) => sample.lastSubscriberMs,
}

export const acksMeasure: Measure = {
  count: (sample) => sample.acks,
  latency: (sample) => sample.ackMs,
}

export function summarize(
  peer: PeerName,
  guarantee: string,
  inFlight: number,
  samples: Sample[],
  { count, latency }: Measure,
): Row {
  const good = samples.filter((sample) => sample.ok)
  const rates = good.map((sample) => ratio(count(sample), sample.seconds))
  const generatorCpu = good.map((sample) => ratio(sample.cpuSeconds, sample.seconds))
  const busiest = Math.max(0, ...generatorCpu)
  return {
    peer,
    inFlight,
    guarantee,
    rate: {
      median: median(rates),
      lowest: rates.length === 0 ? 0 : Math.min(...rates),
      highest: Math.max(0, ...rates),
    },
    perServerCpuSecond: median(good.map((sample) => ratio(count(sample), sample.serverCpuSeconds))),
    serverCpu: median(good.map((sample) => ratio(sample.serverCpuSeconds, sample.seconds))),
    generatorCpu: median(generatorCpu),
    p50: median(good.map((sample) => latency(sample)?.p50 ?? 0)),
    p99: median(good.map((sample) => latency(sample)?.p99 ?? 0)),
    frameBytes: median(good.map((sample) => sample.frameBytes)),
    failures: samples.flatMap(({ problem }) => (problem ? [describeProblem(problem)] : [])),
    warnings:
      busiest > GENERATOR_LIMIT
        ? [`the generator used ${Math.round(busiest * 100)} % of its core`]
        : [],
    samples,
  }
}

/** 0 of nothing; the mean of the two middle ones of an even number. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  const upper = sorted[middle] ?? 0
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0) + upper) / 2
}

/** The rate of `row` as a multiple of the row that `isBase` picks; undefined without one. */
export function ratioTo(
  row: Row,
  rows: readonly Row[],
  isBase: (candidate: Row) => boolean,
): number | undefined {
  const base = rows.find(isBase)
  if (!base || base.failures.length > 0 || row.failures.length > 0) return undefined
  return base.rate.median === 0 ? undefined : row.rate.median / base.rate.median
}

/** Share of one core that neither server nor generator used, in the worst sample. */
export function highestOtherCpu(rows: readonly Row[]): number {
  const shares = rows.flatMap((row) =>
    row.samples.map((sample) => ratio(sample.otherCpuSeconds, sample.seconds)),
  )
  return Math.max(0, ...shares)
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
