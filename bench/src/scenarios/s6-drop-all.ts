import type { Peer, PeerName } from '../peers.ts'
import type { Rig } from '../run.ts'
import type { Latency } from '../sample.ts'
import {
  boundTarget,
  type Metric,
  ratioTarget,
  type RunOptions,
  type Scenario,
} from '../scenario.ts'
import { describeProblem, type FleetResult, runFleet } from './fleet.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'

const recovered: Metric = { key: 'recovered', label: 'all caught up', unit: 's', better: 'less' }
const lost: Metric = { key: 'lost', label: 'lost', unit: '', better: 'less' }
const doubled: Metric = { key: 'doubled', label: 'doubled', unit: '', better: 'less' }

const CHANNELS = 100
/** What the generator publishes before the cut, if not told otherwise. */
const CALM_SECONDS = 2
/** Who is not back by then is not waited for. */
const LIMIT_SECONDS = 20
const light = { setup: '10,000 clients, 1 message/s a channel', rate: 1 }
const heavy = { setup: '10,000 clients, 10 messages/s a channel', rate: 10 }
/** At most once: what it loses is its row. Of no use where it cannot carry the load of every day. */
const LOSES: ReadonlySet<PeerName> = new Set(['socket.io'])

export const s6DropAll: Scenario = {
  id: 's6-drop-all',
  title: 'All connections drop',
  about:
    '10,000 clients in 100 channels; all their connections are reset, they come back after 2 s, ' +
    'spread over a second, and want what they missed while publishing goes on. What counts is ' +
    'when the last one has everything (from the first attempt to come back), that nothing is ' +
    'lost or doubled, and what 100 clients that kept their connections feel of it.',
  metrics: [
    recovered,
    lost,
    doubled,
    { key: 'untouched', label: 'p99 of the others', unit: 'ms', better: 'less' },
    { key: 'before', label: 'p99 before', unit: 'ms', better: 'less' },
    { key: 'refused', label: 'attempts refused', unit: '', better: 'less' },
    { key: 'serverCpu', label: 'server CPU', unit: 's', better: 'less' },
  ],
  peers: ['tidewire', 'socket.io-recovery', 'socket.io'],
  instead: lost.key,
  extent: (options) => {
    const { clients, calm = CALM_SECONDS } = fleetOf(options)
    return `${clients.toLocaleString('en')} clients that are cut after ${calm} s`
  },
  targets: [
    ...[light, heavy].flatMap(({ setup }) => [
      boundTarget({ setup, metric: recovered, bound: 'at most', limit: 2.5 }),
      boundTarget({ setup, metric: lost, bound: 'at most', limit: 0 }),
      boundTarget({ setup, metric: doubled, bound: 'at most', limit: 0 }),
    ]),
    ratioTarget({
      setup: light.setup,
      key: 'recovered',
      of: 'socket.io-recovery',
      bound: 'at most',
      factor: 1 / 3,
    }),
  ],
  run: async (rig, peers, options) => {
    const cells = [light, heavy].flatMap((load) =>
      peers
        .filter((peer) => load === light || !LOSES.has(peer.name))
        .map((peer) => dropCell(rig, peer, load, options)),
    )
    return await interleave(rig, cells, options, tell)
  },
}

interface DropResult extends FleetResult {
  lost: number
  doubled: number
  reordered: number
  unrecovered: number
  caught_up: number
  acks: number
  published: number
  calm_ms?: Latency
  storm_ms?: Latency
}

function fleetOf({ quick }: RunOptions): {
  clients: number
  untouched: number
  calm?: number
  away?: number
} {
  return quick
    ? { clients: 500, untouched: 20, calm: 0.5, away: 0.5 }
    : { clients: 10_000, untouched: 100 }
}

function dropCell(rig: Rig, peer: Peer, { setup, rate }: typeof light, options: RunOptions): Cell {
  const flags = {
    ...fleetOf(options),
    channels: CHANNELS,
    rate,
    recover: LOSES.has(peer.name) ? 0 : 1,
    limit: LIMIT_SECONDS,
  }
  return {
    peer,
    setup,
    run: async () => {
      const { result, serverCpuSeconds, generatorCpu, otherCpu } = await runFleet<DropResult>(
        rig,
        peer,
        'drop',
        flags,
        flags.clients,
      )
      const failure = failureOf(peer, result)
      return {
        values: {
          ...valuesOf(result, serverCpuSeconds),
          // Of what was lost, nothing was caught up with.
          recovered: LOSES.has(peer.name) ? undefined : result.seconds,
        },
        generatorCpu,
        otherCpu,
        ...(failure === undefined ? {} : { failure }),
      }
    },
  }
}

function valuesOf(result: DropResult, serverCpu: number): Outcome['values'] {
  return {
    lost: result.lost,
    doubled: result.doubled + result.reordered,
    untouched: result.storm_ms?.p99,
    before: result.calm_ms?.p99,
    refused: result.refused,
    serverCpu,
  }
}

/** What breaks the promise of the server, not merely its speed. */
function failureOf(peer: Peer, result: DropResult): string | undefined {
  if (result.problem) {
    const { kind } = result.problem
    return kind === 'late'
      ? `${result.caught_up} of ${result.clients} clients had everything after ${LIMIT_SECONDS} s`
      : describeProblem(result.problem)
  }
  if (peer.name !== 'tidewire') return undefined
  const { lost, doubled, reordered, unrecovered, acks, published } = result
  if (lost + doubled + reordered + unrecovered > 0) {
    return `${lost} lost, ${doubled} doubled, ${reordered} out of order, ${unrecovered} not recovered`
  }
  return acks === published ? undefined : `${published} publications and ${acks} acks`
}

function tell(values: Outcome['values']): string {
  return `all there after ${values['recovered']?.toFixed(2) ?? '–'} s, ${values['lost']} lost`
}
