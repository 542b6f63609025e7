import { type ChannelsLoad, type ChannelsSample, measureChannels } from '../channels.ts'
import { type Metric, ratioTarget, type Scenario } from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { channelsOutcome, protocolOf, withChannels } from './channels.ts'
import { interleave, type Outcome } from './interleave.ts'

const SUBSCRIBERS = 1000
const CHANNELS = 500
const EACH = 10
const FAN = (SUBSCRIBERS * EACH) / CHANNELS
/** Of the publishers, each on its own connection. */
const PUBLISHERS = 10
/** Below this share of what was due, a rate is not sustained. */
const SUSTAINED = 0.98

const saturated = 'saturated, 10 × 128 in flight'
const light = '2,000 publishes/s'
const busy = '10,000 publishes/s'

const setups: readonly { setup: string; inFlight: number; rate?: number }[] = [
  { setup: saturated, inFlight: 128 },
  { setup: light, inFlight: 1024, rate: 2000 },
  { setup: busy, inFlight: 1024, rate: 10_000 },
]

const metrics: readonly Metric[] = [
  { key: 'rate', label: 'deliveries', unit: '/s', better: 'more' },
  { key: 'perCpuSecond', label: 'deliveries per server CPU-s', unit: '', better: 'more' },
  { key: 'p50', label: 'p50', unit: 'ms', better: 'less' },
  { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  { key: 'delivered', label: 'delivered in time', unit: '%', better: 'more' },
  { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
]

export const s4: Scenario = {
  id: 's4',
  title: 'Many channels',
  about:
    '1,000 connections with 10 of 500 channels each, overlapping and seldom the same, and 10 ' +
    'publishers that take the channels in turn, 100 B. Each publish goes to 20 connections, so ' +
    'that a server can only gain by writing once for several channels.',
  metrics,
  peers: ['tidewire', 'bun', 'ws', 'socket.io'],
  // By schedule all deliver the same, and differ in what it costs.
  lead: { [light]: 'perCpuSecond', [busy]: 'perCpuSecond' },
  targets: [
    ratioTarget({ setup: saturated, key: 'rate', of: 'socket.io', bound: 'at least', factor: 5 }),
    ratioTarget({ setup: saturated, key: 'rate', of: 'bun', bound: 'at least', factor: 1.3 }),
    ratioTarget({ setup: light, key: 'perCpuSecond', of: 'bun', bound: 'at least', factor: 0.9 }),
  ],
  run: async (rig, peers, { warmup, seconds, ...options }) => {
    const cells = setups.flatMap(({ setup, ...pace }) =>
      peers.map((peer) => {
        const load: ChannelsLoad = {
          ...pace,
          protocol: protocolOf(peer),
          prefix: 'live:',
          channels: CHANNELS,
          subscribers: SUBSCRIBERS,
          each: EACH,
          publishers: PUBLISHERS,
          payload: 100,
          warmup,
          seconds,
          complete: 'deliveries',
        }
        const run = async () => toOutcome(await measureChannels(rig, withChannels(peer), load))
        return { peer, setup, run }
      }),
    )
    return await interleave(rig, cells, { warmup, seconds, ...options }, tell)
  },
}

function toOutcome(sample: ChannelsSample): Outcome {
  const { deliveries, seconds, offered } = sample
  const share = offered === 0 ? undefined : Math.min(1, ratio(deliveries, offered * FAN))
  return {
    ...channelsOutcome(sample, {
      rate: ratio(deliveries, seconds),
      perCpuSecond: ratio(deliveries, sample.serverCpuSeconds),
      p50: sample.lastSubscriberMs?.p50,
      p99: sample.lastSubscriberMs?.p99,
      delivered: share === undefined ? undefined : share * 100,
    }),
    ...(share !== undefined &&
      share < SUSTAINED && { warnings: ['not sustained: latencies grow with time'] }),
  }
}

function tell({ rate = 0, p99 = 0 }: Outcome['values']): string {
  return `${short(rate)} deliveries/s, p99 ${short(p99)} ms`
}
