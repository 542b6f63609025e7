import { boundTarget, ratioTarget, type Scenario } from '../scenario.ts'
import { broadcastCell, broadcastMetrics, tellRate } from './broadcast.ts'
import { interleave } from './interleave.ts'

const setups = [
  { setup: '16 in flight, 100 B', inFlight: 16, payload: 100 },
  { setup: '64 in flight, 100 B', inFlight: 64, payload: 100 },
  { setup: '256 in flight, 100 B', inFlight: 256, payload: 100 },
  { setup: '1,024 in flight, 100 B', inFlight: 1024, payload: 100 },
  { setup: '256 in flight, 1 KB', inFlight: 256, payload: 1000 },
] as const

const saturated = '256 in flight, 100 B'
const p99 = { key: 'p99', label: 'p99', unit: 'ms', better: 'less' } as const

export const s2: Scenario = {
  id: 's2',
  title: 'Broadcast, saturated',
  about:
    'One publisher keeps many publications open on one channel with 200 subscribers; one is ' +
    'closed when the slowest subscriber has it. What counts is how much a server can do with ' +
    'one system call.',
  metrics: broadcastMetrics,
  peers: ['tidewire', 'bun', 'nats', 'nchan', 'ws', 'ws-framed', 'socket.io', 'centrifugo'],
  targets: [
    ratioTarget({ setup: saturated, key: 'rate', of: 'socket.io', bound: 'at least', factor: 60 }),
    ratioTarget({ setup: saturated, key: 'rate', of: 'bun', bound: 'at least', factor: 1.5 }),
    ratioTarget({ setup: saturated, key: 'rate', of: 'nats', bound: 'at least', factor: 1.2 }),
    boundTarget({ setup: saturated, metric: p99, bound: 'at most', limit: 8 }),
  ],
  run: async (rig, peers, options) => {
    const cells = setups.flatMap(({ setup, inFlight, payload }) =>
      peers.map((peer) =>
        broadcastCell(rig, peer, setup, { subscribers: 200, payload, inFlight }, options),
      ),
    )
    return await interleave(rig, cells, options, tellRate)
  },
}
