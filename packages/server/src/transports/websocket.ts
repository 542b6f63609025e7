import { type IncomingMessage, STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  type Codec,
  type FrameLimits,
  JSON_SUBPROTOCOL,
  jsonCodec,
  ProtocolError,
} from '@tidewire/protocol'
import { msgpackCodec } from '@tidewire/protocol/msgpack'
import { protobufCodec } from '@tidewire/protocol/protobuf'
import { type Server, type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import type { Actor } from '../core/ports/actor.ts'
import type { Batch, Encoding } from '../core/ports/batch.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Service } from '../core/ports/service.ts'
import type { Turnstile } from './turnstile.ts'
import { tokenOf } from './bearer.ts'
import type { Door } from './door.ts'
import { Corks } from './corks.ts'
import { headersOf, manyHeaders, toProtocolError } from './http-errors.ts'
import { splitTarget } from './request.ts'
import { Gather } from './gather.ts'
import { WaitingSockets } from './waiting-sockets.ts'
import { WebSocketConnection } from './websocket-connection.ts'
import { deflater, negotiated, withoutSmallWindows } from './websocket-deflate.ts'
import { frames } from './websocket-frame.ts'
import { Heartbeat } from './websocket-heartbeat.ts'
import { PeerSocket } from './websocket-peer.ts'

export interface WebSocketOptions {
  door: Door
  turnstile: Turnstile
  service: Service
  observer: Observer
  frame: FrameLimits
  /** Silence after which a peer is pinged. */
  heartbeatMs: number
  /** Messages of at least `min_bytes` are compressed, for peers that offer it. */
  compression: { enabled: boolean; min_bytes: number }
}

const BEARER = 'bearer.'
/** What a peer has for its part of the closing handshake: with the deadline of `auth`, nobody silent stays for ten seconds. */
const GOODBYE_MS = 3_000

/** What a codec is on this transport: frames of one codec are encoded once and shared by all its sessions. */
interface Wire {
  codec: Codec
  encoding: Encoding
  /** For peers that agreed to compression. */
  deflated: Encoding
}

interface Arrival {
  request: IncomingMessage
  socket: Duplex
  head: Buffer
  address: string
}

/** The actor, or the refusal of the token; no actor where a token may still follow. */
type Answer = Actor | undefined | ProtocolError

/**
 * `GET /v1/ws`. `ws` does the handshake, receives and answers pings; publications go past its sender: they are framed
 * once and the same bytes are written to every socket (docs/decisions/0002).
 */
export class WebSocketTransport {
  readonly #options: WebSocketOptions
  readonly #server: Server<typeof PeerSocket>
  readonly #wires: Map<string, Wire>
  readonly #heartbeat: Heartbeat
  readonly #waiting = new WaitingSockets()
  readonly #corks = new Corks()
  readonly #gather = new Gather()
  #open = 0
  #whenIdle: (() => void)[] = []

  constructor(options: WebSocketOptions) {
    this.#options = options
    const { enabled, min_bytes } = options.compression
    const codecs = [jsonCodec, msgpackCodec, protobufCodec].map((make) => make(options.frame))
    this.#wires = new Map(codecs.map((codec) => [codec.subprotocol, wireOf(codec, min_bytes)]))
    // The types of `ws` do not know `closeTimeout` yet.
    const handshake: ServerOptions<typeof PeerSocket> & { closeTimeout: number } = {
      noServer: true,
      WebSocket: PeerSocket,
      clientTracking: false,
      perMessageDeflate: enabled && negotiated(min_bytes),
      maxPayload: options.frame.max_frame_bytes,
      maxFragments: 64,
      maxBufferedChunks: 1024,
      closeTimeout: GOODBYE_MS,
      handleProtocols: (offered) =>
        [...offered].find((protocol) => this.#wires.has(protocol)) ?? false,
    }
    this.#server = new WebSocketServer(handshake)
    this.#server.on('error', (error) => options.observer.failed('websocket', error))
    this.#heartbeat = new Heartbeat(options.heartbeatMs)
  }

  /**
   * For `upgrade` events of an `http.Server` whose path is ours. A token that is refused is told over the socket, where
   * browsers can read it; other refusals are plain HTTP answers.
   */
  async upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const { service, observer, door, turnstile } = this.#options
    const many = manyHeaders(request)
    try {
      if (many !== undefined) throw many
      const { address } = door.check(request, 'websocket')
      // RFC 6455 §4.2.1, item 2.
      if (request.headers.host === undefined) throw noHost()
      service.admit(address, 'connection')
      const arrival = { request, socket, head, address }
      const later = turnstile.pass(
        () => this.#upgradeNow(arrival),
        () => this.#upgradeLater(arrival, undefined),
      )
      if (later !== undefined) await later
    } catch (error) {
      const status = error === many ? 431 : undefined
      refuse(socket, toProtocolError(error, observer, 'websocket.upgrade'), status)
    }
  }

  /** A promise only where the token has to be waited for. */
  #upgradeNow(arrival: Arrival): Promise<void> | undefined {
    const answer = this.#authenticate(arrival)
    if (answer instanceof Promise) return this.#upgradeLater(arrival, answer)
    this.#upgrade(arrival, answer)
    return undefined
  }

  /** `answer`: of who was let in already. */
  async #upgradeLater(arrival: Arrival, answer: Promise<Answer> | undefined): Promise<void> {
    const { turnstile } = this.#options
    const { socket, address } = arrival
    const from = { address, transport: 'websocket' }
    this.#waiting.add(socket)
    try {
      if (answer === undefined && !(await turnstile.enter(socket, from))) return
      const { turn } = turnstile
      const known = answer ?? this.#authenticate(arrival)
      const found = known instanceof Promise ? await known : known
      if (turn !== turnstile.turn && !(await turnstile.goOn(socket, from))) return
      this.#waiting.delete(socket)
      this.#upgrade(arrival, found)
    } finally {
      this.#waiting.delete(socket)
    }
  }

  #upgrade({ request, socket, head, address }: Arrival, answer: Answer): void {
    const offers = request.headers['sec-websocket-extensions']
    if (offers !== undefined) {
      request.headers['sec-websocket-extensions'] = withoutSmallWindows(offers)
    }
    this.#corks.hold(socket, () => {
      this.#server.handleUpgrade(request, socket, head, (ws) => {
        ws.carrier = socket
        if (answer instanceof ProtocolError) this.#sendAway(ws, answer)
        else this.#serve(ws, socket, answer, address)
      })
    })
  }

  /** A promise only where somebody has to be asked. */
  #authenticate({ request, address }: Arrival): Answer | Promise<Answer> {
    const { service } = this.#options
    try {
      const token = tokenOfUpgrade(request)
      if (token === undefined) return undefined
      return (
        service.authenticateNow(token, address) ??
        service.authenticate(token, address).catch(refusalOf)
      )
    } catch (error) {
      return refusalOf(error)
    }
  }

  #sendAway(ws: WebSocket, error: ProtocolError): void {
    // Nothing of it is of interest any more.
    ws.on('error', () => ws.terminate())
    const { codec } = this.#wireOf(ws)
    const metadata = { timestamp: new Date().toISOString() }
    ws.send(codec.encode({ type: 'error', payload: { ...error.toPayload() }, metadata }))
    ws.close(error.code, error.reason)
  }

  #wireOf(ws: WebSocket): Wire {
    return this.#wires.get(ws.protocol) ?? this.#wires.get(JSON_SUBPROTOCOL)!
  }

  /** Resolves when no connection is left. */
  idle(): Promise<void> {
    if (this.#open === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenIdle.push(resolve))
  }

  /** Ends by force what did not say goodbye. */
  close(): void {
    this.#heartbeat.close()
    this.#server.close()
  }

  #serve(ws: PeerSocket, socket: Duplex, actor: Actor | undefined, address: string): void {
    const { codec, encoding: plain, deflated } = this.#wireOf(ws)
    const encoding = ws.extensions === '' ? plain : deflated
    const connection = new WebSocketConnection(ws, socket, encoding, this.#gather, address)
    const session = this.#options.service.open(connection, actor)
    ws.peer = { session, codec, connection, heartbeat: this.#heartbeat, gone: this.#gone }
    this.#open += 1
    this.#heartbeat.watch(connection)
  }

  readonly #gone = (): void => {
    this.#open -= 1
    if (this.#open === 0) for (const resolve of this.#whenIdle.splice(0)) resolve()
  }
}

function wireOf(codec: Codec, minBytes: number): Wire {
  const deflate = deflater(minBytes)
  const messagesOf = (batch: Batch): readonly (string | Uint8Array)[] =>
    codec.subprotocol === JSON_SUBPROTOCOL
      ? batch.texts
      : batch.envelopes.map((envelope) => codec.encode(envelope))
  return {
    codec,
    encoding: { encode: (batch) => frames(messagesOf(batch)) },
    deflated: { encode: (batch) => frames(messagesOf(batch), deflate) },
  }
}

function refusalOf(error: unknown): ProtocolError {
  if (error instanceof ProtocolError && error.status === 401) return error
  throw error
}

function noHost(): ProtocolError {
  return new ProtocolError('bad_envelope', 'The handshake has no `Host` header.')
}

function tokenOfUpgrade(request: IncomingMessage): string | undefined {
  const offered = request.headers['sec-websocket-protocol']?.split(',') ?? []
  const bearer = offered.map((protocol) => protocol.trim()).find((p) => p.startsWith(BEARER))
  if (bearer !== undefined) return bearer.slice(BEARER.length)
  return tokenOf(request.headers.authorization, splitTarget(request.url ?? '').query)
}

/** What a peer that was refused has to take the answer and go. */
const LINGER_MS = 1_000

function refuse(socket: Duplex, error: ProtocolError, status = error.status): void {
  if (socket.destroyed) return
  const body = JSON.stringify(error.toPayload())
  const headers = {
    ...headersOf(error),
    'Content-Length': Buffer.byteLength(body),
    Connection: 'close',
  }
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  socket.on('error', () => socket.destroy())
  // What it still sends is of no interest, but its goodbye is.
  socket.resume()
}
