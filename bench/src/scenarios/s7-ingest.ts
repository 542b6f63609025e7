import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type ChannelsLoad, type ChannelsSample, measureChannels } from '../channels.ts'
import type { Peer, PeerName } from '../peers.ts'
import { nchanConfig } from '../servers/nchan-config.ts'
import { boundTarget, type Metric, ratioTarget, type Scenario } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { channelsOutcome, protocolOf, withChannels } from './channels.ts'
import { interleave, type Outcome } from './interleave.ts'

const single = '100 connections, 1 frame a packet'
const packets = '10 connections, 64 frames a packet'
const http = 'HTTP, 32 connections'
const steady = 'HTTP, 32 connections, 20,000/s by schedule'
const batches = 'HTTP, 32 connections, batches of 100'

const overWebSocket: readonly PeerName[] = ['tidewire', 'bun', 'ws', 'socket.io']
const overHttp: readonly PeerName[] = ['tidewire', 'nchan', 'node-http']

type Shape = Pick<ChannelsLoad, 'channels' | 'each' | 'publishers' | 'inFlight'> &
  Partial<Pick<ChannelsLoad, 'packet' | 'batch' | 'rate'>>

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
    setup: steady,
    peers: overHttp,
    transport: byHttp,
    shape: { channels: 1, each: 1, publishers: 32, inFlight: 1, rate: 20_000 },
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
    'batch is one HTTP request that publishes to 100 channels, and counts as 100. By schedule all get ' +
    'the same publishes, latency counts from when one was due, and what is compared is what they cost.',
  metrics,
  peers: ['tidewire', 'bun', 'ws', 'socket.io', 'nchan', 'node-http'],
  lead: { [steady]: 'perCpuSecond' },
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
          const run = async () => toOutcome(peer, await measureChannels(rig, prepared(peer), load))
          return { peer, setup, guarantee: guaranteeOf(peer), run }
        }),
    )
    return await interleave(rig, cells, options, tell)
  },
}

/**
 * nchan acknowledges what is in its buffer, however far behind the subscriber is: the buffer holds whatever
 * can come while it is measured.
 */
const NCHAN_BUFFER = 1_000_000
/** `int16_t tag` of its message ids, beside the second. */
const NCHAN_GAP =
  'nchan numbers the messages of a second with 16 bits: above 32,767 a second in one channel, ' +
  'acknowledged ones are not delivered'

function prepared(peer: Peer): Peer {
  if (peer.name !== 'nchan') return withChannels(peer)
  return {
    ...peer,
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'nginx.conf'), nchanConfig(port, directory, NCHAN_BUFFER)),
  }
}

function guaranteeOf({ name, guarantee }: Peer): string {
  return overHttp.includes(name) ? guarantee : `${guarantee}; publishes acked`
}

/** Below this share of what was due, a schedule is not kept. */
const KEPT = 0.98

export function toOutcome(peer: Peer, sample: ChannelsSample): Outcome {
  const { acks, seconds, offered, problem } = sample
  const { failure, ...outcome } = channelsOutcome(sample, {
    rate: ratio(acks, seconds),
    perCpuSecond: ratio(acks, sample.serverCpuSeconds),
    p50: sample.ackMs?.p50,
    p99: sample.ackMs?.p99,
  })
  const because = peer.name === 'nchan' && problem?.kind === 'gap' ? ` (${NCHAN_GAP})` : ''
  const warnings = acks < offered * KEPT ? ['it does not keep to the schedule'] : []
  return { ...outcome, warnings, ...(failure !== undefined && { failure: failure + because }) }
}

function tell({ rate = 0, p99 = 0 }: Outcome['values']): string {
  return `${short(rate)} acked/s, p99 ${short(p99)} ms`
}
