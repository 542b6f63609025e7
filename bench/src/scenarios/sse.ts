import type { Peer } from '../peers.ts'
import { ratioTarget, type Scenario } from '../scenario.ts'
import { broadcastCell, broadcastMetrics, tellRate } from './broadcast.ts'
import { type Cell, interleave } from './interleave.ts'

/** Tidewire's; the others know one channel. */
const CHANNEL = 'live:bench'

const transports = [
  { name: 'event streams', by: 'sse', inFlight: [1, 64, 256] },
  { name: 'long polls', by: 'poll', inFlight: [1, 64] },
] as const

type Transport = (typeof transports)[number]['by']

const setupOf = (name: string, inFlight: number) => `200 ${name}, ${inFlight} in flight`

export const sse: Scenario = {
  id: 'sse',
  title: 'Event streams and long polls',
  about:
    'As S1 and S2, with 200 subscribers that come by plain HTTP: each holds an event stream, or ' +
    'asks again after every answer from the cursor that came with it. A server that gathers ' +
    'publications answers fewer polls and loses nothing.',
  metrics: broadcastMetrics,
  peers: ['tidewire', 'nchan'],
  targets: transports.flatMap(({ name, inFlight }) =>
    (
      [
        [1, 0.8],
        [Math.max(...inFlight), 20],
      ] as const
    ).map(([open, factor]) =>
      ratioTarget({
        setup: setupOf(name, open),
        key: 'rate',
        of: 'nchan',
        bound: 'at least',
        factor,
      }),
    ),
  ),
  run: async (rig, peers, options) => {
    const cells = transports.flatMap(({ name, by, inFlight }) =>
      inFlight.flatMap((open) =>
        peers.map((peer): Cell => {
          const load = { subscribers: 200, payload: 100, inFlight: open }
          return broadcastCell(rig, byHttp(peer, by), setupOf(name, open), load, options)
        }),
      ),
    )
    return await interleave(rig, cells, options, tellRate)
  },
}

/** The peer, with subscribers by `transport` and its publisher by WebSocket as ever. */
function byHttp(peer: Peer, transport: Transport): Peer {
  if (peer.name === 'nchan') return { ...peer, protocol: `nchan-${transport}` }
  if (peer.name !== 'tidewire') {
    throw new Error(`${peer.name} has no event streams and long polls.`)
  }
  const socketPath = async (port: number) => (await peer.path?.(port)) ?? '/v1/ws'
  return {
    ...peer,
    protocol: `tidewire-${transport}`,
    path: async (port) => {
      const socket = new URL(await socketPath(port), 'http://localhost')
      socket.searchParams.set('channel', CHANNEL)
      return `/v1/${transport}${socket.search}`
    },
    publisherPath: socketPath,
  }
}
