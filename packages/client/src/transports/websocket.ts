import { type Envelope, type JsonObject, JSON_SUBPROTOCOL, reasonOf } from '@tidewire/protocol'
import { errorEnvelope, errorFromPayload, TidewireError } from '../errors.ts'
import type { DisconnectReason, WebSocketConstructor } from '../types.ts'
import { Heartbeat } from './heartbeat.ts'
import { readEnvelope } from './read-envelope.ts'
import type { OpenTransport, Transport, TransportOptions } from './transport.ts'

/** The part of the WebSocket API that is used; `ws` and browsers agree on it. */
interface Socket {
  readonly readyState: number
  addEventListener(type: 'message', listener: (event: { data: unknown }) => void): void
  addEventListener(type: 'close', listener: (event: { code: number; reason: string }) => void): void
  addEventListener(type: 'error', listener: () => void): void
  send(data: string): void
  close(code?: number, reason?: string): void
}

const OPEN = 1
const PONG_GRACE_MS = 10_000
const DEFAULT_HEARTBEAT_MS = 25_000
/** What a subprotocol may consist of (RFC 6455 §4.1, RFC 9110 `token`); a JWT does. */
const SUBPROTOCOL_SAFE = /^[\w!#$%&'*+.^`|~-]+$/

/**
 * How the token travels. A browser is not told why a handshake failed, so after one that did the token goes into the
 * first frame, where its refusal can be read; and so does a token that no subprotocol can hold.
 */
interface Handshakes {
  failed: boolean
}

export function websocketTransport(WebSocket: WebSocketConstructor): OpenTransport {
  const handshakes = { failed: false }
  return (options) => new WebSocketTransport(WebSocket, options, handshakes)
}

class WebSocketTransport implements Transport {
  readonly #options: TransportOptions
  readonly #handshakes: Handshakes
  readonly #socket: Socket
  #heartbeat: Heartbeat | undefined
  #greeted = false
  /** Of one frame, as the server told. */
  #maxBytes = Infinity
  /** `connection_established` of a server that is still to be told the token by a frame. */
  #unauthenticated: Envelope | undefined
  /** What the server reported last: it says more than the close code that follows. */
  #told: TidewireError | undefined
  #ended = false

  constructor(WebSocket: WebSocketConstructor, options: TransportOptions, handshakes: Handshakes) {
    this.#options = options
    this.#handshakes = handshakes
    const { url, token } = options
    const protocols = [JSON_SUBPROTOCOL]
    if (token !== undefined && !handshakes.failed && SUBPROTOCOL_SAFE.test(token)) {
      protocols.push(`bearer.${token}`)
    }
    const address = `${url.replace(/^http/, 'ws')}/v1/ws`
    // The one assertion: the handlers' types differ between `ws` and the DOM, their behaviour does not.
    const socket = new WebSocket(address, protocols) as unknown as Socket
    socket.addEventListener('message', ({ data }) => this.#receive(data))
    socket.addEventListener('close', ({ code, reason }) => this.#closed(code, reason))
    // An `error` without a listener would end a Node process; `close` follows and tells the same.
    socket.addEventListener('error', () => undefined)
    this.#socket = socket
  }

  send(envelope: Envelope): void {
    if (this.#socket.readyState !== OPEN) return
    const text = JSON.stringify(envelope)
    const max = this.#maxBytes
    // One UTF-16 unit is three bytes at most.
    if (text.length * 3 <= max || new TextEncoder().encode(text).length <= max) {
      return this.#socket.send(text)
    }
    // The server would end the connection for it.
    const message = `The message is larger than ${max} bytes. Send less at once.`
    const error = new TidewireError('message_too_large', message)
    const answer = errorEnvelope(error, envelope.metadata.message_id)
    queueMicrotask(() => this.#options.on.envelope(answer))
  }

  refresh(token: string): void {
    this.send({ type: 'refresh', payload: { token }, metadata: {} })
  }

  probe(): void {
    this.#heartbeat?.probe()
  }

  close(): void {
    if (this.#ended) return
    this.#end()
    this.#socket.close(1000)
  }

  #end(): void {
    this.#ended = true
    this.#heartbeat?.stop()
  }

  #lost(reason: DisconnectReason, error?: TidewireError): void {
    if (this.#ended) return
    this.#end()
    this.#options.on.lost(reason, error)
  }

  #receive(data: unknown): void {
    if (this.#ended) return
    this.#heartbeat?.heard()
    let envelope: Envelope
    try {
      envelope = readEnvelope(data)
    } catch (error) {
      this.#lost('bad_envelope', error as TidewireError)
      this.#socket.close(1000)
      return
    }
    if (envelope.type === 'pong') return
    if (envelope.type === 'error') this.#told = errorFromPayload(envelope.payload)
    if (envelope.type === 'connection_established') this.#established(envelope)
    else if (this.#unauthenticated !== undefined && envelope.type === 'auth_response') {
      const { payload, metadata } = this.#unauthenticated
      const user = envelope.payload.user ?? null
      this.#unauthenticated = undefined
      this.#options.on.envelope({
        type: 'connection_established',
        payload: { ...payload, user },
        metadata,
      })
      this.#options.on.envelope(envelope)
    } else this.#options.on.envelope(envelope)
  }

  #established(envelope: Envelope): void {
    const { heartbeat_ms: told, authenticated, limits } = envelope.payload
    const { max_frame_bytes: max } = (limits ?? {}) as JsonObject
    if (typeof max === 'number') this.#maxBytes = max
    this.#greeted = true
    this.#handshakes.failed = false
    this.#heartbeat = new Heartbeat({
      idleMs: typeof told === 'number' && told > 0 ? told : DEFAULT_HEARTBEAT_MS,
      graceMs: PONG_GRACE_MS,
      onIdle: () => this.send({ type: 'ping', payload: {}, metadata: {} }),
      onDead: () => {
        this.#lost('heartbeat_timeout')
        this.#socket.close(1000)
      },
    })
    const { token } = this.#options
    if (authenticated === false && token !== undefined) {
      this.#unauthenticated = envelope
      this.send({ type: 'auth', payload: { token }, metadata: {} })
    } else this.#options.on.envelope(envelope)
  }

  #closed(code: number, reason: string): void {
    const known = reasonOf(code)
    if (known !== undefined) {
      const told = this.#told?.code === code ? this.#told : undefined
      this.#lost(
        known,
        told ?? new TidewireError(known, `The server closed the connection: ${reason || known}.`),
      )
    } else if (code === 1012) this.#lost('server_shutdown')
    else if (code === 1009) this.#lost('message_too_large')
    else {
      if (!this.#greeted) this.#handshakes.failed = true
      this.#lost('network')
    }
  }
}
