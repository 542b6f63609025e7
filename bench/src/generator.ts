import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

import { paths } from './paths.ts'
import type { Latency, Measurement, Problem } from './sample.ts'

export interface Load {
  port: number
  protocol: 'tidewire' | 'ws' | 'socketio' | 'bun'
  /** Replaces the protocol's own paths, for a token in the query. */
  path?: string
  channel: string
  subscribers: number
  /** Bytes of the published JSON payload. */
  payload: number
  inFlight: number
  warmup: number
  seconds: number
  /** What lets the next publication go: the last subscriber has it, or the server acknowledged it. */
  complete: 'deliveries' | 'acks'
  /** Seconds without any progress that end the run. */
  stall?: number
}

export interface GeneratorEvents {
  begin(): void
  end(): void
}

export function hasCompiler(): boolean {
  return process.platform === 'linux' && spawnSync('cc', ['--version']).status === 0
}

/** The programs that make load, a folder of `generator/` each. */
export type Program = 'broadcast'

/** Compiles the program where its sources are newer, and returns its path. */
export function compileGenerator(name: Program): string {
  const program = join(paths.build, `generator-${name}`)
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
  const flags = ['-std=gnu11', '-O2', '-Wall', '-I', common, '-o', program]
  const compiler = spawnSync('cc', [...flags, ...files], { encoding: 'utf8' })
  if (compiler.status !== 0) throw new Error(`The generator does not compile:\n${compiler.stderr}`)
  return program
}

/** Runs the generator once. Rejects when it could not start; a broken stream is a `problem`. */
export async function generate(
  command: readonly string[],
  load: Load,
  events: GeneratorEvents,
): Promise<Measurement> {
  const [program = '', ...prefix] = command
  const child = spawn(program, [...prefix, ...generatorFlags(load)], {
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const exited = new Promise<void>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', () => resolve())
  })
  let measurement: Measurement | undefined
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { event: string }
    if (event.event === 'begin') events.begin()
    if (event.event === 'end') events.end()
    if (event.event === 'result') measurement = toMeasurement(event as unknown as RawResult)
  }
  await exited
  if (measurement === undefined) {
    throw new Error(`The load generator could not start: ${errors.trim() || 'it said nothing'}`)
  }
  return measurement
}

function generatorFlags(load: Load): string[] {
  const flags: Record<string, string | number> = {
    port: load.port,
    protocol: load.protocol,
    channel: load.channel,
    subscribers: load.subscribers,
    payload: load.payload,
    'in-flight': load.inFlight,
    warmup: load.warmup,
    seconds: load.seconds,
    complete: load.complete,
    ...(load.path === undefined ? {} : { path: load.path }),
    ...(load.stall === undefined ? {} : { stall: load.stall }),
  }
  return Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])
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
  last_subscriber_ms?: Latency
  delivery_ms?: Latency
  ack_ms?: Latency
  total: { publications: number; received_by_all: number; acks: number }
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
    total: {
      publications: raw.total.publications,
      receivedByAll: raw.total.received_by_all,
      acks: raw.total.acks,
    },
    ...(raw.last_subscriber_ms && { lastSubscriberMs: raw.last_subscriber_ms }),
    ...(raw.delivery_ms && { deliveryMs: raw.delivery_ms }),
    ...(raw.ack_ms && { ackMs: raw.ack_ms }),
    ...(raw.problem && { problem: raw.problem }),
  }
}
