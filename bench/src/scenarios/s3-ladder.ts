import type { Peer } from '../peers.ts'
import { measure, type Rig } from '../run.ts'
import { describeProblem, type Sample } from '../sample.ts'
import {
  boundTarget,
  type Metric,
  ratioTarget,
  type RunOptions,
  type Scenario,
} from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { toOutcome } from './broadcast.ts'
import { Climb, givesUp, type Rung } from './climb.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'

/** Publications per second. */
const rungs = [250, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]
/** Whose latency is shown, and which every server has to take though it failed below. */
const shown = [500, 2000]
/** A rate is sustained when everything arrives and p99 stays below this. */
const LIMIT_MS = 50

const ladder = 'highest rate, 200 subscribers'
const wide = '100/s, 1,000 subscribers'
const rungNamed = (rate: number) => `${rate.toLocaleString('en')}/s, 200 subscribers`

const metrics = {
  highest: { key: 'highest', label: 'sustained', unit: '/s', better: 'more' },
  p99: { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  p50: { key: 'p50', label: 'p50', unit: 'ms', better: 'less' },
  p999: { key: 'p999', label: 'p99.9', unit: 'ms', better: 'less' },
  serverCpu: { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  delivered: { key: 'delivered', label: 'delivered in time', unit: '%', better: 'more' },
  generatorCpu: { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
} as const satisfies Record<string, Metric>

export const s3: Scenario = {
  id: 's3',
  title: 'Broadcast by schedule',
  about:
    'Publications of 100 B are due at a fixed rate, whatever becomes of them, and latency counts ' +
    'from then until the slowest subscriber has them. A rate is sustained when, in one of two ' +
    `attempts, everything arrives and p99 stays below ${LIMIT_MS} ms; the ladder ends where one is not, ` +
    'be it that the server lets somebody go.',
  metrics: Object.values(metrics),
  peers: ['tidewire', 'bun', 'nats', 'nchan', 'ws', 'socket.io'],
  targets: [
    ratioTarget({ setup: ladder, key: 'highest', of: 'socket.io', bound: 'at least', factor: 10 }),
    boundTarget({
      setup: rungNamed(2000),
      metric: metrics.serverCpu,
      bound: 'at most',
      limit: 60,
    }),
    boundTarget({ setup: rungNamed(2000), metric: metrics.p99, bound: 'at most', limit: 4 }),
  ],
  run: async (rig, peers, options) => {
    const climbs = new Map(peers.map((peer) => [peer, new Climb()]))
    const rates = options.quick ? shown : rungs
    const cells = rates.flatMap((rate) =>
      [...climbs].map(([peer, climb]) => rungCell(rig, peer, rate, climb, options)),
    )
    const wideCells = peers.map((peer) => wideCell(rig, peer, options))
    const rows = await interleave(rig, [...cells, ...wideCells], options, tell)
    return [
      ...[...climbs].map(([peer, climb]) => climb.row(peer, ladder)),
      ...rows.filter(({ setup }) => setup === wide || shown.map(rungNamed).includes(setup)),
    ]
  },
}

function rungCell(rig: Rig, peer: Peer, rate: number, climb: Climb, options: RunOptions): Cell {
  const run = async (): Promise<Outcome> => {
    if (rate === (options.quick ? shown : rungs)[0]) climb.begin()
    if (climb.fell && !shown.includes(rate)) return { values: {} }
    const outcome = await attempt(rig, peer, { rate, subscribers: 200 }, options)
    climb.rung(rate, outcome)
    return outcome
  }
  return { peer, setup: rungNamed(rate), run }
}

function wideCell(rig: Rig, peer: Peer, options: RunOptions): Cell {
  const load = { rate: 100, subscribers: 1000 }
  return { peer, setup: wide, run: async () => await attempt(rig, peer, load, options) }
}

interface Load {
  rate: number
  subscribers: number
}

/**
 * Never rejects. What is not sustained gets a second chance: a busy moment of the machine ends no
 * ladder.
 */
async function attempt(rig: Rig, peer: Peer, load: Load, options: RunOptions): Promise<Rung> {
  try {
    const first = await rung(rig, peer, load, options)
    const broken = first.failure !== undefined && first.gaveUp === undefined
    const enough = first.sustained || broken || options.quick
    return enough ? first : await rung(rig, peer, load, options)
  } catch (error) {
    const failure = error instanceof Error ? error.message : String(error)
    return { values: {}, sustained: false, failure }
  }
}

async function rung(
  rig: Rig,
  peer: Peer,
  { rate, subscribers }: Load,
  { warmup, seconds }: RunOptions,
): Promise<Rung> {
  const sample = await measure(rig, peer, {
    channel: peer.protocol === 'tidewire' ? 'live:bench' : 'bench',
    subscribers,
    payload: 100,
    rate,
    inFlight: Math.max(4096, rate),
    warmup,
    seconds,
    complete: 'deliveries',
  })
  const sustained = isSustained(sample)
  const { values, ...outcome } = toOutcome(sample)
  const delivered = deliveredShare(sample, subscribers) * 100
  return {
    ...outcome,
    values: {
      p50: values['p50'],
      p99: values['p99'],
      p999: sample.lastSubscriberMs?.p999,
      serverCpu: values['serverCpu'],
      generatorCpu: values['generatorCpu'],
      delivered,
    },
    sustained,
    ...(!sustained && { warnings: ['this rate is not sustained'] }),
    ...(sample.problem && givesUp(sample.problem) && { gaveUp: describeProblem(sample.problem) }),
  }
}

export function isSustained({ schedule, lastSubscriberMs }: Sample): boolean {
  const p99 = lastSubscriberMs?.p99
  return schedule?.sustained === true && p99 !== undefined && p99 < LIMIT_MS
}

/** Of what was due in the window, what arrived in it; what was under way at its ends evens out. */
export function deliveredShare({ deliveries, schedule }: Sample, subscribers: number): number {
  return Math.min(1, ratio(deliveries, (schedule?.due ?? 0) * subscribers))
}

function tell(values: Outcome['values']): string {
  const { p50, p99, serverCpu, delivered } = values
  if (delivered === undefined) return 'left out: it fell below'
  const latency = `p50 ${short(p50 ?? 0)} ms, p99 ${short(p99 ?? 0)} ms`
  return `${latency}, ${Math.round(serverCpu ?? 0)} % CPU, ${Math.round(delivered)} % in time`
}
