import { compileGenerator, generate, hasZlib, type Load } from '../generator.ts'
import type { Peer, PeerName } from '../peers.ts'
import { measure, type Rig, withServer } from '../run.ts'
import { describeProblem, type Measurement } from '../sample.ts'
import {
  boundTarget,
  type Metric,
  ratioTarget,
  type RunOptions,
  type Scenario,
  windowOf,
} from '../scenario.ts'
import { ratio } from '../summary.ts'
import { short } from '../table.ts'
import { toOutcome } from './broadcast.ts'
import { collect } from './fleet.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'
import { settledRss } from './s5-idle-fleet.ts'

const SUBSCRIBERS = 200
const PAYLOAD = 1000
/** Between which the slope of the memory is taken. */
const STOPS = [200, 2_000] as const
const QUICK_STOPS = [50, 400] as const
/** All servers keep up with it, so that no queue is measured. */
const IDLE_RATE = 2

const memory: Metric = { key: 'memory', label: 'RSS a connection', unit: 'KB', better: 'less' }

const metrics: readonly Metric[] = [
  { key: 'rate', label: 'deliveries', unit: '/s', better: 'more' },
  { key: 'perCpuSecond', label: 'per server CPU-s', unit: '', better: 'more' },
  { key: 'bytes', label: 'on the wire', unit: 'B', better: 'less' },
  { key: 'p99', label: 'p99', unit: 'ms', better: 'less' },
  { key: 'serverCpu', label: 'server CPU', unit: '%', better: 'less' },
  { key: 'generatorCpu', label: 'generator CPU', unit: '%', better: 'less' },
  memory,
]

const setupOf = (inFlight: number) => `${inFlight} in flight, 1 KB`
const memorySetup = `${STOPS[1].toLocaleString('en')} connections`
const saturated = setupOf(64)

export const compression: Scenario = {
  id: 'compression',
  title: 'Broadcast, compressed',
  about:
    'As S2 with text of which deflate makes a third, for 200 subscribers that offer ' +
    'permessage-deflate; messages from 512 bytes on are compressed. The other servers compress ' +
    'for each connection, with a window that each connection keeps, as they do by default; ' +
    '`tidewire-plain` compresses nothing. Memory is the slope between 200 and 2,000 connections.',
  metrics,
  peers: ['tidewire', 'tidewire-plain', 'ws', 'socket.io'],
  chart: [setupOf(1), saturated],
  extent: (options) => `${windowOf(options)} (memory: one run)`,
  targets: [
    ratioTarget({ setup: saturated, key: 'rate', of: 'ws', bound: 'at least', factor: 20 }),
    ratioTarget({ setup: saturated, key: 'rate', of: 'socket.io', bound: 'at least', factor: 20 }),
    boundTarget({ setup: memorySetup, metric: memory, bound: 'at most', limit: 9 }),
  ],
  run: async (rig, peers, options) => {
    const compressing = peers.map((peer) => withCompression(peer))
    const cells = [1, 64].flatMap((inFlight) =>
      compressing.map((peer) => cell(rig, peer, inFlight, options)),
    )
    const sizes = compressing.map((peer) => memoryCell(rig, peer, options))
    return [
      ...(await interleave(rig, cells, options, tell)),
      // A slope over so many connections hardly moves from run to run.
      ...(await interleave(rig, sizes, { ...options, repeat: 1 }, tell)),
    ]
  },
}

/** What each command line takes for it. */
const flags: Partial<Record<PeerName, string>> = {
  tidewire: '--compression',
  ws: 'deflate',
  'socket.io': 'deflate',
}

function withCompression(peer: Peer): Peer {
  const flag = flags[peer.name]
  if (flag === undefined) return peer
  return { ...peer, command: (port, directory) => [...peer.command(port, directory), flag] }
}

function planOf(peer: Peer) {
  return {
    channel: peer.protocol === 'tidewire' ? 'live:bench' : 'bench',
    payload: PAYLOAD,
    content: 'words',
    deflate: peer.name in flags,
    complete: 'deliveries',
  } as const
}

function cell(rig: Rig, peer: Peer, inFlight: number, { warmup, seconds }: RunOptions): Cell {
  const run = async (): Promise<Outcome> => {
    requireZlib()
    const plan = { ...planOf(peer), subscribers: SUBSCRIBERS, inFlight, warmup, seconds }
    const sample = await measure(rig, peer, plan)
    const { values, ...outcome } = toOutcome(sample)
    return { ...outcome, values: { ...values, bytes: ratio(sample.wireBytes, sample.deliveries) } }
  }
  return { peer, setup: setupOf(inFlight), run }
}

/** Windows are made with the first message that is compressed, so that memory is looked at under load. */
function memoryCell(rig: Rig, given: Peer, { quick }: RunOptions): Cell {
  const stops = quick ? QUICK_STOPS : STOPS
  const peer = withCollection(given)
  const run = async (): Promise<Outcome> => {
    requireZlib()
    return await withServer(rig, peer, async (server) => {
      const path = await peer.path?.(server.port)
      const target = { port: server.port, protocol: peer.protocol, ...(path && { path }) }
      const sizes: number[] = []
      for (const subscribers of stops) {
        let size: Promise<number> | undefined
        const measurement = await generate(
          [...rig.pinning.generator, compileGenerator('broadcast')],
          { ...target, ...idleLoad(peer, subscribers) },
          { begin: () => void (size = settledRss(server, true)), end: () => undefined },
        )
        if (size === undefined || measurement.problem) return failed(measurement)
        sizes.push(await size)
      }
      const [first = 0, last = 0] = sizes
      return { values: { memory: (last - first) / (stops[1] - stops[0]) / 1024 } }
    })
  }
  return { peer, setup: memorySetup, run }
}

/** Some publications before the window; the window is longer than it takes to look at the memory. */
function idleLoad(peer: Peer, subscribers: number): Omit<Load, 'port' | 'protocol'> {
  const times = { warmup: 0.6, seconds: 3 }
  return { ...planOf(peer), ...times, subscribers, rate: IDLE_RATE, inFlight: 100 }
}

/** Garbage is collected on SIGUSR2. All of these are programs of Node. */
function withCollection(peer: Peer): Peer {
  return {
    ...peer,
    command: (port, directory) => {
      const [program = '', ...args] = peer.command(port, directory)
      return [program, ...collect, ...args]
    },
  }
}

function failed({ problem }: Measurement): Outcome {
  return { values: {}, failure: problem ? describeProblem(problem) : 'the window never began' }
}

function requireZlib(): void {
  if (hasZlib()) return
  throw new Error('The generator needs zlib to look into what is compressed: install zlib1g-dev.')
}

function tell({ rate, bytes, memory }: Outcome['values']): string {
  if (memory !== undefined) return `${memory.toFixed(1)} KB a connection`
  return `${short(rate ?? 0)} deliveries/s of ${Math.round(bytes ?? 0)} B`
}
