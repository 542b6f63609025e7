import { EventStream, http } from '../support/http.ts'
import { codeOf, Peer } from '../support/peer.ts'

/** The code that the server refuses with; `ok` when it accepts. */
export type Verdict = number | 'ok' | `HTTP ${number}`

export interface Way {
  name: string
  /** Shows the token to the server. `good` is one that it accepts. */
  show(url: string, token: string, good: string): Promise<Verdict>
}

const CHANNEL = 'chat:a'
const HISTORY = `/v1/channels/${CHANNEL}/publications`
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

/** Every way to hand over a token (PROTOCOL.md §3, §8). */
export const WAYS: readonly Way[] = [
  webSocket('WebSocket, header', (token) => ({ headers: bearer(token) })),
  webSocket('WebSocket, query', (token) => ({ path: `/v1/ws?token=${encodeURIComponent(token)}` })),
  webSocket('WebSocket, subprotocol', (token) => ({ protocols: [`bearer.${token}`] })),
  {
    name: 'WebSocket, first frame',
    async show(url, token) {
      const peer = await Peer.open(url)
      const code = codeOf(await peer.ask('auth', { token }))
      peer.end()
      return code ?? 'ok'
    },
  },
  stream('SSE, header', (token) => ({ headers: bearer(token) })),
  stream('SSE, query', (token) => ({ query: `&token=${encodeURIComponent(token)}` })),
  request('poll, header', 'GET', `/v1/poll?channel=${CHANNEL}&wait=0`, bearer),
  {
    name: 'poll, query',
    show: (url, token) =>
      verdictOf(`${url}/v1/poll?channel=${CHANNEL}&wait=0&token=${encodeURIComponent(token)}`),
  },
  request('history, header', 'GET', HISTORY, bearer),
  request('publish, header', 'POST', HISTORY, bearer),
]

/** A newer token over a connection whose token is good. Whatever is shown, that one goes on. */
export const REFRESH: Way = {
  name: 'WebSocket, refresh',
  async show(url, token, good) {
    const peer = await Peer.open(url, { token: good })
    const code = codeOf(await peer.ask('refresh', { token }))
    const pong = await peer.ask('ping')
    peer.end()
    if ('closed' in pong) return pong.closed
    return code ?? 'ok'
  },
}

/** What the server says to the token, by way. */
export async function showEverywhere(url: string, token: string): Promise<Record<string, Verdict>> {
  const shown = WAYS.map(async (way) => [way.name, await way.show(url, token, token)] as const)
  return Object.fromEntries(await Promise.all(shown))
}

export function everywhere(verdict: Verdict): Record<string, Verdict> {
  return Object.fromEntries(WAYS.map(({ name }) => [name, verdict]))
}

function webSocket(name: string, hand: (token: string) => Parameters<typeof Peer.open>[1]): Way {
  return {
    name,
    async show(url, token) {
      const peer = await Peer.open(url, hand(token))
      const greeted = peer.of('connection_established').length > 0
      const [error] = peer.of('error')
      peer.end()
      return greeted ? 'ok' : Number(error?.payload['code'] ?? peer.closed)
    },
  }
}

function stream(
  name: string,
  hand: (token: string) => { headers?: Record<string, string>; query?: string },
): Way {
  return {
    name,
    async show(url, token) {
      const { headers = {}, query = '' } = hand(token)
      const events = await EventStream.open(`${url}/v1/sse?channel=${CHANNEL}${query}`, { headers })
      events.end()
      return events.refusal === undefined ? 'ok' : (events.refusal.code ?? `HTTP ${events.status}`)
    },
  }
}

function request(
  name: string,
  method: string,
  path: string,
  headers: (token: string) => Record<string, string>,
): Way {
  const body = method === 'POST' ? { type: 'message' } : undefined
  return {
    name,
    show: (url, token) => verdictOf(`${url}${path}`, { method, headers: headers(token), body }),
  }
}

async function verdictOf(url: string, options: Parameters<typeof http>[1] = {}): Promise<Verdict> {
  const { status, code } = await http(url, options)
  return code ?? (status < 300 ? 'ok' : `HTTP ${status}`)
}
