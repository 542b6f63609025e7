import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { type Envelope, ERRORS, type JsonObject, ProtocolError } from '@tidewire/protocol'
import { type WebSocket, WebSocketServer } from 'ws'
import { type Faults, noFaults } from './fake-faults.ts'
import { type Backend, FakeHttp, type Session } from './fake-http.ts'
import { FakeLogs, type Start, type Started } from './fake-logs.ts'

/**
 * A server that speaks PROTOCOL.md over real sockets, all in memory, on a port of its own. Channels `signal:*` have no
 * log. Every frame that it received is in `received`.
 */
export class FakeServer implements Backend {
  readonly faults: Faults = noFaults()
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
  readonly #requests = new FakeHttp(this)
  #clients = 0
  url = ''

  private constructor() {
    this.#http = createServer((request, response) => void this.#requests.answer(request, response))
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
    return this.#sessions.size + this.#requests.waiting
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
    this.#requests.wake()
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
    this.#requests.wake()
  }

  /** Ends every connection with an error, and refuses new ones with the same. */
  turnAway(error: ProtocolError): void {
    this.faults.turnedAway = error
    this.say('error', error.toPayload() as unknown as JsonObject)
    this.kick(error.code)
    this.#requests.wake()
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

  // What a request or a frame comes to

  /** What a new connection is told. */
  greeting(token: string | undefined): Envelope {
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

  /** Counts the connection until the result is called. */
  join(session: Session): () => void {
    this.#sessions.add(session)
    return () => this.#sessions.delete(session)
  }

  /** Throws what the channel is refused for. */
  begin(start: Start): Started {
    const refusal = this.faults.refusedChannels.get(start.channel)
    if (refusal !== undefined) throw refusal
    return this.logs.start(start)
  }

  /** Publishes once for each message id; the receipt. Throws what publications are refused for. */
  accept(
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

  history(...range: Parameters<FakeLogs['history']>): JsonObject {
    const refusal = this.faults.refusedReads.shift()
    if (refusal !== undefined) throw refusal
    return this.logs.history(...range)
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
    ws.on('close', this.join(session))
    ws.on('message', (data: Buffer) => {
      if (data.length > (this.limits.max_frame_bytes ?? Infinity)) return ws.close(1009)
      const envelope = JSON.parse(data.toString()) as Envelope
      this.received.push(envelope)
      if (!this.faults.silent) this.#receive(session, envelope)
    })
    session.send(this.greeting(token))
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
          return answer('history', this.history(`${channel}`, after, before, limit))
        }
        case 'result':
          return undefined
        default: {
          const { channel = '', message_id = '' } = metadata
          const receipt = this.accept(channel, type, payload, message_id, session.user)
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
    const { subscribed, missed } = this.begin(payload as unknown as Start)
    session.channels.add(subscribed.channel)
    answer('subscribed', subscribed)
    for (const publication of missed) session.send(publication)
  }
}
