import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'

import type { Peer } from '../peers.ts'
import { CpuMeter, type Rig, withServer } from '../run.ts'
import { boundTarget, type Metric, type RunOptions, type Scenario } from '../scenario.ts'
import type { ServerProcess } from '../server.ts'
import { ratio } from '../summary.ts'
import {
  collectsGarbage,
  describeProblem,
  fleetCommand,
  fleetPeer,
  type FleetResult,
  target,
} from './fleet.ts'
import { type Cell, interleave, type Outcome } from './interleave.ts'

const memory: Metric = { key: 'memory', label: 'RSS a connection', unit: 'KB', better: 'less' }
const cpu: Metric = { key: 'cpu', label: 'CPU a connection', unit: 'µs/s', better: 'less' }
const heartbeats: Metric = {
  key: 'heartbeats',
  label: 'heartbeats in them',
  unit: '',
  better: 'less',
}
const total: Metric = { key: 'total', label: 'RSS in all', unit: 'MB', better: 'less' }

/** Between which the slope of the memory is taken: what a process takes anyway is in neither. */
const STOPS = [4_000, 19_000] as const
const QUICK_STOPS = [200, 1_000] as const
const CHANNELS = 100
/**
 * What the server has before the window, to be done with the connecting. The window begins before the first
 * heartbeat of the first connection and is as long as one interval, so that each connection has one in it.
 */
const REST_SECONDS = 5
const QUICK_REST_SECONDS = 0.4
/** A collection lets go of memory a moment later. */
const SETTLE_MS = 700
const COLLECTIONS = 3

export const s5: Scenario = {
  id: 's5',
  title: 'Idle fleet',
  about:
    'Connections with one subscription each, over which nothing is published; heartbeats as each ' +
    'server sends them by default. CPU is that of a window in which heartbeats are counted: in 25 s ' +
    'each connection of Tidewire and Socket.IO has one (`ws` sends none, the others wait for two ' +
    'minutes). Memory is the slope between 4,000 and 19,000 connections, measured when all garbage was collected.',
  metrics: [memory, cpu, heartbeats, total],
  extent: ({ seconds }) => `${seconds} s with all connections there`,
  peers: ['tidewire', 'bun', 'ws', 'socket.io', 'nats'],
  targets: [
    boundTarget({ setup: setupOf(STOPS), metric: memory, bound: 'at most', limit: 9 }),
    boundTarget({ setup: setupOf(STOPS), metric: memory, bound: 'at most', limit: 5 }),
    boundTarget({ setup: setupOf(STOPS), metric: cpu, bound: 'at most', limit: 0.6 }),
  ],
  run: async (rig, peers, options) =>
    await interleave(
      rig,
      peers.map((peer) => idleCell(rig, peer, options)),
      options,
      (values) =>
        `${values['memory']?.toFixed(1)} KB, ${values['cpu']?.toFixed(2)} µs/s a connection, ` +
        `${values['heartbeats']} heartbeats`,
    ),
}

function restOf({ quick }: RunOptions): number {
  return quick ? QUICK_REST_SECONDS : REST_SECONDS
}

function setupOf([, clients]: readonly [number, number]): string {
  return `${clients.toLocaleString('en')} connections`
}

function idleCell(rig: Rig, peer: Peer, options: RunOptions): Cell {
  const stops = options.quick ? QUICK_STOPS : STOPS
  return {
    peer,
    setup: setupOf(stops),
    run: async () =>
      await withServer(rig, fleetPeer(peer), async (server) => {
        const fleet = new IdleFleet(rig, peer, server, stops)
        try {
          return await observe(fleet, peer, server, { stops, options })
        } finally {
          fleet.end()
        }
      }),
  }
}

async function observe(
  fleet: IdleFleet,
  peer: Peer,
  server: ServerProcess,
  { stops: [few, many], options }: { stops: readonly [number, number]; options: RunOptions },
): Promise<Outcome> {
  const { seconds } = options
  await fleet.connected()
  const first = await settledRss(server, collectsGarbage(peer))
  fleet.goOn()
  await fleet.connected()
  await delay(restOf(options) * 1000)
  const meter = new CpuMeter(server)
  await fleet.beginWindow()
  meter.begin()
  await delay(seconds * 1000)
  meter.end()
  const beaten = await fleet.endWindow()
  const last = await settledRss(server, collectsGarbage(peer))
  fleet.goOn()
  const { problem } = await fleet.result()
  const { serverCpuSeconds, otherCpuSeconds } = meter.used(0)
  return {
    values: {
      memory: (last - first) / (many - few) / 1024,
      cpu: (serverCpuSeconds / seconds / many) * 1e6,
      heartbeats: beaten,
      total: last / 1024 ** 2,
    },
    otherCpu: ratio(otherCpuSeconds, seconds),
    ...(problem && { failure: describeProblem(problem) }),
  }
}

/** Bytes of the process that lie in memory, once its garbage is gone. Takes two seconds. */
export async function settledRss(server: ServerProcess, collects: boolean): Promise<number> {
  for (let i = 0; i < COLLECTIONS; i++) {
    if (collects) process.kill(server.pid, 'SIGUSR2')
    await delay(SETTLE_MS)
  }
  const rollup = readFileSync(`/proc/${server.pid}/smaps_rollup`, 'utf8')
  return Number(/^Rss:\s+(\d+) kB$/m.exec(rollup)?.[1]) * 1024
}

/** The generator, which waits at each stop until it is told to go on. */
class IdleFleet {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>
  readonly #lines: AsyncIterator<string>
  #errors = ''

  constructor(rig: Rig, peer: Peer, server: ServerProcess, stops: readonly number[]) {
    const [program = '', ...args] = fleetCommand(rig, 'idle')
    const flags = {
      ...target(peer, server, Math.max(...stops)),
      stops: stops.join(','),
      channels: CHANNELS,
    }
    const given = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
    this.#child = spawn(program, [...args, ...given], { stdio: ['pipe', 'pipe', 'pipe'] })
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#errors += text))
    // A generator that has gone is found where its next line is read.
    this.#child.stdin.on('error', () => undefined)
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]()
  }

  /** Resolves at the next stop; rejects when there is none. */
  async connected(): Promise<void> {
    const line = await this.#next()
    if (line['event'] === 'connected') return
    const { problem } = line as unknown as FleetResult
    throw new Error(problem === undefined ? 'The fleet is at its end.' : describeProblem(problem))
  }

  goOn(): void {
    this.#child.stdin.write('\n')
  }

  /** From here on heartbeats are counted. */
  async beginWindow(): Promise<void> {
    this.goOn()
    await this.#next()
  }

  /** How many heartbeats came since. */
  async endWindow(): Promise<number> {
    this.goOn()
    const { heartbeats } = await this.#next()
    return Number(heartbeats)
  }

  async result(): Promise<FleetResult> {
    return (await this.#next()) as unknown as FleetResult
  }

  end(): void {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL')
  }

  async #next(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next()
    if (done === true) {
      throw new Error(`The load generator could not start: ${this.#errors.trim()}`)
    }
    return JSON.parse(value) as Record<string, unknown>
  }
}
