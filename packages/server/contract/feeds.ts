import { WebSocket } from 'ws'
import { expect } from 'vitest'
import { startTestServer, type TestServer } from '../src/testing/index.ts'
import type { FeedEntry } from '../src/features/feed/entries.ts'
import { feed, type FeedOptions } from '../src/features/feed/index.ts'
import type { Activity } from '../src/features/feed/schemas.ts'

export interface Frame {
  type: string
  payload: Record<string, unknown>
  metadata: Record<string, unknown>
}

export interface Page {
  user: string
  entries: FeedEntry[]
  next: string | null
}

type ServerOptions = NonNullable<Parameters<typeof startTestServer>[0]>

/** A server with feeds, and what its users do. */
export class Feeds {
  readonly #started: TestServer
  readonly #sockets: WebSocket[] = []

  constructor(started: TestServer) {
    this.#started = started
  }

  static async start(options: FeedOptions = {}, more: ServerOptions = {}): Promise<Feeds> {
    return new Feeds(await startTestServer({ features: [feed(options)], no_limits: true, ...more }))
  }

  get server(): TestServer['server'] {
    return this.#started.server
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate()
    await this.#started.close()
  }

  async ask(user: string, method: string, path: string): Promise<Response> {
    const headers = { authorization: `Bearer ${await this.#started.token(user)}` }
    return fetch(`${this.#started.url}/v1/feeds/${path}`, { method, headers })
  }

  async follow(user: string, other: string, method: 'PUT' | 'DELETE' = 'PUT'): Promise<number> {
    return (await this.ask(user, method, `${user}/following/${other}`)).status
  }

  unfollow(user: string, other: string): Promise<number> {
    return this.follow(user, other, 'DELETE')
  }

  /** Says something on behalf of the user. */
  async say(user: string, verb: string, object?: string, message_id?: string): Promise<void> {
    await this.server.publish(`feed:${user}`, {
      type: 'activity',
      payload: { verb, ...(object === undefined ? {} : { object }) },
      user,
      ...(message_id === undefined ? {} : { message_id }),
    })
  }

  async page(user: string, query = ''): Promise<Page> {
    const response = await this.ask(user, 'GET', `${user}${query}`)
    expect(response.status).toBe(200)
    return (await response.json()) as Page
  }

  /** `actors verb object`, the newest first. */
  async told(user: string): Promise<string[]> {
    return (await this.page(user, '?limit=100')).entries.map(line)
  }

  /** What the channel of the feed holds, the oldest first. */
  async log(user: string): Promise<string[]> {
    const { publications } = await this.server.history(`feed:${user}`, { limit: 500 })
    return publications.map(({ payload }) => lineOf(payload as unknown as Activity))
  }

  /** A client of the user, which listens to the feed. */
  async listen(user: string): Promise<{
    frames: Frame[]
    next: (type: string) => Promise<Frame>
    send: (type: string, payload: object, metadata?: object) => void
  }> {
    const token = await this.#started.token(user)
    const socket = new WebSocket(`${this.#started.url.replace('http', 'ws')}/v1/ws?token=${token}`)
    this.#sockets.push(socket)
    const frames: Frame[] = []
    const waiting: (() => void)[] = []
    socket.on('message', (data: Buffer) => {
      frames.push(JSON.parse(data.toString()) as Frame)
      for (const wake of waiting.splice(0)) wake()
    })
    const next = async (type: string): Promise<Frame> => {
      for (;;) {
        const at = frames.findIndex((frame) => frame.type === type)
        if (at >= 0) return frames.splice(at, 1)[0]!
        await new Promise<void>((resolve) => waiting.push(resolve))
      }
    }
    const send = (type: string, payload: object, metadata: object = {}): void =>
      socket.send(JSON.stringify({ type, payload, metadata }))
    await next('connection_established')
    send('subscribe', { channel: `feed:${user}` })
    await next('subscribed')
    return { frames, next, send }
  }
}

function line({ actors, others, verb, object }: FeedEntry): string {
  return `${actors.join(',')}${others > 0 ? `+${others}` : ''} ${verb} ${object ?? '-'}`
}

function lineOf({ actor, verb, object = '-' }: Activity): string {
  return `${actor} ${verb} ${object}`
}
