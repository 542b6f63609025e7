import type { IncomingMessage, ServerResponse } from 'node:http'
import {
  type Down,
  encodeCursor,
  type Envelope,
  type ErrorPayload,
  type Position,
  ProtocolError,
} from '@tidewire/protocol'
import { type Batch, ChannelBatch } from '../core/ports/batch.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Connection } from '../core/ports/connection.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Service } from '../core/ports/service.ts'
import type { Turnstile } from './turnstile.ts'
import { tokenOf } from './bearer.ts'
import type { Visitor } from './door.ts'
import { answerError, closeError, errorOf, toProtocolError } from './http-errors.ts'
import type { JsonTexts } from './json-texts.ts'
import { splitTarget, streamRequest, subscribeFrames, type StreamRequest } from './request.ts'
import { chunkOf, contentOf, SingleChannelEvents, sseEvent } from './sse-format.ts'

export interface SseOptions {
  service: Service
  turnstile: Turnstile
  observer: Observer
  clock: Clock
  texts: JsonTexts
}

/** Silence would let proxies end the response, and a peer that is gone unnoticed. */
const COMMENT_MS = 15_000
const COMMENT = chunkOf(':\n\n')
const RETRY = chunkOf('retry: 1000\n\n')
/** What a connection that was told to end has to take what was sent. */
const GRACE_MS = 2_000
/** What may wait for the last channel to be accepted. With more, the response begins without it. */
const MAX_PENDING_BYTES = 1024 * 1024
const GOING_AWAY = 1001

/** `GET /v1/sse`: Server-Sent Events. */
export class SseTransport {
  readonly #options: SseOptions
  readonly #events: SingleChannelEvents
  readonly #comments: Comments

  constructor(options: SseOptions) {
    this.#options = options
    this.#events = new SingleChannelEvents(options.texts)
    this.#comments = new Comments(options.clock)
  }

  close(): void {
    this.#comments.close()
  }

  /** Answers the request, which is a GET. Never rejects. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    { address }: Visitor,
  ): Promise<void> {
    const { service, turnstile, observer } = this.#options
    try {
      service.admit(address, 'connection')
      const { query } = splitTarget(request.url ?? '')
      const lastEventId = request.headers['last-event-id']
      const asked = streamRequest(query, Array.isArray(lastEventId) ? undefined : lastEventId)
      if (asked.channels.length === 0) throw noChannel()
      const token = tokenOf(request.headers.authorization, query)
      if (!(await turnstile.enter(response))) return
      const actor = await service.authenticate(token, address)
      if (!(await turnstile.goOn(response))) return
      const connection = new SseConnection(response, address, asked, this.#options, this.#events)
      const session = service.open(connection, actor)
      this.#comments.add(connection)
      response.on('close', () => {
        this.#comments.delete(connection)
        connection.gone()
        session.closed(GOING_AWAY)
      })
      for (const frame of subscribeFrames(asked)) session.receive(frame)
    } catch (error) {
      answerError(response, toProtocolError(error, observer, 'sse'))
    }
  }
}

/**
 * Nothing is written until every channel was accepted: a refused one is still an HTTP error then. Only where the
 * others bring much before the last is answered, its refusal becomes an `error` event.
 *
 *   opening ──► open ──► ended
 *      └───────────────────┘ refused, or closed before it was open
 */
class SseConnection implements Connection {
  readonly transport = 'sse'
  readonly duplex = false
  readonly address: string
  readonly #response: ServerResponse
  readonly #clock: Clock
  readonly #texts: JsonTexts
  readonly #single: SingleChannelEvents | undefined
  readonly #resumed: ReadonlySet<string>
  readonly #positions: Map<string, Position>
  /** Channels whose `subscribed` has not come. */
  readonly #unanswered: Set<string>
  #state: 'opening' | 'open' | 'ended' = 'opening'
  #pending: Uint8Array[] = [RETRY]
  #pendingBytes = 0
  #cancelGrace: (() => void) | undefined
  /** The code of the error that was sent last. */
  #told: number | undefined

  constructor(
    response: ServerResponse,
    address: string,
    { channels, since }: StreamRequest,
    { clock, texts }: SseOptions,
    events: SingleChannelEvents,
  ) {
    this.#response = response
    this.address = address
    this.#clock = clock
    this.#texts = texts
    this.#single = channels.length === 1 ? events : undefined
    this.#positions = new Map(since)
    this.#resumed = new Set(since?.keys())
    this.#unanswered = new Set(channels)
    // A broken connection ends with `close`, which is where it is handled.
    response.on('error', () => {})
  }

