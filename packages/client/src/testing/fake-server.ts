import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import {
  decodeCursor,
  encodeCursor,
  type Envelope,
  ERRORS,
  type JsonObject,
  ProtocolError,
} from '@tidewire/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { bodyOf, isHole, json, positionAfter, resetOf } from './fake-answers.ts'
import { FakeLogs, type Start, type Started } from './fake-logs.ts'

/** What goes wrong on purpose. To add a fault: a field here, its default in `NO_FAULTS`, and a look at it below. */
export interface Faults {
  /** Refuse upgrades as a proxy would: `status`, or never an answer. */
  upgrade: 'ok' | 'refused' | 'ignored'
  /** Event streams: accepted, refused, or held back by a buffering proxy. */
  sse: 'ok' | 'refused' | 'held'
  /** Whether the answer to a publish is lost on its way. The publication is in the log. */
  loseAck: () => boolean
  /** Whether a live delivery is lost on its way. */
  loseDelivery: () => boolean
  /** Read everything and answer nothing, as a half-open peer does. */
  silent: boolean
  /** Refuse every request with this. An upgrade is refused as browsers see it: without a reason. */
  turnedAway: ProtocolError | undefined
  /** Refuse the next reads of a history with these. */
  refusedReads: ProtocolError[]
  /** Refuse publications with this. */
  refusePublish: ProtocolError | undefined
  /** Refuse to subscribe to these. Over HTTP one of them refuses the whole request. */
  refusedChannels: Map<string, ProtocolError>
  /** Tokens that are refused. */
  refusedTokens: Set<string>
}

const NO_FAULTS: Faults = {
  upgrade: 'ok',
  sse: 'ok',
  loseAck: () => false,
  loseDelivery: () => false,
  silent: false,
  turnedAway: undefined,
  refusedReads: [],
  refusePublish: undefined,
  refusedChannels: new Map(),
  refusedTokens: new Set(),
}

interface Session {
  readonly channels: Set<string>
  /** It can be sent frames; else it is a stream, which ends with what ends one of its channels. */
  readonly duplex: boolean
  /** The user is named as the token. */
  readonly user: string | undefined
  send(envelope: Envelope): void
  end(code: number): void
}

/**
 * A server that speaks PROTOCOL.md over real sockets, all in memory, on a port of its own. Channels `signal:*` have no
 * log. Every frame that it received is in `received`.
 */
