import type { Peer, PeerName } from './peers.ts'
import type { Rig } from './run.ts'

/** One load, all servers that can take it, and the columns of its table. */
export interface Scenario {
  /** 's1' … 's9', 'sse', 'compression'. */
  id: string
  title: string
  /** Two sentences: the load, and what counts. */
  about: string
  /** The columns; the first one is what ratios and the chart are drawn of. */
  metrics: readonly Metric[]
  peers: readonly PeerName[]
  /** The setups that the chart shows; all of them where not given. */
  chart?: readonly string[]
  /** What the rows of one run have to show. */
  targets?: readonly Target[]
  /** By setup: the column that comes first there, by `Metric.key`, and that ratios and the chart are of. */
  lead?: Readonly<Record<string, string>>
  /** What one run is, where it is more or less than a window after a warm-up. */
  extent?(options: RunOptions): string
  /** What the chart writes where a row lacks the first metric, by `Metric.key`: 'lost 30 k'. */
  instead?: string
  /** Runs its cells interleaved (A B C, A B C …), `options.repeat` times. */
  run(rig: Rig, peers: readonly Peer[], options: RunOptions): Promise<Row[]>
}

export interface Metric {
  key: string
  label: string
  /** '/s', 'ms', 'KB', '%' … ; '' for a bare number. */
  unit: string
  better: 'more' | 'less'
}

export interface RunOptions {
  /** Seconds before the measurement. */
  warmup: number
  /** Seconds that are measured. */
  seconds: number
  repeat: number
  /** Only see that everything runs: windows of a second, one repetition, small fleets. */
  quick: boolean
}

/** '2 s after 1 s of warm-up' */
export function windowOf({ seconds, warmup }: RunOptions): string {
  return `${seconds} s after ${warmup} s of warm-up`
}

export interface Spread {
  median: number
  lowest: number
  highest: number
}

/** One server under one setup, all repetitions. */
export interface Row {
  peer: PeerName
  /** '200 subscribers, 100 B' */
  setup: string
  /** What a subscriber may rely on in this row. */
  guarantee: string
  /** By `Metric.key`; missing: not measured. */
  values: Record<string, Spread>
  /** A row with one has no numbers. */
  failures: string[]
  /** The generator was the bottleneck, the machine did something else. */
  warnings: string[]
}

/** A promise about the rows of one run, mostly a ratio between two of them. */
export interface Target {
  /** '≥ 1.5 × Bun at 256 in flight' */
  text: string
  /** What the run showed: '3.1 ×'; '–' where a row is missing. */
  value(rows: readonly Row[]): string
  /** Undefined where a row that it needs is missing or failed. */
  holds(rows: readonly Row[]): boolean | undefined
}

/** The median of `key` in the row of `peer` under `setup`; undefined where there is none. */
export function valueOf(
  rows: readonly Row[],
  peer: PeerName,
  setup: string,
  key: string,
): number | undefined {
  const row = rows.find((candidate) => candidate.peer === peer && candidate.setup === setup)
  return row === undefined || row.failures.length > 0 ? undefined : row.values[key]?.median
}

/** Tidewire's value as a multiple of `of`'s, in the same setup. `at least` or `at most` a factor. */
export function ratioTarget(target: {
  setup: string
  key: string
  of: PeerName
  bound: 'at least' | 'at most'
  factor: number
}): Target {
  const { setup, key, of, bound, factor } = target
  const ratio = (rows: readonly Row[]): number | undefined => {
    const ours = valueOf(rows, 'tidewire', setup, key)
    const theirs = valueOf(rows, of, setup, key)
    return ours === undefined || theirs === undefined || theirs === 0 ? undefined : ours / theirs
  }
  return {
    text: `${setup}: ${bound === 'at least' ? '≥' : '≤'} ${Number(factor.toFixed(2))} × ${of}`,
    value: (rows) => {
      const value = ratio(rows)
      return value === undefined ? '–' : `${value.toPrecision(3)} ×`
    },
    holds: (rows) => compare(ratio(rows), bound, factor),
  }
}

/** Tidewire's value itself, `at least` or `at most` so much. */
export function boundTarget(target: {
  setup: string
  metric: Metric
  bound: 'at least' | 'at most'
  limit: number
}): Target {
  const { setup, metric, bound, limit } = target
  const unit = metric.unit === '' ? '' : ` ${metric.unit}`
  const read = (rows: readonly Row[]) => valueOf(rows, 'tidewire', setup, metric.key)
  return {
    text: `${setup}: ${metric.label} ${bound === 'at least' ? '≥' : '≤'} ${grouped(limit)}${unit}`,
    value: (rows) => {
      const value = read(rows)
      return value === undefined ? '–' : `${grouped(Number(value.toPrecision(3)))}${unit}`
    },
    holds: (rows) => compare(read(rows), bound, limit),
  }
}

function grouped(value: number): string {
  return value.toLocaleString('en')
}

function compare(
  value: number | undefined,
  bound: 'at least' | 'at most',
  limit: number,
): boolean | undefined {
  if (value === undefined) return undefined
  return bound === 'at least' ? value >= limit : value <= limit
}