  send(batches: readonly Batch[]): void {
    const chunks: Uint8Array[] = []
    for (const batch of batches) {
      chunks.push(batch instanceof ChannelBatch ? this.#deliveries(batch) : this.#frames(batch))
      // A frame may have refused the whole request.
      if (this.#state === 'ended') return
    }
    if (this.#state === 'opening') this.#gather(chunks)
    else this.#write(chunks)
  }

  buffered(): number {
    // What waits for the response to begin is not the peer's delay.
    return this.#response.writableLength
  }

  onDrain(fn: () => void): void {
    const stream = this.#response.socket ?? this.#response
    if (stream.writableNeedDrain) stream.once('drain', fn)
    else setImmediate(fn)
  }

  // Nothing is read from a client after its request.
  pause(): void {}
  resume(): void {}

  close(code: number): void {
    if (this.#state === 'ended') return
    const error = closeError(code)
    if (this.#state === 'opening') {
      this.#refuse(error ?? new ProtocolError('unavailable', 'The server ended the connection.'))
      return
    }
    this.#state = 'ended'
    if (error !== undefined && error.code !== this.#told && code >= 4000) {
      this.#response.write(errorEvent(error))
    }
    this.#response.end()
    this.#cancelGrace = this.#clock.after(GRACE_MS, () => this.#response.destroy())
  }

  /** The response was closed, by whomever. */
  gone(): void {
    this.#state = 'ended'
    this.#cancelGrace?.()
  }

  /** A sign of life, unless what waits to be taken is one already. */
  comment(): void {
    if (this.#state === 'open' && this.#response.writableLength === 0) this.#write([COMMENT])
  }

  #gather(chunks: readonly Uint8Array[]): void {
    for (const chunk of chunks) {
      this.#pending.push(chunk)
      this.#pendingBytes += chunk.byteLength
    }
    if (this.#unanswered.size > 0 && this.#pendingBytes < MAX_PENDING_BYTES) return
    this.#state = 'open'
    this.#response.writeHead(200, {
      'Content-Type': 'text/event-stream; charset=utf-8',
      'Cache-Control': 'no-cache, no-transform',
      'X-Accel-Buffering': 'no',
      Connection: 'keep-alive',
    })
    // Together with the headers.
    this.#response.write(joined(this.#pending.map(contentOf)))
    this.#pending = []
  }

  #write(chunks: readonly Uint8Array[]): void {
    const { socket, chunkedEncoding } = this.#response
    if (socket !== null && chunkedEncoding) socket.write(joined(chunks))
    // Before its turn on the connection a response has no socket, and a peer of HTTP/1.0 knows no chunks.
    else this.#response.write(joined(chunks.map(contentOf)))
  }

  #deliveries(batch: ChannelBatch): Uint8Array {
    if (this.#single !== undefined) return this.#single.chunk(batch)
    let events = ''
    for (const publication of batch.publications) {
      const { offset } = publication.metadata
      const id =
        batch.epoch === undefined || offset === undefined
          ? undefined
          : this.#advance(batch.channel, { epoch: batch.epoch, offset })
      events += sseEvent(publication.type, id, this.#texts.of(publication))
    }
    return chunkOf(events)
  }

  #frames(batch: Batch): Uint8Array {
    let events = ''
    for (const envelope of batch.envelopes) events += this.#frame(envelope)
    return chunkOf(events)
  }

  #frame(envelope: Envelope): string {
    const data = this.#texts.of(envelope)
    switch (envelope.type) {
      case 'subscribed':
        return this.#subscribed(envelope, envelope.payload as Down['subscribed'], data)
      case 'reset': {
        const { channel, epoch, offset } = envelope.payload as Down['reset']
        return sseEvent('reset', this.#advance(channel, { epoch, offset }), data)
      }
      case 'error':
        return this.#error(envelope.payload as unknown as ErrorPayload, data)
      case 'server_shutdown': {
        // EventSource comes back by itself: after its share of the spread, not at once.
        const { reconnect_in_ms } = envelope.payload as Down['server_shutdown']
        return `retry: ${reconnect_in_ms}\n${sseEvent(envelope.type, undefined, data)}`
      }
      default:
        return sseEvent(envelope.type, undefined, data)
    }
  }

  #subscribed(envelope: Envelope, payload: Down['subscribed'], data: string): string {
    const { channel, epoch, offset, reason } = payload
    this.#unanswered.delete(channel)
    if (epoch === undefined) this.#positions.delete(channel)
    const id = epoch === undefined ? undefined : this.#advance(channel, { epoch, offset })
    const event = sseEvent('subscribed', id, data)
    if (reason === undefined || !this.#resumed.has(channel)) return event
    // A hole is a `reset` event, also when it is found on return: who reads no `subscribed` must see it too.
    const reset = { channel, epoch, offset, reason }
    const { metadata } = envelope
    return (
      event + sseEvent('reset', id, JSON.stringify({ type: 'reset', payload: reset, metadata }))
    )
  }

  #error(payload: ErrorPayload, data: string): string {
    this.#told = payload.code
    if (this.#state === 'opening') this.#refuse(errorOf(payload))
    return sseEvent('error', undefined, data)
  }

  /** The position of a channel moved: the cursor of all of them. */
  #advance(channel: string, position: Position): string {
    this.#positions.set(channel, position)
    return encodeCursor(this.#positions)
  }

  #refuse(error: ProtocolError): void {
    this.#state = 'ended'
    this.#pending = []
    answerError(this.#response, error)
  }
}

/** One timer for the comments of all connections; none while there is no connection. */
class Comments {
  readonly #clock: Clock
  readonly #connections = new Set<SseConnection>()
  #cancel: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  add(connection: SseConnection): void {
    this.#connections.add(connection)
    this.#cancel ??= this.#clock.after(COMMENT_MS, this.#tick)
  }

  delete(connection: SseConnection): void {
    this.#connections.delete(connection)
    if (this.#connections.size > 0) return
    this.#cancel?.()
    this.#cancel = undefined
  }

  close(): void {
    this.#cancel?.()
    this.#connections.clear()
  }

  readonly #tick = (): void => {
    this.#cancel = this.#clock.after(COMMENT_MS, this.#tick)
    for (const connection of this.#connections) connection.comment()
  }
}

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function errorEvent(error: ProtocolError): string {
  const envelope = { type: 'error', payload: error.toPayload(), metadata: {} }
  return sseEvent('error', undefined, JSON.stringify(envelope))
}

function noChannel(): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    '`channel` is missing. Name at least one, such as `?channel=chat:general`.',
  )
}