export class FakeServer {
  faults: Faults = {
    ...NO_FAULTS,
    refusedReads: [],
    refusedTokens: new Set(),
    refusedChannels: new Map(),
  }
  heartbeatMs = 25_000
  /** As told to clients; frames above `max_frame_bytes` end the connection. */
  limits: { max_frame_bytes?: number; max_depth?: number; max_keys?: number } = {}
  readonly received: Envelope[] = []
  /** Answers to the commands of features, by type. Nothing is answered where one returns nothing. */
  readonly commands = new Map<
    string,
    (payload: JsonObject) => { type: string; payload: JsonObject } | undefined
  >()
  /** Tokens of all connections and requests, in order. */
  readonly tokens: (string | undefined)[] = []
  readonly #http: Server
  readonly #ws = new WebSocketServer({
    noServer: true,
    handleProtocols: () => 'tidewire.v1.json',
  })
  readonly #sessions = new Set<Session>()
  readonly logs = new FakeLogs()
  readonly #sockets = new Set<Socket>()
  #clients = 0
  #pollers = new Set<() => void>()
  url = ''

  private constructor() {
    this.#http = createServer((request, response) => void this.#request(request, response))
    this.#http.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('close', () => this.#sockets.delete(socket))
    })
    this.#http.on('upgrade', (request, socket, head) => {
      if (this.faults.upgrade === 'ignored') return
      if (this.faults.upgrade === 'refused' || this.faults.turnedAway !== undefined) {
        socket.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
        return
      }
      this.#ws.handleUpgrade(request, socket, head, (ws) => this.#open(ws, request))
    })
  }

  static async start(port = 0): Promise<FakeServer> {
    const server = new FakeServer()
    await new Promise<void>((resolve) => server.#http.listen(port, '127.0.0.1', resolve))
    server.url = `http://127.0.0.1:${(server.#http.address() as AddressInfo).port}`
    return server
  }

  get connections(): number {
    return this.#sessions.size
  }

  /** Connections, and polls that wait. */
  get listeners(): number {
    return this.#sessions.size + this.#pollers.size
  }

  /** As another client's publish. */
  publish(
    channel: string,
    type: string,
    payload: JsonObject,
    id: string = randomUUID(),
    user?: string,
  ): void {
    const publication = this.logs.append(channel, type, payload, id, user)
    for (const session of this.#sessions) {
      if (session.channels.has(channel) && !this.faults.loseDelivery()) session.send(publication)
    }
    for (const wake of this.#pollers) wake()
  }

  /** A frame to every connection, as features send them: no publication. */
  push(type: string, payload: JsonObject): void {
    for (const session of this.#sessions) {
      if (session.duplex) session.send({ type, payload, metadata: {} })
    }
  }

  /** Ends all subscriptions to a channel, and refuses new ones with the same error. */
  forbid(channel: string, error: ProtocolError): void {
    this.faults.refusedChannels.set(channel, error)
    for (const session of this.#sessions) {
      if (!session.channels.delete(channel)) continue
      const payload = error.toPayload() as unknown as JsonObject
      if (session.duplex) {
        session.send({ type: 'unsubscribed', payload: { channel, error: payload }, metadata: {} })
      } else {
        session.send({ type: 'error', payload, metadata: {} })
        session.end(error.code)
      }
    }
    for (const wake of this.#pollers) wake()
  }

  /** Ends every connection with an error, and refuses new ones with the same. */
  turnAway(error: ProtocolError): void {
    this.faults.turnedAway = error
    this.say('error', error.toPayload() as unknown as JsonObject)
    this.kick(error.code)
    for (const wake of this.#pollers) wake()
  }

  /** Sends a frame to every connection, whatever it is. */
  say(type: string, payload: JsonObject, metadata: Envelope['metadata'] = {}): void {
    for (const session of this.#sessions) session.send({ type, payload, metadata })
  }

  /** Ends every connection. */
  kick(code = 1001): void {
    for (const session of this.#sessions) session.end(code)
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#http.close(resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  #open(ws: WebSocket, request: IncomingMessage): void {
    const offered = request.headers['sec-websocket-protocol']?.split(',').map((p) => p.trim()) ?? []
    const token = offered.find((p) => p.startsWith('bearer.'))?.slice('bearer.'.length)
    this.tokens.push(token)
    if (token !== undefined && this.faults.refusedTokens.has(token)) {
      ws.close(ERRORS.authentication_failed.code, 'authentication_failed')
      return
    }
    const session: Session = {
      channels: new Set(),
      duplex: true,
      user: token,
      send: (envelope) => {
        if (!this.faults.silent) ws.send(JSON.stringify(envelope))
      },
      end: (code) => ws.close(code),
    }
    this.#sessions.add(session)
    ws.on('close', () => this.#sessions.delete(session))
    ws.on('message', (data: Buffer) => {
      if (data.length > (this.limits.max_frame_bytes ?? Infinity)) return ws.close(1009)
      const envelope = JSON.parse(data.toString()) as Envelope
      this.received.push(envelope)
      if (!this.faults.silent) this.#receive(session, envelope)
    })
    session.send(this.#greeting(token))
  }

  #greeting(token: string | undefined): Envelope {
    const client_id = `client-${(this.#clients += 1)}`
    const payload = {
      client_id,
      session: client_id,
      authenticated: token !== undefined,
      ...(token === undefined ? {} : { user: token }),
      heartbeat_ms: this.heartbeatMs,
      limits: this.limits,
    }
    return { type: 'connection_established', payload, metadata: {} }
  }

  #receive(session: Session, envelope: Envelope): void {
    const { type, payload, metadata } = envelope
    const correlation = { correlation_id: metadata.message_id ?? '' }
    const answer = (answered: string, body: JsonObject): void =>
      session.send({ type: answered, payload: body, metadata: correlation })
    try {
      const command = this.commands.get(type)
      if (command !== undefined) {
        const frame = command(payload)
        return frame && answer(frame.type, frame.payload)
      }
      switch (type) {
        case 'ping':
          return answer('pong', { server_time: new Date().toISOString() })
        case 'refresh':
        case 'auth':
          return this.#authenticate(payload['token'] as string, type, session, answer)
        case 'subscribe':
          return this.#subscribe(session, payload, answer)
        case 'unsubscribe': {
          const { channel } = payload as { channel: string }
          session.channels.delete(channel)
          return answer('unsubscribed', { channel })
        }
        case 'history': {
          const { channel, after, before, limit } = payload as Record<string, number>
          return answer('history', this.#history(`${channel}`, after, before, limit))
        }
        case 'result':
          return undefined
        default: {
          const { channel = '', message_id = '' } = metadata
          const receipt = this.#accept(channel, type, payload, message_id, session.user)
          if (!this.faults.loseAck()) answer('ack', { channel, ...receipt })
        }
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      answer('error', error.toPayload() as unknown as JsonObject)
    }
  }

  #authenticate(
    token: string,
    how: 'auth' | 'refresh',
    session: Session,
    answer: (type: string, body: JsonObject) => void,
  ): void {
    this.tokens.push(token)
    if (!this.faults.refusedTokens.has(token)) {
      const expires_at = new Date(Date.now() + 3_600_000).toISOString()
      return answer('auth_response', { status: 'ok', user: token, expires_at })
    }
    const error = new ProtocolError('authentication_failed', 'The token is refused.')
    if (how === 'auth') return session.end(error.code)
    answer('error', error.toPayload() as unknown as JsonObject)
  }

  #subscribe(
    session: Session,
    payload: JsonObject,
    answer: (type: string, body: JsonObject) => void,
  ): void {
    const { subscribed, missed } = this.#start(payload as unknown as Start)
    session.channels.add(subscribed.channel)
    answer('subscribed', subscribed)
    for (const publication of missed) session.send(publication)
  }

  #start(start: Start): Started {
    const refusal = this.faults.refusedChannels.get(start.channel)
    if (refusal !== undefined) throw refusal
    return this.logs.start(start)
  }

  #accept(
    channel: string,
    type: string,
    payload: JsonObject,
    id: string,
    user: string | undefined,
  ): JsonObject {
    if (this.faults.refusePublish !== undefined) throw this.faults.refusePublish
    const known = this.logs.known(channel, id)
    if (known === undefined) this.publish(channel, type, payload, id, user)
    const duplicate = known !== undefined
    if (channel.startsWith('signal:')) return { duplicate }
    return { ...(known ?? this.logs.position(channel)), duplicate }
  }

  #history(...range: Parameters<FakeLogs['history']>): JsonObject {
    const refusal = this.faults.refusedReads.shift()
    if (refusal !== undefined) throw refusal
    return this.logs.history(...range)
  }

  async #request(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { pathname, searchParams: query } = new URL(request.url ?? '/', this.url)
    const token = request.headers.authorization?.slice('Bearer '.length)
    this.tokens.push(token)
    try {
      if (this.faults.turnedAway !== undefined) throw this.faults.turnedAway
      if (token !== undefined && this.faults.refusedTokens.has(token)) {
        throw new ProtocolError('authentication_failed', 'The token is refused.')
      }
      if (pathname === '/v1/sse') return this.#stream(query, token, response)
      if (pathname === '/v1/poll') return await this.#poll(query, response)
      const channel = decodeURIComponent(pathname.split('/')[3] ?? '')
      if (request.method === 'GET') {
        const [after, before, limit] = ['after', 'before', 'limit'].map((name) => {
          return query.has(name) ? Number(query.get(name)) : undefined
        })
        return json(response, 200, this.#history(channel, after, before, limit))
      }
      const { type, payload, message_id } = JSON.parse(await bodyOf(request)) as {
        type: string
        payload: JsonObject
        message_id: string
      }
      this.received.push({ type, payload, metadata: { channel, message_id } })
      const receipt = this.#accept(channel, type, payload, message_id, token)
      if (this.faults.loseAck()) response.destroy()
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
    if (this.faults.sse === 'refused') {
      response.writeHead(502, { 'Content-Type': 'text/html' }).end('<h1>Bad Gateway</h1>')
      return
    }
    const asked = this.#asked(query)
    if (this.faults.sse === 'held') return
    const started = asked.map((start) => ({ start, ...this.#start(start) }))
    const session: Session = {
      channels: new Set(asked.map(({ channel }) => channel)),
      duplex: false,
      user: token,
      send: ({ type, payload, metadata }) => {
        if (this.faults.silent || response.writableEnded) return
        const data = JSON.stringify({ type, payload, metadata })
        response.write(`event: ${type}\ndata: ${data}\n\n`)
      },
      end: () => response.end(),
    }
    this.#sessions.add(session)
    response.on('close', () => this.#sessions.delete(session))
    response.writeHead(200, { 'Content-Type': 'text/event-stream' })
    session.send(this.#greeting(token))
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
      if (this.faults.turnedAway !== undefined) throw this.faults.turnedAway
      const starts = this.#asked(query).map((start) => ({ start, ...this.#start(start) }))
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
