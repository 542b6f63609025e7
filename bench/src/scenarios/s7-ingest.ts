import { type ChannelsLoad, type ChannelsSample, measureChannels } from '../channels.ts'
import type { Peer, PeerName } from '../peers.ts'
import { boundTarget, type Metric, ratioTarget, type Scenario } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { channelsOutcome, protocolOf, withChannels } from './channels.ts'
import { interleave, type Outcome } from './interleave.ts'

const single = '100 connections, 1 frame a packet'
const packets = '10 connections, 64 frames a packet'
const http = 'HTTP, 32 connections'
const batches = 'HTTP, 32 connections, batches of 100'

const overWebSocket: readonly PeerName[] = ['tidewire', 'bun', 'ws', 'socket.io']
const overHttp: readonly PeerName[] = ['tidewire', 'nchan', 'node-http']

type Shape = Pick<ChannelsLoad, 'channels' | 'each' | 'publishers' | 'inFlight'> &
  Partial<Pick<ChannelsLoad, 'packet' | 'batch'>>

interface Setup {
  setup: string
  peers: readonly PeerName[]
  transport: (peer: Peer) => Transport
  shape: Shape
}

type Transport = Pick<ChannelsLoad, 'protocol' | 'subscribers'> &
  Partial<Pick<ChannelsLoad, 'subscribeProtocol'>>

const setups: readonly Setup[] = [
  {
    setup: single,
    peers: overWebSocket,
    transport: byWebSocket,
    shape: { channels: 1, each: 1, publishers: 100, inFlight: 1 },
  },
  {
    setup: packets,
    peers: overWebSocket,
    transport: byWebSocket,
    shape: { channels: 1, each: 1, publishers: 10, inFlight: 64, packet: 64 },
  },
  {
    setup: http,
    peers: overHttp,
    transport: byHttp,
    shape: { channels: 1, each: 1, publishers: 32, inFlight: 1 },
  },
  {
    setup: batches,
    peers: ['tidewire', 'node-http'],
    transport: byHttp,
    shape: { channels: 100, each: 100, publishers: 32, inFlight: 1, batch: true },
  },
]

function byWebSocket(peer: Peer): Transport {
  return { protocol: protocolOf(peer), subscribers: 1 }
}

function byHttp({ name }: Peer): Transport {
  switch (name) {
    case 'tidewire':
      return { protocol: 'http', subscribeProtocol: 'tidewire', subscribers: 1 }
    case 'nchan':
      return { protocol: 'nchan', subscribeProtocol: 'nchan-ws', subscribers: 1 }
    default:
      return { protocol: 'http', subscribers: 0 } // it delivers nothing
  }
}

const rate = { key: 'rate', label: 'publishes acked', unit: '/s', better: 'more' } as const

const metrics: readonly Metric[] = [
  rate,
  { key: 'perCpuSecond', label: 'acked per server CPU-s', unit: '', better: 'more' },
  { key: 'p50', label: 'ack p50', unit: 'ms', better: 'less' },
  { key: 'p99', label: 'ack p99', unit: 'ms', better: 'less' },
  { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
]

export const s7: Scenario = {
  id: 's7',
  title: 'Ingest with acks',
  about:
    'Publishes of 100 B, each of them acknowledged, and one subscriber that receives and checks ' +
    'them all. Each connection waits for the acks of its packet or request before the next; a ' +
    'batch is one HTTP request that publishes to 100 channels, and counts as 100.',
  metrics,
  peers: ['tidewire', 'bun', 'ws', 'socket.io', 'nchan', 'node-http'],
  chart: [single, packets, http, batches],
  targets: [
    ratioTarget({ setup: single, key: 'rate', of: 'socket.io', bound: 'at least', factor: 2 }),
    ratioTarget({ setup: packets, key: 'rate', of: 'socket.io', bound: 'at least', factor: 5 }),
    boundTarget({ setup: http, metric: rate, bound: 'at least', limit: 20_000 }),
    boundTarget({ setup: batches, metric: rate, bound: 'at least', limit: 200_000 }),
  ],
  run: async (rig, peers, options) => {
    const { warmup, seconds } = options
    const cells = setups.flatMap(({ setup, peers: able, transport, shape }) =>
      peers
        .filter(({ name }) => able.includes(name))
        .map((peer) => {
          const load: ChannelsLoad = {
            ...shape,
            ...transport(peer),
            prefix: 'live:',
            payload: 100,
            acks: true,
            warmup,
            seconds,
            complete: 'acks',
          }
          const run = async () => toOutcome(await measureChannels(rig, withChannels(peer), load))
          return { peer, setup, guarantee: guaranteeOf(peer), run }
        }),
    )
    return await interleave(rig, cells, options, tell)
  },
}

function guaranteeOf({ name, guarantee }: Peer): string {
  return overHttp.includes(name) ? guarantee : `${guarantee}; publishes acked`
}

function toOutcome(sample: ChannelsSample): Outcome {
  const { acks, seconds } = sample
  return channelsOutcome(sample, {
    rate: ratio(acks, seconds),
    perCpuSecond: ratio(acks, sample.serverCpuSeconds),
    p50: sample.ackMs?.p50,
    p99: sample.ackMs?.p99,
  })
}

function tell({ rate = 0, p99 = 0 }: Outcome['values']): string {
  return `${short(rate)} acked/s, p99 ${short(p99)} ms`
}
