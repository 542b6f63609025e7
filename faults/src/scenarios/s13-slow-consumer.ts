import type { HistoryEvent } from '../history/events.ts'
import type { Load } from '../rig/load.ts'
import type { ReaderOptions } from '../rig/readers/reader.ts'
import { SseReader } from '../rig/readers/sse-reader.ts'
import { WebSocketReader } from '../rig/readers/websocket-reader.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause, until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'

interface Crowd {
  /** Of each transport, that keep up. */
  healthy: number
  /** Of each transport, that stop reading; and as many that read 5 KB/s. */
  slow: number
  /** Altogether. */
  ratePerSecond: number
  bodyBytes: number
  /** The kernel takes megabytes for a peer that does not read, before anything waits in the server. */
  closedWithinMs: number
}

const SIZES: Readonly<Record<Size, Crowd>> = {
  small: { healthy: 6, slow: 2, ratePerSecond: 200, bodyBytes: 16_000, closedWithinMs: 15_000 },
  large: { healthy: 20, slow: 12, ratePerSecond: 200, bodyBytes: 1000, closedWithinMs: 120_000 },
}
const SLOW_KB_PER_SECOND = 5
const MIB = 2 ** 20
/**
 * What the memory of the server may grow by: the 1 MiB that may wait for each slow reader and half of it again, and 96
 * MiB that the runtime takes and gives back as it likes under this load.
 */
const GROWTH = { eachSlow: 1.5 * MIB, runtime: 96 * MIB }
/** From a publish until a reader that keeps up has it, 99 of 100. Generous: clients and server share the machine. */
const DELAY_P99_MS = 1000
const LOOK_MS = 100
const SLOW_CONSUMER = '4008'

type SlowReader = WebSocketReader | SseReader

/** Some readers stop reading and some are very slow: they are sent away, and everybody else notices nothing. */
export const slowConsumer: Scenario = {
  id: 'S13',
  title: 'slow consumers',
  run: (seed, size) => {
    const crowd = SIZES[size]
    return run({
      scenario: 'S13',
      seed,
      load: loadOf(crowd),
      // Who does not read answers no pings either: without this the heartbeat may be the one that ends it.
      server: { config: { heartbeat_ms: 600_000 } },
      faults: (rig) => slowDown(rig, crowd),
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 100, minDelivered: 1000 }),
    })
  },
}

function loadOf({ healthy, ratePerSecond, bodyBytes }: Crowd): Load {
  const publishers = { websocket: 4, http: 0, client: 0 }
  return {
    publishers,
    ratePerSecond: ratePerSecond / publishers.websocket,
    readers: {
      websocket: healthy,
      sse: healthy,
      poll: 0,
      clientWebsocket: 2,
      clientSse: 2,
      clientPoll: 0,
    },
    namespace: 'chat',
    channels: 1,
    channelsPerReader: 1,
    bodyBytes,
    answerMs: 5000,
  }
}

async function slowDown(rig: Rig, { slow, closedWithinMs }: Crowd): Promise<string[]> {
  const { server, recorder } = rig
  const link = await rig.link('slow')
  const healthy = rig.readers.map(({ name }) => name)
  const paused = enlist(rig, slow, 'paused', (name) => rig.client(name, rig.downlink))
  const trickled = enlist(rig, slow, 'trickled', (name) => rig.client(name, link))
  await rig.allLive(5000)
  const from = recorder.events.length
  const before = await server.metric('process_resident_memory_bytes')
  let peak = before
  rig.note('some are slow')
  for (const reader of paused) reader.pause()
  link.add({ type: 'bandwidth', rate: SLOW_KB_PER_SECOND, stream: 'downstream' })
  const closed = await closedOf(rig, paused.length + trickled.length, closedWithinMs, async () => {
    await pause(LOOK_MS)
    peak = Math.max(peak, await server.metric('process_resident_memory_bytes'))
  })
  rig.note('the slow ones are sent away')
  const failures = [...closed, ...undisturbed(recorder.events.slice(from), new Set(healthy))]
  const allowed = (paused.length + trickled.length) * GROWTH.eachSlow + GROWTH.runtime
  if (peak - before > allowed) {
    failures.push(`The server grew by ${Math.round((peak - before) / MIB)} MiB.`)
  }
  for (const reader of paused) reader.resume()
  link.heal()
  // They come back to where they were, from the log, while it grows.
  await rig.allLive(15_000)
  return failures
}

function enlist(
  rig: Rig,
  count: number,
  kind: string,
  options: (name: string) => ReaderOptions,
): SlowReader[] {
  const readers: SlowReader[] = []
  for (let i = 0; i < count; i++) {
    readers.push(
      new WebSocketReader(options(`${kind}-websocket-${i}`)),
      new SseReader(options(`${kind}-sse-${i}`)),
    )
  }
  for (const reader of readers) rig.enlist(reader)
  return readers
}

/** Waits until so many were sent away for being slow. */
async function closedOf(
  { server }: Rig,
  expected: number,
  withinMs: number,
  watch: () => Promise<void>,
): Promise<string[]> {
  const of = (transport: string): Promise<number> =>
    server.metric('tidewire_connections_closed_total', { transport, code: SLOW_CONSUMER })
  const closed = { websocket: 0, sse: 0 }
  await until(
    async () => {
      await watch()
      closed.websocket = await of('websocket')
      closed.sse = await of('sse')
      return closed.websocket + closed.sse >= expected
    },
    () => 'Not all slow readers were sent away.',
    withinMs,
  ).catch(() => undefined)
  if (closed.websocket === expected / 2 && closed.sse === expected / 2) return []
  return [
    `Of ${expected} slow readers ${closed.websocket} sockets and ${closed.sse} streams ended.`,
  ]
}

/** Nobody that keeps up was cut off, or had to wait long. */
function undisturbed(events: readonly HistoryEvent[], healthy: ReadonlySet<string>): string[] {
  const sent = new Map<string, number>()
  const delays: number[] = []
  const cut = new Set<string>()
  for (const event of events) {
    if (event.type === 'pub.invoke' && !sent.has(event.value)) sent.set(event.value, event.t)
    if (!('client' in event) || !healthy.has(event.client)) continue
    if (event.type === 'disc') cut.add(event.client)
    const at = event.type === 'recv' ? sent.get(event.value) : undefined
    if (at !== undefined) delays.push((event.t - at) / 1000)
  }
  const failures = [...cut].map((client) => `${client}, which keeps up, was cut off.`)
  const p99 = delays.toSorted((a, b) => a - b)[Math.floor(delays.length * 0.99)] ?? Infinity
  if (p99 > DELAY_P99_MS) failures.push(`Readers that keep up waited ${Math.round(p99)} ms (p99).`)
  return failures
}
