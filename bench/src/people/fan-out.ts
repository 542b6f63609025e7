import { asked, pause, quiet, subscribers, tokensOf } from './crowd.ts'
import { FrameSocket } from './socket.ts'

export interface FanOutLoad {
  port: number
  subscribers: number
  /** Of whom each has the same number of subscribers. */
  users: number
  /** Whether all of them are present. */
  present: boolean
  payload: number
  warmup: number
  seconds: number
  /** Milliseconds without the rest of a publication that end the run. Default 10,000. */
  stallMs?: number
}

export interface FanOutResult {
  publications: number
  deliveries: number
  seconds: number
}

const CHANNEL = 'live:room'
const START = Buffer.from('{"type":"bench"')

/** One publication after the other to everybody: the next goes out when all have the last one. */
export async function fanOut(
  load: FanOutLoad,
  begin: () => void,
  end: () => void,
): Promise<FanOutResult> {
  const { port, users, present, payload, warmup, seconds, stallMs = 10_000 } = load
  const tokens = await tokensOf(port, 'user', users)
  const sockets = await subscribers(port, load.subscribers, tokens, () => CHANNEL)
  if (present) {
    for (const socket of sockets) await asked(socket, 'presence_enter', { channel: CHANNEL })
    await quiet(sockets)
  }
  const publisher = await FrameSocket.open(port, tokens[0] ?? '')
  const counts = new Uint32Array(sockets.length)
  let published = 0
  let missing = 0
  let complete = (): void => undefined
  for (const [n, socket] of sockets.entries()) {
    socket.onMessage = (message) => {
      if (!message.subarray(0, START.length).equals(START)) return
      counts[n]! += 1
      missing -= 1
      if (missing === 0) complete()
    }
  }
  const filler = 'x'.repeat(payload)
  const publish = (): Promise<void> =>
    new Promise((resolve, reject) => {
      missing = sockets.length
      published += 1
      const timer = setTimeout(
        () => reject(new Error(`${missing} deliveries are missing.`)),
        stallMs,
      )
      complete = () => {
        clearTimeout(timer)
        resolve()
      }
      publisher.send('bench', { filler }, { channel: CHANNEL })
    })
  const forSeconds = async (time: number): Promise<number> => {
    const began = performance.now()
    while (performance.now() - began < time * 1000) await publish()
    return (performance.now() - began) / 1000
  }
  await forSeconds(warmup)
  const before = published
  begin()
  const measured = await forSeconds(seconds)
  end()
  await pause(100)
  const wrong = counts.findIndex((count) => count !== published)
  if (wrong >= 0) throw new Error(`Subscriber ${wrong} got ${counts[wrong]} of ${published}.`)
  const publications = published - before
  return { publications, deliveries: publications * sockets.length, seconds: measured }
}
