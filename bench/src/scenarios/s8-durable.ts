import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type ChannelsLoad, type ChannelsSample, loadChannels } from '../channels.ts'
import { paths } from '../paths.ts'
import type { Peer } from '../peers.ts'
import { launchOn, type Rig } from '../run.ts'
import { boundTarget, type Metric, ratioTarget, type Scenario } from '../scenario.ts'
import { ServerProcess } from '../server.ts'
import { createStream } from '../servers/jetstream.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { checkAfterKill, parseLedger } from './after-kill.ts'
import { channelsOutcome } from './channels.ts'
import { interleave, type Outcome } from './interleave.ts'

const many = '1,024 in flight'

const setups = [
  { setup: '1 in flight', publishers: 1, inFlight: 1 },
  { setup: '64 in flight', publishers: 8, inFlight: 8 },
  { setup: many, publishers: 16, inFlight: 64 },
] as const

const rate = { key: 'rate', label: 'acked', unit: '/s', better: 'more' } as const
const p99 = { key: 'p99', label: 'ack p99', unit: 'ms', better: 'less' } as const
const lost = { key: 'lost', label: 'lost after kill -9', unit: '', better: 'less' } as const

const metrics: readonly Metric[] = [
  rate,
  { key: 'perCpuSecond', label: 'acked per server CPU-s', unit: '', better: 'more' },
  { key: 'p50', label: 'ack p50', unit: 'ms', better: 'less' },
  p99,
  { key: 'fanoutP99', label: 'delivery p99', unit: 'ms', better: 'less' },
  lost,
  { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
]

export const s8: Scenario = {
  id: 's8',
  title: 'Durable publishes',
  about:
    'Publishes of 200 B to 1,000 durable channels in turn, acknowledged when they are on disk, ' +
    'with 20 subscribers that receive and check them meanwhile. With the most in flight Tidewire ' +
    'is killed under load (SIGKILL) and started again, and its history must hold everything that ' +
    'was acknowledged, in order.',
  metrics,
  peers: ['tidewire', 'jetstream-always', 'jetstream'],
  chart: setups.map(({ setup }) => setup),
  targets: [
    boundTarget({ setup: many, metric: rate, bound: 'at least', limit: 100_000 }),
    boundTarget({ setup: many, metric: p99, bound: 'at most', limit: 20 }),
    boundTarget({ setup: many, metric: lost, bound: 'at most', limit: 0 }),
    ratioTarget({ setup: many, key: 'rate', of: 'jetstream-always', bound: 'at least', factor: 3 }),
  ],
  run: async (rig, peers, options) => {
    const { warmup, seconds } = options
    const cells = setups.flatMap(({ setup, publishers, inFlight }) =>
      peers.map((peer) => {
        const ours = peer.name === 'tidewire'
        const load: ChannelsLoad = {
          protocol: ours ? 'tidewire' : 'nats',
          prefix: ours ? 'log:' : 'log.',
          channels: 1000,
          subscribers: 20,
          each: 50,
          publishers,
          inFlight,
          acks: true,
          payload: 200,
          warmup,
          seconds,
          complete: 'acks',
        }
        const run = async (): Promise<Outcome> => {
          if (!ours) return await jetstream(rig, peer, load)
          return await inDirectory((directory) =>
            tidewire(rig, withLog(peer), load, directory, setup === many),
          )
        }
        return { peer, setup, guarantee: ours ? 'on disk before the ack' : peer.guarantee, run }
      }),
    )
    return await interleave(rig, cells, options, tell)
  },
}

/** Without the features of `--dev`, some of which follow what is published. Channels are `log:…`. */
export function withLog(peer: Peer): Peer {
  return {
    ...peer,
    prepare: (port, directory) =>
      writeFileSync(join(directory, 'tidewire.yaml'), configuration(port, directory)),
    command: (_port, directory) => [
      process.execPath,
      join(paths.cli, 'bin/tidewire.js'),
      'serve',
      '--config',
      join(directory, 'tidewire.yaml'),
    ],
  }
}

function configuration(port: number, directory: string): string {
  return `
host: 127.0.0.1
port: ${port}
data: ${JSON.stringify(directory)}
ops: { port: null }
dev: true
features: []
no_limits: true
namespaces:
  log: { durability: durable, publish: user, subscribe: user }
`
}

/** On the disk of the repository, whose `fdatasync` decides the numbers. */
async function inDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(paths.build, 'data-'))
  try {
    return await work(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

async function tidewire(
  rig: Rig,
  peer: Peer,
  load: ChannelsLoad,
  directory: string,
  kill: boolean,
): Promise<Outcome> {
  const server = await ServerProcess.start(peer, launchOn(rig), directory)
  const ledger = join(directory, 'acknowledged')
  let killed: Promise<void> | undefined
  try {
    const sample = await loadChannels(rig, peer, server, kill ? { ...load, ledger } : load, () => {
      if (kill) killed = server.kill()
    })
    const outcome = toOutcome(sample)
    if (!kill || outcome.failure !== undefined) return outcome
    await killed
    return await checked(rig, peer, directory, ledger, outcome)
  } finally {
    await server.stop()
  }
}

async function checked(
  rig: Rig,
  peer: Peer,
  directory: string,
  ledger: string,
  outcome: Outcome,
): Promise<Outcome> {
  const acknowledged = parseLedger(readFileSync(ledger, 'utf8'))
  const server = await ServerProcess.start(peer, { pin: rig.pinning.server }, directory)
  try {
    const path = (await peer.path?.(server.port)) ?? ''
    const token = new URLSearchParams(path.slice(path.indexOf('?'))).get('token') ?? ''
    const { kept, lost, disorder } = await checkAfterKill(
      `http://127.0.0.1:${server.port}`,
      token,
      acknowledged,
      (channel) => `log:c${String(channel).padStart(4, '0')}`,
    )
    const missing = `${lost} of ${kept + lost} acknowledged publishes are lost`
    const failure = disorder ?? (lost > 0 || kept === 0 ? missing : undefined)
    return {
      ...outcome,
      values: { ...outcome.values, lost },
      ...(failure !== undefined && { failure: `after kill -9: ${failure}` }),
    }
  } finally {
    await server.stop()
  }
}

async function jetstream(rig: Rig, peer: Peer, load: ChannelsLoad): Promise<Outcome> {
  return await inDirectory(async (directory) => {
    const server = await ServerProcess.start(peer, launchOn(rig), directory)
    try {
      await createStream(server.port)
      return toOutcome(await loadChannels(rig, peer, server, load))
    } finally {
      await server.stop()
    }
  })
}

function toOutcome(sample: ChannelsSample): Outcome {
  const { acks, seconds } = sample
  return channelsOutcome(sample, {
    rate: ratio(acks, seconds),
    perCpuSecond: ratio(acks, sample.serverCpuSeconds),
    p50: sample.ackMs?.p50,
    p99: sample.ackMs?.p99,
    fanoutP99: sample.deliveryMs?.p99,
  })
}

function tell({ rate = 0, p99 = 0, lost }: Outcome['values']): string {
  const kept = lost === undefined ? '' : ', everything acknowledged is there after kill -9'
  return `${short(rate)} acked/s, p99 ${short(p99)} ms${kept}`
}
