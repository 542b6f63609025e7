import type { Scenario } from '../scenario.ts'
import { ratioTarget } from '../scenario.ts'
import { broadcastCell, broadcastMetrics, tellRate } from './broadcast.ts'
import { interleave } from './interleave.ts'

const setups = [
  { setup: '200 subscribers, 100 B', subscribers: 200, payload: 100 },
  { setup: '200 subscribers, 1 KB', subscribers: 200, payload: 1000 },
  { setup: '1,000 subscribers, 100 B', subscribers: 1000, payload: 100 },
  { setup: '1,000 subscribers, 1 KB', subscribers: 1000, payload: 1000 },
] as const

export const s1: Scenario = {
  id: 's1',
  title: 'Broadcast, one in flight',
  about:
    'One publisher, one channel; the next publication goes out when the slowest subscriber has ' +
    'the last one. Every server pays a system call for each subscriber and little else: rows ' +
    'that lie close together are a check of the bench.',
  metrics: broadcastMetrics,
  peers: ['tidewire', 'bun', 'nats', 'nchan', 'ws', 'ws-framed', 'socket.io', 'centrifugo'],
  chart: ['200 subscribers, 100 B', '1,000 subscribers, 100 B'],
  targets: ['200 subscribers, 100 B', '1,000 subscribers, 100 B'].flatMap((setup) => [
    ratioTarget({ setup, key: 'rate', of: 'socket.io', bound: 'at least', factor: 1 }),
    ratioTarget({ setup, key: 'rate', of: 'ws', bound: 'at least', factor: 1 }),
    ratioTarget({ setup, key: 'rate', of: 'bun', bound: 'at least', factor: 0.9 }),
  ]),
  run: async (rig, peers, options) => {
    const cells = setups.flatMap(({ setup, subscribers, payload }) =>
      peers.map((peer) =>
        broadcastCell(rig, peer, setup, { subscribers, payload, inFlight: 1 }, options),
      ),
    )
    return await interleave(rig, cells, options, tellRate)
  },
}
