import { compileGenerator } from './generator.ts'
import type { Peer } from './peers.ts'
import { runProgram } from './program.ts'
import { CpuMeter, type Rig, withServer } from './run.ts'
import type { Latency } from './sample.ts'
import type { ServerProcess } from './server.ts'

/** What `generator/channels` does to a server: many channels, many publishers, many subscribers. */
export interface ChannelsLoad {
  protocol: 'tidewire' | 'ws' | 'socketio' | 'nats' | 'http' | 'nchan'
  /** Where the subscribers speak another one. */
  subscribeProtocol?: 'tidewire' | 'nchan-ws'
  /** Channels are called `<prefix>c0000`, `<prefix>c0001` … */
  prefix: string
  channels: number
  /** Connections that subscribe, and how many channels each of them has. */
  subscribers: number
  each: number
  /** Connections that publish, and how many publishes are open on each. */
  publishers: number
  inFlight: number
  /** Publishes in one write; when not given, what is due at once. */
  packet?: number
  /** Publishes per second of all publishers, by schedule; latencies count from when they were due. */
  rate?: number
  /** Each request is a publish to all channels (HTTP). */
  batch?: boolean
  /** Asks for acks where the protocol lets one choose. */
  acks?: boolean
  /** Bytes of the published JSON payload. */
  payload: number
  warmup: number
  seconds: number
  complete: 'deliveries' | 'acks'
  /** Goes on after the window until the server is gone, and leaves here what was acknowledged. */
  ledger?: string
  /** Seconds without any progress that end the run. */
  stall?: number
}

/** Where the server is. */
export interface Address {
  port: number
  /** Replaces the protocol's own path, for a token in the query. */
  path?: string
}

export interface ChannelsProblem {
  kind: string
  /** Number of the subscribing connection, of the publisher, of the channel; -1: of none. */
  subscriber: number
  publisher: number
  channel: number
  expected: number
  received: number
  text: string
}

export interface ChannelsMeasurement {
  seconds: number
  deliveries: number
  publications: number
  acks: number
  /** Publishes that were due in the window; 0 in a closed loop. */
  offered: number
  /** CPU seconds of the generator in the window. */
  cpuSeconds: number
  /** Of the whole run, warm-up and drain included. */
  total: { publications: number; deliveries: number; acks: number }
  /** From handing a publish over, or from when it was due, to its receipt by all its subscribers. */
  lastSubscriberMs?: Latency
  /** The same to single subscribers. */
  deliveryMs?: Latency
  ackMs?: Latency
  problem?: ChannelsProblem
}

export interface ChannelsSample extends ChannelsMeasurement {
  serverCpuSeconds: number
  otherCpuSeconds: number
}

/** Runs the generator once. Rejects when it could not start; what it found wrong is a `problem`. */
export async function generateChannels(
  command: readonly string[],
  load: ChannelsLoad,
  { port, path }: Address,
  events: { begin(): void; end(): void },
): Promise<ChannelsMeasurement> {
  const { inFlight, subscribeProtocol, batch, acks, ledger, ...flags } = load
  const token = path === undefined ? undefined : /token=([^&]+)/.exec(path)?.[1]
  const raw = await runProgram(
    command,
    {
      ...flags,
      port,
      path,
      token,
      'in-flight': inFlight,
      'subscribe-protocol': subscribeProtocol,
      batch: batch === true ? 1 : undefined,
      acks: acks === true ? 1 : undefined,
      ledger,
      'until-closed': ledger === undefined ? undefined : 1,
    },
    events,
  )
  return toMeasurement(raw as unknown as RawResult)
}

/** Loads a server that is up; `end` is called when the window ends, before everything has arrived. */
export async function loadChannels(
  rig: Rig,
  peer: Peer,
  server: ServerProcess,
  load: ChannelsLoad,
  end: () => void = () => undefined,
): Promise<ChannelsSample> {
  const path = await peer.path?.(server.port)
  const meter = new CpuMeter(server)
  const measurement = await generateChannels(
    [...rig.pinning.generator, compileGenerator('channels')],
    load,
    { port: server.port, ...(path !== undefined && { path }) },
    {
      begin: () => meter.begin(),
      end: () => {
        meter.end()
        end()
      },
    },
  )
  return { ...measurement, ...meter.used(measurement.cpuSeconds) }
}

/** Loads a fresh server once. */
export async function measureChannels(
  rig: Rig,
  peer: Peer,
  load: ChannelsLoad,
): Promise<ChannelsSample> {
  return await withServer(rig, peer, (server) => loadChannels(rig, peer, server, load))
}

/** One sentence for a person. */
export function describeChannelsProblem(problem: ChannelsProblem): string {
  const { kind, subscriber, publisher, channel, expected, received } = problem
  const text = problem.text === '' ? '' : `: ${problem.text}`
  const who = subscriber < 0 ? `publisher ${publisher}` : `subscriber ${subscriber}`
  const where = channel < 0 ? who : `${who} in channel ${channel}`
  switch (kind) {
    case 'gap':
    case 'duplicate':
    case 'reorder':
      return `${kind}: ${where} expected number ${expected} of publisher ${publisher} and got ${received}`
    case 'offset':
      return `offset: ${where} expected offset ${expected} and got ${received}${text}`
    case 'stall':
      return `stall: number ${expected} of publisher ${publisher} in channel ${channel} is on its way for ever`
    default:
      return `${kind}: ${where}${text}`
  }
}

/** The last line that the generator prints. */
interface RawResult extends Omit<
  ChannelsMeasurement,
  'cpuSeconds' | 'lastSubscriberMs' | 'deliveryMs' | 'ackMs'
> {
  cpu_seconds: number
  last_subscriber_ms?: Latency
  delivery_ms?: Latency
  ack_ms?: Latency
}

function toMeasurement(raw: RawResult): ChannelsMeasurement {
  const { seconds, deliveries, publications, acks, offered, total } = raw
  return {
    seconds,
    deliveries,
    publications,
    acks,
    offered,
    total,
    cpuSeconds: raw.cpu_seconds,
    ...(raw.last_subscriber_ms && { lastSubscriberMs: raw.last_subscriber_ms }),
    ...(raw.delivery_ms && { deliveryMs: raw.delivery_ms }),
    ...(raw.ack_ms && { ackMs: raw.ack_ms }),
    ...(raw.problem && { problem: raw.problem }),
  }
}
