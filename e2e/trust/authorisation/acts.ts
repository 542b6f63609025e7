import { EventStream, http, type HttpAnswer } from '../support/http.ts'
import { type Answer, codeOf, Peer } from '../support/peer.ts'
import { type Action, may, refusalOf, type Role } from './model.ts'

/** `gap`: the stream starts, and what was before is said to be lost. A number: refused with this code. */
export type Outcome = 'yes' | 'gap' | number | `HTTP ${number}`

/** Somebody who knows where the server is and what a channel's log holds at most. */
export interface Actor {
  url: string
  token: string | undefined
}

export interface Target {
  channel: string
  /** Of its log; those who may not know guess right. */
  epoch: string
}

export interface Act {
  name: string
  /** `recover`: coming back with a position. */
  action: Action | 'recover' | 'last'
  /** Leaves streams open, which `end` ends. */
  run(actor: Actor, target: Target, end: (() => void)[]): Promise<Outcome>
}

/** What should come of an act. */
export function expected(role: Role, { action }: Act, channel: string): Outcome {
  const no = refusalOf(role)
  if (action === 'subscribe' || action === 'publish' || action === 'history') {
    return may(role, action, channel) ? 'yes' : no
  }
  if (!may(role, 'subscribe', channel)) return no
  if (may(role, 'history', channel)) return 'yes'
  // Coming back is no offence: the stream goes on, without what was missed.
  return action === 'recover' ? 'gap' : no
}

const MESSAGE = { type: 'message', payload: { text: 'from the matrix' } }

export const ACTS: readonly Act[] = [
  { name: 'subscribe over WebSocket', action: 'subscribe', run: webSocketStream(() => ({})) },
  {
    name: 'return over WebSocket',
    action: 'recover',
    run: webSocketStream(({ epoch }) => ({ since: { epoch, offset: 0 } })),
  },
  { name: 'look back over WebSocket', action: 'last', run: webSocketStream(() => ({ last: 5 })) },
  {
    name: 'publish over WebSocket',
    action: 'publish',
    run: overWebSocket((peer, { channel }) => peer.publish(channel, MESSAGE.payload)),
  },
  {
    name: 'history over WebSocket',
    action: 'history',
    run: overWebSocket((peer, { channel }) => peer.ask('history', { channel, limit: 5 })),
  },
  { name: 'subscribe over SSE', action: 'subscribe', run: eventStream(() => '') },
  {
    name: 'return over SSE',
    action: 'recover',
    run: eventStream((target) => `&cursor=${cursorOf(target)}`),
  },
  { name: 'look back over SSE', action: 'last', run: eventStream(() => '&last=5') },
  { name: 'subscribe over poll', action: 'subscribe', run: poll(() => '') },
  {
    name: 'return over poll',
    action: 'recover',
    run: poll((target) => `&cursor=${cursorOf(target)}`),
  },
  { name: 'look back over poll', action: 'last', run: poll(() => '&last=5') },
  {
    name: 'publish over HTTP',
    action: 'publish',
    run: async ({ url, token }, { channel }) => {
      return outcomeOf(
        await http(publications(url, channel), { method: 'POST', token, body: MESSAGE }),
      )
    },
  },
  {
    name: 'publish to several over HTTP',
    action: 'publish',
    run: async ({ url, token }, { channel }) => {
      const body = { channels: [channel], ...MESSAGE }
      const answer = await http(`${url}/v1/publications`, { method: 'POST', token, body })
      const [result] = (answer.body['results'] ?? []) as { error?: { code: number } }[]
      return result?.error?.code ?? outcomeOf(answer)
    },
  },
  {
    name: 'history over HTTP',
    action: 'history',
    run: async ({ url, token }, { channel }) =>
      outcomeOf(await http(publications(url, channel), { token })),
  },
]

function publications(url: string, channel: string): string {
  return `${url}/v1/channels/${encodeURIComponent(channel)}/publications`
}

function cursorOf({ channel, epoch }: Target): string {
  return encodeURIComponent(`1~${channel}~${epoch}~0`)
}

function outcomeOf({ status, code }: HttpAnswer): Outcome {
  if (code !== undefined) return code
  return status >= 200 && status < 300 ? 'yes' : `HTTP ${status}`
}

function overWebSocket(ask: (peer: Peer, target: Target) => Promise<Answer>): Act['run'] {
  return async ({ url, token }, target, end) => {
    const peer = await Peer.open(url, { token })
    // Also when it was refused: nothing may come over it later.
    end.push(() => peer.end())
    const answer = await ask(peer, target)
    const code = codeOf(answer)
    if (code !== undefined) return code
    const recovered = 'closed' in answer || answer.payload['recovered'] !== false
    return recovered || answer.payload['reason'] === undefined ? 'yes' : 'gap'
  }
}

function webSocketStream(start: (target: Target) => object): Act['run'] {
  return overWebSocket((peer, target) =>
    peer.ask('subscribe', { channel: target.channel, ...start(target) }),
  )
}

function eventStream(query: (target: Target) => string): Act['run'] {
  return async ({ url, token }, target, end) => {
    const path = `/v1/sse?channel=${encodeURIComponent(target.channel)}${query(target)}`
    const stream = await EventStream.open(`${url}${path}`, { token })
    end.push(() => stream.end())
    if (stream.refusal !== undefined) return outcomeOf(stream.refusal)
    return stream.of('reset').length > 0 ? 'gap' : 'yes'
  }
}

function poll(query: (target: Target) => string): Act['run'] {
  return async ({ url, token }, target) => {
    const path = `/v1/poll?channel=${encodeURIComponent(target.channel)}&wait=0${query(target)}`
    const answer = await http(`${url}${path}`, { token })
    const { resets = [] } = answer.body as { resets?: unknown[] }
    return resets.length > 0 ? 'gap' : outcomeOf(answer)
  }
}
