import { compileGenerator, generate, type Load } from '../generator.ts'
import type { Peer } from '../peers.ts'
import { CpuMeter, type Rig, withServer } from '../run.ts'
import { describeProblem, type Measurement } from '../sample.ts'
import { boundTarget, type Metric, type RunOptions, type Scenario } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { Watch } from '../watch.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'
import { withLog } from './s8-durable.ts'

const HEALTHY = 180
const STALLED = 10
const SLOW = 10
const SLOW_RATE = 10_000
/** Seconds of the run without laggards, which healthy p99 is compared with. */
const CONTROL_SECONDS = 4

const fast = { setup: '2,000/s of 1 KB', rate: 2000, payload: 1000 } as const
const large = { setup: '500/s of 4 KB', rate: 500, payload: 4000 } as const

const metrics = {
  p99: { key: 'p99', label: 'healthy p99', unit: 'ms', better: 'less' },
  p99Ratio: { key: 'p99Ratio', label: '× p99 without laggards', unit: '', better: 'less' },
  growth: { key: 'growth', label: 'RSS on top', unit: 'MB', better: 'less' },
  letGo: { key: 'letGo', label: 'of 20 laggards let go', unit: '', better: 'more' },
  shed: { key: 'shed', label: 'the last after', unit: 's', better: 'less' },
  complete: { key: 'complete', label: 'caught up', unit: '', better: 'more' },
  missed: { key: 'missed', label: 'lost silently', unit: '', better: 'less' },
  serverCpu: { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
} as const satisfies Record<string, Metric>

export const s9: Scenario = {
  id: 's9',
  title: 'Slow consumers',
  about:
    `200 subscribers, of which ${STALLED} never read and ${SLOW} read ${SLOW_RATE / 1000} KB a ` +
    'second; afterwards all catch up, and who was let go resumes where a server can. What counts ' +
    'is that the healthy ones notice nothing, that memory stays bounded (the columns compare with a ' +
    'run without laggards), and that nobody misses anything without knowing.',
  metrics: Object.values(metrics),
  peers: ['tidewire', 'bun', 'ws', 'socket.io'],
  chart: [large.setup],
  targets: [fast.setup, large.setup].flatMap((setup) => [
    boundTarget({ setup, metric: metrics.p99Ratio, bound: 'at most', limit: 1.2 }),
    boundTarget({ setup, metric: metrics.growth, bound: 'at most', limit: 100 }),
  ]),
  run: async (rig, peers, options) => {
    const setups = options.quick ? [large] : [fast, large]
    const cells = setups.flatMap((load) => peers.map((peer) => cell(rig, peer, load, options)))
    return await interleave(rig, cells, options, tell)
  },
}

interface Setup {
  setup: string
  rate: number
  payload: number
}

/** Tidewire keeps its log on disk here: whoever was let go gets all of it after the return. */
function cell(rig: Rig, given: Peer, setup: Setup, options: RunOptions): Cell {
  const ours = given.name === 'tidewire'
  const peer = ours ? withLog(given) : given
  const run = async (): Promise<Outcome> => {
    const { warmup, seconds } = options
    const control = await load(rig, peer, {
      ...planOf(peer, setup, { warmup, seconds: Math.min(seconds, CONTROL_SECONDS) }),
      subscribers: HEALTHY,
    })
    if (!control.schedule?.sustained) {
      const failure = control.problem && describeProblem(control.problem)
      const warnings = ['it does not sustain this rate, laggards or not']
      return { values: {}, warnings, ...(failure && { failure }) }
    }
    const loaded = await load(rig, peer, {
      ...planOf(peer, setup, { warmup, seconds }),
      subscribers: HEALTHY + STALLED + SLOW,
      stalled: STALLED,
      slow: SLOW,
      slowRate: SLOW_RATE,
    })
    return toOutcome(control, loaded)
  }
  const guarantee = ours ? 'every offset once, in order; who was let go resumes' : peer.guarantee
  return { peer, setup: setup.setup, guarantee, run }
}

function planOf(
  peer: Peer,
  { rate, payload }: Setup,
  { warmup, seconds }: { warmup: number; seconds: number },
): Omit<Load, 'port' | 'protocol' | 'path' | 'subscribers'> {
  return {
    channel: peer.protocol === 'tidewire' ? 'log:bench' : 'bench',
    payload,
    rate,
    inFlight: 4 * rate,
    warmup,
    seconds,
    complete: 'deliveries',
  }
}

type Loaded = Measurement & {
  serverCpuSeconds: number
  otherCpuSeconds: number
  peakBytes: number
  /** Seconds until the last laggard that was let go was. */
  shedAfter: number | undefined
}

/** As `measure`, with an eye on the memory and the connections of the server. */
async function load(
  rig: Rig,
  peer: Peer,
  plan: Omit<Load, 'port' | 'protocol' | 'path'>,
): Promise<Loaded> {
  const command = [...rig.pinning.generator, compileGenerator('broadcast')]
  return await withServer(rig, peer, async (server) => {
    const path = await peer.path?.(server.port)
    const meter = new CpuMeter(server)
    using watch = new Watch(server.pid)
    const measurement = await generate(
      command,
      {
        ...plan,
        port: server.port,
        protocol: peer.protocol,
        ...(path === undefined ? {} : { path }),
      },
      {
        begin: () => meter.begin(),
        end: () => {
          meter.end()
          watch[Symbol.dispose]() // what follows is the end of all connections, whoever ends them
        },
      },
    )
    const { letGo = 0 } = measurement.laggards ?? {}
    return {
      ...measurement,
      ...meter.used(measurement.cpuSeconds),
      peakBytes: watch.peakBytes,
      shedAfter: letGo === 0 ? undefined : watch.closedAfter(letGo),
    }
  })
}

function toOutcome(control: Loaded, loaded: Loaded): Outcome {
  const p99 = loaded.lastSubscriberMs?.p99
  const without = control.lastSubscriberMs?.p99
  const { laggards, problem } = loaded
  const sustained = loaded.schedule?.sustained === true
  const failed = control.problem ?? problem
  return {
    values: {
      p99,
      p99Ratio: p99 === undefined || without === undefined ? undefined : ratio(p99, without),
      growth: Math.max(0, loaded.peakBytes - control.peakBytes) / 1e6,
      shed: loaded.shedAfter,
      // Where the run was given up nobody caught up, so that nothing is known of the laggards.
      ...(sustained && {
        letGo: laggards?.letGo,
        complete: laggards?.complete,
        missed: laggards?.missed,
      }),
      serverCpu: ratio(loaded.serverCpuSeconds, loaded.seconds) * 100,
    },
    generatorCpu: ratio(loaded.cpuSeconds, loaded.seconds),
    otherCpu: ratio(loaded.otherCpuSeconds, loaded.seconds),
    warnings: sustained ? [] : ['with laggards it does not sustain this rate'],
    ...(failed && { failure: describeProblem(failed) }),
  }
}

function tell({ p99, p99Ratio, growth, letGo, shed }: Outcome['values']): string {
  const number = (value: number | undefined) => value?.toPrecision(3) ?? '–'
  if (p99 === undefined) return 'the rate is not sustained, laggards or not'
  const away = letGo ? `${letGo} let go by ${number(shed)} s` : 'nobody let go'
  return `p99 ${number(p99)} ms (× ${number(p99Ratio)}), + ${number(growth)} MB, ${away}`
}
