import { FrameSocket } from './socket.ts'

/** Connections that are made at the same time. */
const AT_ONCE = 100
const QUIET_MS = 700
const MAX_WAIT_MS = 60_000

/** Tokens of users `<prefix>-0`, `<prefix>-1` …, as a development server gives them. */
export async function tokensOf(port: number, prefix: string, count: number): Promise<string[]> {
  return inParts(count, async (n) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/dev/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user: `${prefix}-${n}` }),
    })
    return ((await response.json()) as { token: string }).token
  })
}

/** Sockets that are subscribed; each has the next of the tokens, and begins again with the first. */
export async function subscribers(
  port: number,
  count: number,
  tokens: readonly string[],
  channelOf: (n: number) => string,
): Promise<FrameSocket[]> {
  return inParts(count, async (n) => {
    const socket = await FrameSocket.open(port, tokens[n % tokens.length] ?? '')
    await asked(socket, 'subscribe', { channel: channelOf(n) })
    return socket
  })
}

/** Sends a command, and resolves with its answer. Rejects when that is an error. */
export function asked(socket: FrameSocket, type: string, payload: object): Promise<string> {
  const before = socket.onMessage
  return new Promise((resolve, reject) => {
    socket.onMessage = (message) => {
      const text = message.toString()
      if (!text.includes('"correlation_id":"asked"')) return before(message)
      socket.onMessage = before
      if (text.startsWith('{"type":"error"')) reject(new Error(text))
      else resolve(text)
    }
    socket.send(type, payload, { message_id: 'asked' })
  })
}

/** Resolves when none of the sockets has heard anything for a while: everybody was told of everything. */
export async function quiet(sockets: readonly FrameSocket[]): Promise<void> {
  let heardAt = performance.now()
  for (const socket of sockets) socket.onMessage = () => (heardAt = performance.now())
  const deadline = performance.now() + MAX_WAIT_MS
  while (performance.now() - heardAt < QUIET_MS) {
    if (performance.now() > deadline) throw new Error('The room did not become quiet.')
    await pause(50)
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)))
}

export async function inParts<T>(count: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = []
  for (let from = 0; from < count; from += AT_ONCE) {
    const size = Math.min(AT_ONCE, count - from)
    made.push(...(await Promise.all(Array.from({ length: size }, (_, i) => make(from + i)))))
  }
  return made
}
