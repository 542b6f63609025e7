import type { Peer } from '../peers.ts'
import type { Rig } from '../run.ts'
import type { Row, RunOptions } from '../scenario.ts'
import { spread } from '../summary.ts'

/** Above this share of its core the generator may be what is measured. */
const GENERATOR_LIMIT = 0.9
/** Share of one core that other work may take before a row speaks of noise. */
const OTHER_LIMIT = 0.1

/** One server under one setup: a row of the table. */
export interface Cell {
  peer: Peer
  setup: string
  /** Where it differs from the peer's own. */
  guarantee?: string
  /** One repetition, with a fresh server. Throwing is a failure of this repetition. */
  run(): Promise<Outcome>
}

/** What one repetition came to. */
export interface Outcome {
  /** By `Metric.key`; undefined: not measured. */
  values: Record<string, number | undefined>
  /** A sentence: what was lost, doubled, out of order, or did not come up. */
  failure?: string
  warnings?: readonly string[]
  /** Shares of one core in the measured window. */
  generatorCpu?: number
  otherCpu?: number
}

/**
 * Runs A B C, A B C …: what drifts, drifts for all. `tell` is a run's part of the progress line.
 */
export async function interleave(
  rig: Rig,
  cells: readonly Cell[],
  { repeat }: RunOptions,
  tell: (values: Outcome['values']) => string,
): Promise<Row[]> {
  const outcomes = new Map(cells.map((cell) => [cell, [] as Outcome[]]))
  const runs = cells.length * repeat
  let done = 0
  for (let repetition = 1; repetition <= repeat; repetition++) {
    for (const [cell, of] of outcomes) {
      rig.profiles?.expect(cell)
      const outcome = await attempt(cell)
      of.push(outcome)
      done++
      const text = outcome.failure === undefined ? tell(outcome.values) : outcome.failure
      rig.progress(`[${done}/${runs}] ${cell.peer.name}, ${cell.setup}: ${text}`)
    }
  }
  return [...outcomes].map(([cell, of]) => toRow(cell, of))
}

async function attempt(cell: Cell): Promise<Outcome> {
  try {
    return await cell.run()
  } catch (error) {
    return { values: {}, failure: error instanceof Error ? error.message : String(error) }
  }
}

export function toRow(cell: Omit<Cell, 'run'>, outcomes: readonly Outcome[]): Row {
  const good = outcomes.filter((outcome) => outcome.failure === undefined)
  const keys = new Set(good.flatMap((outcome) => Object.keys(outcome.values)))
  const values: Row['values'] = {}
  for (const key of keys) {
    const measured = good.flatMap((outcome) => outcome.values[key] ?? [])
    if (measured.length > 0) values[key] = spread(measured)
  }
  return {
    peer: cell.peer.name,
    setup: cell.setup,
    guarantee: cell.guarantee ?? cell.peer.guarantee,
    values,
    failures: unique(outcomes.flatMap((outcome) => outcome.failure ?? [])),
    warnings: unique([...outcomes.flatMap((outcome) => outcome.warnings ?? []), ...noise(good)]),
  }
}

function noise(outcomes: readonly Outcome[]): string[] {
  const highest = (share: (outcome: Outcome) => number | undefined) =>
    Math.max(0, ...outcomes.map((outcome) => share(outcome) ?? 0))
  const generator = highest(({ generatorCpu }) => generatorCpu)
  const other = highest(({ otherCpu }) => otherCpu)
  return [
    ...(generator > GENERATOR_LIMIT
      ? [`the generator used ${Math.round(generator * 100)} % of its core: read as at least`]
      : []),
    ...(other > OTHER_LIMIT
      ? [`something else used up to ${Math.round(other * 100)} % of a core: expect noise`]
      : []),
  ]
}

function unique(sentences: readonly string[]): string[] {
  return [...new Set(sentences)]
}
