import { type Load, standardLoad } from '../rig/load.ts'
import { ClientReader } from '../rig/readers/client-reader.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause, until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'

interface Half {
  scale: number
  /** Of the server; clients take over what it says. */
  heartbeatMs: number
  /** How long the product's clients of each transport need to find out at most. */
  clientMs: number
  /** Readers on event streams and polls, which find out by the silence that PROTOCOL.md §4 allows: 40 s. */
  http: boolean
}

const SIZES: Readonly<Record<Size, Half>> = {
  small: { scale: 0.2, heartbeatMs: 500, clientMs: 10_500, http: false },
  large: { scale: 0.5, heartbeatMs: 25_000, clientMs: 41_000, http: true },
}
/** What the server waits for a pong at most. */
const PONG_MS = 10_000
/** What looking, and a busy machine, add. */
const SLACK_MS = 2000

/** What stands between forgets the open connections: neither side hears of the other again, and nobody says so. */
export const halfOpen: Scenario = {
  id: 'S14',
  title: 'half-open connections',
  run: (seed, size) => {
    const { scale, heartbeatMs, http } = SIZES[size]
    return run({
      scenario: 'S14',
      seed,
      load: loadOf(scale, http),
      server: { config: { heartbeat_ms: heartbeatMs } },
      faults: (rig) => strand(rig, SIZES[size]),
      after: noneLeft,
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }),
    })
  },
}

function loadOf(scale: number, http: boolean): Load {
  const load = standardLoad('chat', scale)
  const { websocket, clientWebsocket, clientSse, clientPoll } = load.readers
  return {
    ...load,
    // Requests get through on new connections, so that there is something to miss meanwhile.
    publishers: { websocket: 0, http: 4, client: 3 },
    ratePerSecond: 20,
    answerMs: 1000,
    readers: {
      websocket,
      clientWebsocket,
      sse: 0,
      poll: 0,
      clientSse: http ? clientSse : 0,
      clientPoll: http ? clientPoll : 0,
    },
  }
}

async function strand(rig: Rig, { heartbeatMs, clientMs }: Half): Promise<string[]> {
  const { server, recorder } = rig
  await pause(500)
  const open = await server.metric('tidewire_connections_open', { transport: 'websocket' })
  const ended = () => server.metric('tidewire_connections_closed_total', { transport: 'websocket' })
  const before = await ended()
  const from = recorder.events.length
  rig.note('stranded')
  const heal = [rig.downlink.strand(), rig.uplink.strand()]
  const serverMs = heartbeatMs + Math.min(PONG_MS, heartbeatMs)
  let left = open
  await until(
    async () => (left = open - ((await ended()) - before)) <= 0,
    () => `${left} of ${open} half-open sockets were not ended within ${serverMs} ms.`,
    serverMs + SLACK_MS,
  )
  rig.note('the server ended what was stranded')
  const clients = rig.readers.filter((reader) => reader instanceof ClientReader)
  const unaware = (): string[] => {
    const aware = new Set<string>()
    for (const event of recorder.events.slice(from)) {
      if (event.type === 'disc') aware.add(event.client)
    }
    return clients.filter(({ name, live }) => !live || !aware.has(name)).map(({ name }) => name)
  }
  await until(
    () => unaware().length === 0,
    () => `Not back within ${clientMs} ms: ${unaware().join(', ')}.`,
    Math.max(0, clientMs - serverMs) + SLACK_MS,
  )
  rig.note('the clients are back')
  for (const letGo of heal) letGo()
  return []
}

/** What was stranded is let go: no connection is left but those that are used. */
async function noneLeft({ server, readers }: Rig): Promise<string[]> {
  await Promise.all(readers.map((reader) => reader.stop()))
  let open = NaN
  await until(
    async () => (open = await server.metric('tidewire_connections_open')) === 0,
    () => `${open} connections are open after everybody left.`,
    5000,
  )
  return []
}
