import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs'
import { join } from 'node:path'

import { paths } from './paths.ts'
import { type GeneratorEvents, runProgram } from './program.ts'
import type { Laggards, Latency, Measurement, Problem } from './sample.ts'

export interface Load {
  port: number
  protocol:
    | 'tidewire'
    | 'ws'
    | 'socketio'
    | 'bun'
    | 'nats'
    | 'nchan'
    | 'centrifugo'
    | 'tidewire-sse'
    | 'tidewire-poll'
    | 'nchan-sse'
    | 'nchan-poll'
    | 'http'
  /** Replaces the protocol's own paths, for a token in the query. */
  path?: string
  /** The same for the publisher alone. */
  publisherPath?: string
  channel: string
  subscribers: number
  /** Bytes of the published JSON payload. */
  payload: number
  /** What fills it: text of which a compressor makes a third, instead of one letter. */
  content?: 'words'
  /** Subscribers offer permessage-deflate, and insist on it. */
  deflate?: boolean
  inFlight: number
  /**
   * Publications per second by schedule, with latencies from when they were due. `inFlight` is then
   * how far a server may fall behind before the rate counts as not sustained.
   */
  rate?: number
  /** Of the subscribers, how many never read. Latencies and deliveries are those of the others. */
  stalled?: number
  /** And how many read `slowRate` bytes per second. */
  slow?: number
  slowRate?: number
  warmup: number
  seconds: number
  /** What lets the next publication go: the last subscriber has it, or the server acknowledged it. */
  complete: 'deliveries' | 'acks'
  /** Seconds without any progress that end the run. */
  stall?: number
}

export function hasCompiler(): boolean {
  return process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0
}

/** Whether compressed messages can be looked into. Without it everything else is measured all the same. */
export function hasZlib(): boolean {
  const read = spawnSync('cc', ['-E', '-include', 'zlib.h', '-x', 'c', '/dev/null'])
  return read.status === 0
}

/** The programs that make load, a folder of `generator/` each. */
export type Program = 'broadcast' | 'channels' | 'fleet'

/** Compiles the program where its sources are newer, and returns its path. */
export function compileGenerator(name: Program): string {
  const zlib = name === 'broadcast' && hasZlib()
  const program = join(paths.build, `generator-${name}${zlib ? '-zlib' : ''}`)
  const common = join(paths.generatorSources, 'common')
  const sources = [common, join(paths.generatorSources, name)].flatMap((folder) =>
    readdirSync(folder).map((file) => join(folder, file)),
  )
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs))
  if (existsSync(program) && statSync(program).mtimeMs > newest) return program
  if (!hasCompiler()) {
    throw new Error('The load generator is a C program for Linux: install gcc or clang (`cc`).')
  }
  mkdirSync(paths.build, { recursive: true })
  const files = sources.filter((path) => path.endsWith('.c'))
  const fresh = `${program}.${process.pid}` // another process may run or compile the same program
  const flags = ['-std=gnu11', '-O2', '-Wall', '-I', common, '-o', fresh]
  const libraries = zlib ? ['-lz'] : []
  const compiler = spawnSync('cc', [...flags, ...files, ...libraries], { encoding: 'utf8' })
  if (compiler.status !== 0) throw new Error(`The generator does not compile:\n${compiler.stderr}`)
  renameSync(fresh, program)
  return program
}

/** Runs the generator once. Rejects when it could not start; a broken stream is a `problem`. */
export async function generate(
  command: readonly string[],
  load: Load,
  events: GeneratorEvents,
): Promise<Measurement> {
  const result = await runProgram(command, generatorFlags(load), events)
  return toMeasurement(result as unknown as RawResult)
}

function generatorFlags(load: Load): Record<string, string | number | undefined> {
  const { inFlight, slowRate, publisherPath, deflate, ...flags } = load
  return {
    ...flags,
    'in-flight': inFlight,
    'slow-rate': slowRate,
    'publisher-path': publisherPath,
    deflate: deflate === true ? 1 : undefined,
  }
}

/** The last line that the generator prints. */
interface RawResult {
  ok: boolean
  seconds: number
  deliveries: number
  publications: number
  acks: number
  cpu_seconds: number
  frame_bytes: number
  wire_bytes: number
  last_subscriber_ms?: Latency
  delivery_ms?: Latency
  ack_ms?: Latency
  total: { publications: number; received_by_all: number; acks: number }
  due?: number
  sustained?: boolean
  laggards?: { let_go: number; told: number; complete: number; missed: number }
  problem?: Problem
}

function toMeasurement(raw: RawResult): Measurement {
  return {
    ok: raw.ok,
    seconds: raw.seconds,
    deliveries: raw.deliveries,
    publications: raw.publications,
    acks: raw.acks,
    cpuSeconds: raw.cpu_seconds,
    frameBytes: raw.frame_bytes,
    wireBytes: raw.wire_bytes,
    total: {
      publications: raw.total.publications,
      receivedByAll: raw.total.received_by_all,
      acks: raw.total.acks,
    },
    ...(raw.last_subscriber_ms && { lastSubscriberMs: raw.last_subscriber_ms }),
    ...(raw.delivery_ms && { deliveryMs: raw.delivery_ms }),
    ...(raw.ack_ms && { ackMs: raw.ack_ms }),
    ...(raw.due !== undefined && { schedule: { due: raw.due, sustained: raw.sustained === true } }),
    ...(raw.laggards && { laggards: toLaggards(raw.laggards) }),
    ...(raw.problem && { problem: raw.problem }),
  }
}

function toLaggards(raw: NonNullable<RawResult['laggards']>): Laggards {
  return { letGo: raw.let_go, told: raw.told, complete: raw.complete, missed: raw.missed }
}
