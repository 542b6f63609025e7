import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  decodeCursor,
  encodeCursor,
  type Envelope,
  type JsonObject,
  ProtocolError,
} from '@tidewire/protocol'
import { bodyOf, isHole, json, positionAfter, resetOf } from './fake-answers.ts'
import type { Faults } from './fake-faults.ts'
import type { FakeLogs, Start, Started } from './fake-logs.ts'

export interface Session {
  readonly channels: Set<string>
  /** It can be sent frames; else it is a stream, which ends with what ends one of its channels. */
  readonly duplex: boolean
  /** The user is named as the token. */
  readonly user: string | undefined
  send(envelope: Envelope): void
  end(code: number): void
}

/** The fake server behind its requests. */
export interface Backend {
  readonly faults: Faults
  readonly received: Envelope[]
  readonly tokens: (string | undefined)[]
  greeting(token: string | undefined): Envelope
  join(session: Session): () => void
  begin(start: Start): Started
  accept(
    channel: string,
    type: string,
    payload: JsonObject,
    id: string,
    user: string | undefined,
  ): JsonObject
  history(...range: Parameters<FakeLogs['history']>): JsonObject
}

/** The HTTP side of the fake server: publishing, history, event streams and polls. */
export class FakeHttp {
  readonly #server: Backend
  readonly #pollers = new Set<() => void>()

  constructor(server: Backend) {
    this.#server = server
  }

  /** Polls that have no answer yet. */
  get waiting(): number {
    return this.#pollers.size
  }

  /** Something happened that polls wait for. */
  wake(): void {
    for (const wake of this.#pollers) wake()
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', 'http://fake')
    const token = request.headers.authorization?.slice('Bearer '.length)
    this.#server.tokens.push(token)
    try {
      if (this.#server.faults.turnedAway !== undefined) throw this.#server.faults.turnedAway
      if (token !== undefined && this.#server.faults.refusedTokens.has(token)) {
        throw new ProtocolError('authentication_failed', 'The token is refused.')
      }
      if (pathname === '/v1/sse') return this.#stream(query, token, response)
      if (pathname === '/v1/poll') return await this.#poll(query, response)
      const channel = decodeURIComponent(pathname.split('/')[3] ?? '')
      if (request.method === 'GET') {
        const [after, before, limit] = ['after', 'before', 'limit'].map((name) => {
          return query.has(name) ? Number(query.get(name)) : undefined
        })
        return json(response, 200, this.#server.history(channel, after, before, limit))
      }
      const { type, payload, message_id } = JSON.parse(await bodyOf(request)) as {
        type: string
        payload: JsonObject
        message_id: string
      }
      this.#server.received.push({ type, payload, metadata: { channel, message_id } })
      const receipt = this.#server.accept(channel, type, payload, message_id, token)
      if (this.#server.faults.loseAck()) response.destroy()
      else json(response, receipt['duplicate'] === true ? 200 : 201, { ...receipt, message_id })
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      json(response, error.status, error.toPayload() as unknown as JsonObject)
    }
  }

  #asked(query: URLSearchParams): Start[] {
    const channels = query.getAll('channel')
    const positions = decodeCursor(query.get('cursor') ?? '1')
    const last = query.get('last') === null ? undefined : Number(query.get('last'))
    return channels.map((channel) => ({ channel, since: positions.get(channel), last }))
  }

  #stream(query: URLSearchParams, token: string | undefined, response: ServerResponse): void {
    if (this.#server.faults.sse === 'refused') {
      response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad Gateway</h1>')
      return
    }
    const asked = this.#asked(query)
    if (this.#server.faults.sse === 'held') return
    const started = asked.map((start) => ({ start, ...this.#server.begin(start) }))
    const session: Session = {
      channels: new Set(asked.map(({ channel }) => channel)),
      duplex: false,
      user: token,
      send: ({ type, payload, metadata }) => {
        if (this.#server.faults.silent || response.writableEnded) return
        const data = JSON.stringify({ type, payload, metadata })
        response.write(`event: ${type}\ndata: ${data}\n\n`)
      },
      end: () => response.end(),
    }
    response.on('close', this.#server.join(session))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    session.send(this.#server.greeting(token))
    for (const { start, subscribed, missed } of started) {
      session.send({ type: 'subscribed', payload: subscribed, metadata: {} })
      // As the real one does: a hole that is found on return is told twice.
      if (isHole(start, subscribed)) {
        session.send({ type: 'reset', payload: resetOf(subscribed), metadata: {} })
      }
      for (const publication of missed) session.send(publication)
    }
  }

  async #poll(query: URLSearchParams, response: ServerResponse): Promise<void> {
    const wait = Number(query.get('wait') ?? 25_000)
    const deadline = Date.now() + wait
    for (;;) {
      if (this.#server.faults.turnedAway !== undefined) throw this.#server.faults.turnedAway
      const starts = this.#asked(query).map((start) => ({ start, ...this.#server.begin(start) }))
      const publications = starts.flatMap(({ missed }) => missed)
      const resets = starts
        .filter(({ start, subscribed }) => isHole(start, subscribed))
        .map(({ subscribed }) => resetOf(subscribed))
      const cursor = encodeCursor(starts.flatMap(positionAfter))
      const now = !query.has('cursor') && !query.has('last')
      if (now || publications.length > 0 || resets.length > 0) {
        return json(response, 200, { cursor, publications, resets } as unknown as JsonObject)
      }
      if (Date.now() >= deadline || response.destroyed) {
        response.writeHead(204, { 'Tidewire-Cursor': cursor }).end()
        return
      }
      await this.#published(deadline, response)
    }
  }

  /** Resolves when something was published, at the deadline, or when nobody waits any more. */
  #published(deadline: number, response: ServerResponse): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#pollers.delete(done)
        resolve()
      }
      const timer = setTimeout(done, deadline - Date.now())
      this.#pollers.add(done)
      response.on('close', done)
    })
  }
}
