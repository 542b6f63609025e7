import { inParts, subscribers, tokensOf } from './crowd.ts'

export interface NoticesLoad {
  port: number
  serverKey: string
  /** Who is notified. */
  users: number
  /** Of them: who has a connection. */
  connected: number
  /** Users of one request. */
  batch: number
}

export interface NoticesResult {
  /** Milliseconds from the first request until all connected have it, and until every request was answered. */
  reachedMs: number
  answeredMs: number
}

const AT_ONCE = 32
const START = Buffer.from('{"type":"notification"')
const MAX_WAIT_MS = 60_000

/** Tells all users something, and waits until those who are connected have it. */
export async function notices(
  load: NoticesLoad,
  begin: () => void,
  end: () => void,
): Promise<NoticesResult> {
  const { port, serverKey, users, connected, batch } = load
  const tokens = await tokensOf(port, 'user', connected)
  const sockets = await subscribers(port, connected, tokens, (n) => `user:user-${n}`)
  const counts = new Uint8Array(connected)
  let reached = (): void => undefined
  let missing = connected
  const all = new Promise<void>((resolve) => (reached = resolve))
  for (const [n, socket] of sockets.entries()) {
    socket.onMessage = (message) => {
      if (!message.subarray(0, START.length).equals(START)) return
      counts[n]! += 1
      missing -= 1
      if (missing === 0) reached()
    }
  }
  const send = async (from: number): Promise<void> => {
    const size = Math.min(batch, users - from)
    // Those who are connected are spread over all.
    const named = Array.from(
      { length: size },
      (_, i) => `user-${spread(from + i, users, connected)}`,
    )
    const response = await fetch(`http://127.0.0.1:${port}/v1/notifications`, {
      method: 'POST',
      headers: { authorization: `Bearer ${serverKey}`, 'content-type': 'application/json' },
      body: JSON.stringify({ users: named, kind: 'news', title: 'Something is new' }),
    })
    if (response.status !== 201) throw new Error(`It was answered ${response.status}.`)
    await response.arrayBuffer()
  }
  begin()
  const began = performance.now()
  const timer = setTimeout(() => {
    throw new Error(`${missing} of ${connected} were not told within ${MAX_WAIT_MS} ms.`)
  }, MAX_WAIT_MS)
  let answeredMs = NaN
  await Promise.all([
    inTurn(Math.ceil(users / batch), (i) => send(i * batch)).then(() => {
      answeredMs = performance.now() - began
    }),
    all,
  ])
  clearTimeout(timer)
  const reachedMs = performance.now() - began
  end()
  if (counts.some((count) => count !== 1)) throw new Error('Somebody was told twice.')
  return { reachedMs, answeredMs }
}

/** The users in an order in which every `users / connected`th is connected. */
function spread(n: number, users: number, connected: number): number {
  const every = Math.floor(users / connected)
  return n % every === 0 && n / every < connected ? n / every : connected + n
}

async function inTurn(count: number, each: (i: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < count) await each(next++)
  }
  await inParts(Math.min(AT_ONCE, count), worker)
}
