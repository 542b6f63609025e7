import { type Load, standardLoad } from '../rig/load.ts'
import { SseReader } from '../rig/readers/sse-reader.ts'
import { WebSocketReader } from '../rig/readers/websocket-reader.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause } from '../rig/until.ts'
import type { Scenario } from './scenario.ts'

const SIZES = {
  small: { stops: 1, scale: 0.2, everyMs: 700, downMs: 100, shutdownMs: 2000 },
  large: { stops: 4, scale: 1, everyMs: 3000, downMs: 1000, shutdownMs: 10_000 },
}
/** Clients are asked to come back within this. */
const SPREAD_MS = 2000
/** What a process on a busy machine needs to end, when nothing holds it any more. */
const EXIT_MS = 2000
const CONNECT_MS = 5000
/** Later than this, a second signal is not taken for the first one, passed on twice. */
const AGAIN_MS = 700

/** SIGTERM under load: everybody is told and sent away, what was accepted is answered, and nobody loses anything. */
export const drain: Scenario = {
  id: 'S19',
  title: 'SIGTERM under load',
  run: (seed, size) => {
    const { stops, scale, everyMs, downMs, shutdownMs } = SIZES[size]
    return run({
      scenario: 'S19',
      seed,
      load: loadOf(scale),
      server: { config: { shutdown_ms: shutdownMs } },
      faults: async (rig) => {
        const failures: string[] = []
        const chance = rig.chance.fork('stops')
        for (let i = 0; i < stops; i++) {
          await pause(everyMs * (0.5 + chance.next()))
          failures.push(...(await stopped(rig, chance.between(0, downMs), shutdownMs)))
        }
        failures.push(...(await stoppedTwice(rig)), ...(await stoppedOnce(rig, shutdownMs)))
        await pause(everyMs / 2)
        return failures
      },
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }),
    })
  },
}

/** Enough readers that are told, so that what they are told can be called spread. */
function loadOf(scale: number): Load {
  const load = standardLoad('chat', scale)
  const { websocket, sse } = load.readers
  return {
    ...load,
    readers: { ...load.readers, websocket: Math.max(8, websocket), sse: Math.max(4, sse) },
  }
}

async function stopped(rig: Rig, downMs: number, shutdownMs: number): Promise<string[]> {
  const { answers, server } = rig
  const told = answers.shutdowns.length
  const closed = closesOf(rig)
  const tookMs = await rig.restartAfter('SIGTERM', () => server.stop(), downMs)
  const failures: string[] = []
  // Nobody holds it up: it must not need to be forced.
  if (tookMs >= shutdownMs) failures.push(`The server took ${Math.round(tookMs)} ms to end.`)
  const duplex = rig.readers.filter((reader) => reader instanceof WebSocketReader)
  const streams = rig.readers.filter((reader) => reader instanceof SseReader)
  const mine = answers.shutdowns.slice(told)
  for (const { name } of [...duplex, ...streams]) {
    if (!mine.some(({ client }) => client === name)) failures.push(`${name} was not told.`)
  }
  if (closesOf(rig) - closed < duplex.length) {
    failures.push(`Of ${duplex.length} sockets ${closesOf(rig) - closed} closed with 1012.`)
  }
  return [...failures, ...spreadOf(mine.map(({ reconnectInMs }) => reconnectInMs))]
}

function closesOf({ answers }: Rig): number {
  return answers.errors.get('websocket closed 1012') ?? 0
}

function spreadOf(delays: readonly number[]): string[] {
  const [least, most] = [Math.min(...delays), Math.max(...delays)]
  // A dozen even draws within a quarter of their range: less than once in a hundred thousand runs.
  if (most <= SPREAD_MS && most - least >= SPREAD_MS / 4) return []
  return [`${delays.length} clients are asked to come back within ${least} to ${most} ms.`]
}

/** A peer that reads nothing keeps a drain waiting. Whoever does not want to wait asks again. */
async function stoppedTwice(rig: Rig): Promise<string[]> {
  const tookMs = await besideDeaf(rig, 'SIGTERM twice', () => rig.server.stopTwice(AGAIN_MS))
  if (tookMs === undefined) return ['Nothing held the drain, so there was no second SIGTERM.']
  if (tookMs < EXIT_MS / 2) return []
  return [`The second SIGTERM took ${Math.round(tookMs)} ms to end the server.`]
}

/** Left alone, it waits for such a peer no longer than it was told to, and still ends well. */
async function stoppedOnce(rig: Rig, shutdownMs: number): Promise<string[]> {
  const tookMs = await besideDeaf(rig, 'SIGTERM beside a deaf peer', () => rig.server.stop())
  if (tookMs <= shutdownMs + EXIT_MS) return []
  return [`With ${shutdownMs} ms for it, the server took ${Math.round(tookMs)} ms to end.`]
}

/** Ends the server while one of its readers is deaf. */
async function besideDeaf<T>(rig: Rig, what: string, end: () => Promise<T>): Promise<T> {
  const { channels, ...options } = rig.client(`deaf to ${what}`, rig.downlink)
  const deaf = new WebSocketReader({ ...options, channels: channels.slice(0, 1) })
  rig.enlist(deaf)
  await rig.allLive(CONNECT_MS)
  deaf.pause()
  const deafUntilEnd = async (): Promise<T> => {
    const ended = await end()
    deaf.resume()
    return ended
  }
  return rig.restartAfter(what, deafUntilEnd, 0)
}
