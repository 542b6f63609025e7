import type { TransportName } from '@tidewire/client'
import type { FaultProxy } from '../proxy/fault-proxy.ts'
import { check } from '../history/checker.ts'
import type { HistoryEvent, Subscribed } from '../history/events.ts'
import { type Load, standardLoad } from '../rig/load.ts'
import { readLog } from '../rig/read-log.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { Sleeper } from '../rig/sleeper/sleeper.ts'
import { until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'

const SIZES = {
  small: { each: 1, sleeps: 1, ratePerSecond: 300 },
  large: { each: 3, sleeps: 5, ratePerSecond: 400 },
}
const TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'poll']
/** What the log of a channel keeps where it is short. */
const KEPT = 200
/** Publications of a channel that pass while they sleep. */
const MISSED = { within: 100, beyond: KEPT + 50 }
/** So small that the server gives up those who sleep, and not those who are only busy. */
const HEARTBEAT_MS = 1000

/** Asleep for less than the log remembers: they go on where they were. */
export const shortSleep: Scenario = {
  id: 'S15-within',
  title: 'asleep within the recovery window',
  run: (seed, size) => sleep('S15-within', 'chat', seed, size),
}

/** Asleep for longer: each is told so, once a channel, and the application sees nothing twice. */
export const longSleep: Scenario = {
  id: 'S15-beyond',
  title: 'asleep beyond the recovery window',
  run: (seed, size) => sleep('S15-beyond', 'live', seed, size),
}

function sleep(scenario: string, namespace: string, seed: number, size: Size): Promise<Report> {
  const { each, sleeps, ratePerSecond } = SIZES[size]
  const beyond = namespace === 'live'
  const sleepers: Sleeper[] = []
  return run({
    scenario,
    seed,
    load: loadOf(namespace, ratePerSecond),
    server: { config: { heartbeat_ms: HEARTBEAT_MS, namespaces: { live: SHORT } } },
    faults: async (rig) => {
      const link = await rig.link('sleepers')
      sleepers.push(...(await enlist(rig, link, each)))
      const failures: string[] = []
      for (let i = 0; i < sleeps; i++) {
        failures.push(
          ...(await sleepOnce(rig, link, sleepers, beyond ? MISSED.beyond : MISSED.within)),
        )
      }
      await Promise.all(sleepers.map((sleeper) => sleeper.stopPublishing()))
      return failures
    },
    after: async (rig) => resetsOf(rig, sleepers, beyond ? sleeps : 0),
    rules: (rig) => ({
      maxResets: beyond ? sleepers.length * rig.channels.length * sleeps : 0,
      maxEpochs: 1,
      minAcked: 50,
      minDelivered: 200,
    }),
  })
}

const SHORT = {
  durability: 'memory',
  publish: 'user',
  subscribe: 'user',
  history: 'user',
  retention: { max_entries: KEPT },
} as const

/** Those who stay awake are never far from the top, so that a short log is long enough for them. */
function loadOf(namespace: string, ratePerSecond: number): Load {
  const publishers = { websocket: 4, http: 0, client: 0 }
  return {
    ...standardLoad(namespace, 0.2),
    publishers,
    ratePerSecond: ratePerSecond / publishers.websocket,
    readers: { websocket: 2, sse: 2, poll: 0, clientWebsocket: 1, clientSse: 1, clientPoll: 0 },
    channels: 2,
    channelsPerReader: 2,
  }
}

async function enlist(rig: Rig, { url }: FaultProxy, each: number): Promise<Sleeper[]> {
  const { token, channels } = rig
  const sleepers: Sleeper[] = []
  for (const transport of TRANSPORTS) {
    for (let i = 0; i < each; i++) {
      const name = `sleeper-${transport}-${i}`
      const { seed } = rig.chance.fork(name)
      const load = { ratePerSecond: 5, bodyBytes: 100 }
      sleepers.push(new Sleeper({ name, url, token, channels, transport, seed, ...load }, rig))
    }
  }
  for (const sleeper of sleepers) rig.enlist(sleeper)
  await rig.allLive(10_000)
  return sleepers
}

async function sleepOnce(
  rig: Rig,
  link: FaultProxy,
  sleepers: readonly Sleeper[],
  missed: number,
): Promise<string[]> {
  const { server, recorder, token, channels } = rig
  const { readers, publishers } = rig.load
  const awake = readers.websocket + readers.clientWebsocket + publishers.websocket
  // Each has a socket to read and one to publish.
  const asleep = 2 * sleepers.filter(({ name }) => name.includes('websocket')).length
  await until(
    async () => (await socketsOf(rig)) === awake + asleep,
    () => 'Not all clients have their sockets.',
    10_000,
  )
  rig.note('they fall asleep')
  for (const sleeper of sleepers) sleeper.sleep()
  // A lid that is closed turns the network off, and no one is told.
  const reach = link.strand()
  const tops = await Promise.all(channels.map((channel) => readLog(server.url, token, channel)))
  await until(
    async () => (await socketsOf(rig)) <= awake,
    () => 'The server keeps the sockets of clients that sleep.',
    10_000,
  )
  for (const { channel, newest } of tops) await passed(rig, channel, newest + missed)
  // What it then sends over its old connections is answered with a RST.
  link.sever()
  reach()
  const from = recorder.events.length
  rig.note('they wake up')
  for (const sleeper of sleepers) sleeper.wake()
  const back = () => returnsOf(recorder.events.slice(from), sleepers)
  await until(
    () => back().length === sleepers.length * channels.length,
    () => `After their sleep, ${back().length} streams came back.`,
    15_000,
  )
  const recovers = missed < KEPT
  return back()
    .filter(({ recovered }) => recovered !== recovers)
    .map(({ client, channel }) => {
      return `${client} ${recovers ? 'could not go on' : 'was not told of the hole'} in ${channel}.`
    })
}

function socketsOf({ server }: Rig): Promise<number> {
  return server.metric('tidewire_connections_open', { transport: 'websocket' })
}

/** How the streams of those who slept went on, each the first time. */
function returnsOf(events: readonly HistoryEvent[], sleepers: readonly Sleeper[]): Subscribed[] {
  const returns = new Map<string, Subscribed>()
  for (const event of events) {
    if (event.type !== 'sub.ok' || !sleepers.some(({ name }) => name === event.client)) continue
    const stream = `${event.client} ${event.channel}`
    if (!returns.has(stream)) returns.set(stream, event)
  }
  return [...returns.values()]
}

async function passed({ recorder }: Rig, channel: string, offset: number): Promise<void> {
  await until(
    () =>
      recorder.events.some((event) => {
        return event.type === 'pub.ok' && event.channel === channel && event.offset >= offset
      }),
    () => `Nothing came to offset ${offset} of ${channel}.`,
    15_000,
  )
}

/** Each stream of a sleeper was reset once a sleep, and no other stream at all. */
function resetsOf({ recorder }: Rig, sleepers: readonly Sleeper[], sleeps: number): string[] {
  const { resetsOfStreams } = check(recorder.events)
  return [...resetsOfStreams].flatMap(([stream, resets]) => {
    const expected = sleepers.some(({ name }) => stream.startsWith(`${name} `)) ? sleeps : 0
    return resets === expected ? [] : [`${stream} was reset ${resets} times, not ${expected}.`]
  })
}
