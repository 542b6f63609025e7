import type { Peer } from '../peers.ts'
import type { Rig } from '../run.ts'
import { type Metric, ratioTarget, type RunOptions, type Scenario } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { describeProblem, runFleet } from './fleet.ts'
import { type Cell, interleave } from './interleave.ts'

const metrics: readonly Metric[] = [
  { key: 'rate', label: 'connects', unit: '/s', better: 'more' },
  { key: 'cpu', label: 'server CPU a connect', unit: 'µs', better: 'less' },
  { key: 'p50', label: 'p50', unit: 'ms', better: 'less' },
  { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
]

const OUTSTANDING = 256
const setup = '256 at a time, HS256, one subscription'

export const s6: Scenario = {
  id: 's6',
  title: 'Connect storm',
  about:
    '8,000 clients connect, show a token that the server has never seen, and subscribe; 256 are on ' +
    'their way at a time. Before, 8,000 others came and went, so that the code of all servers is warm.',
  metrics,
  peers: ['tidewire', 'bun', 'ws', 'socket.io'],
  extent: (options) => {
    const { clients, warmup } = fleetOf(options)
    return `${clients.toLocaleString('en')} clients after ${warmup.toLocaleString('en')} others`
  },
  targets: [
    ratioTarget({ setup, key: 'rate', of: 'socket.io', bound: 'at least', factor: 2.5 }),
    ratioTarget({ setup, key: 'cpu', of: 'socket.io', bound: 'at most', factor: 0.4 }),
  ],
  run: async (rig, peers, options) =>
    await interleave(
      rig,
      peers.map((peer) => stormCell(rig, peer, options)),
      options,
      (values) => `${short(values['rate'] ?? 0)} connects/s, ${values['cpu']?.toFixed(0)} µs each`,
    ),
}

function fleetOf({ quick }: RunOptions): { clients: number; warmup: number } {
  return quick ? { clients: 500, warmup: 100 } : { clients: 8_000, warmup: 8_000 }
}

function stormCell(rig: Rig, peer: Peer, options: RunOptions): Cell {
  const { clients, warmup } = fleetOf(options)
  return {
    peer,
    setup,
    run: async () => {
      const { result, serverCpuSeconds, generatorCpu, otherCpu } = await runFleet(
        rig,
        peer,
        'storm',
        { clients, 'warmup-clients': warmup, outstanding: OUTSTANDING, channels: 100 },
        clients + warmup,
      )
      return {
        values: {
          rate: ratio(clients, result.seconds),
          cpu: (serverCpuSeconds / clients) * 1e6,
          p50: result.connect_ms?.p50,
          p99: result.connect_ms?.p99,
          generatorCpu: generatorCpu * 100,
        },
        generatorCpu,
        otherCpu,
        ...(result.problem && { failure: describeProblem(result.problem) }),
      }
    },
  }
}
