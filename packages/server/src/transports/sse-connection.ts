import type { ServerResponse } from 'node:http'
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
import type { SessionHandle } from '../core/ports/service.ts'
import { answerError, closeError, errorOf } from './http-errors.ts'
import { type StreamRequest, subscribeFrames } from './request.ts'
import type { Commented, Comments } from './sse-comments.ts'
import { chunkOf, contentOf, type SingleChannelEvents, sseEvent } from './sse-format.ts'
import type { StreamConnection } from './stream.ts'

export interface SseConnectionOptions {
  response: ServerResponse
  address: string
  asked: StreamRequest
  /** Shared by the readers of one channel alone. */
  events: SingleChannelEvents
  comments: Comments
  clock: Clock
}

const COMMENT = chunkOf(':\n\n')
const RETRY = chunkOf('retry: 1000\n\n')
/** What a connection that was told to end has to take what was sent. */
const GRACE_MS = 2_000
/** What may wait for the last channel to be accepted. With more, the response begins without it. */
const MAX_PENDING_BYTES = 1024 * 1024

/**
 * Nothing is written until every channel was accepted: a refused one is still an HTTP error then. Only where the
 * others bring much before the last is answered, its refusal becomes an `error` event.
 *
 *   opening ──► open ──► ended
 *      └───────────────────┘ refused, or closed before it was open
 */
export class SseConnection implements StreamConnection, Commented {
  readonly transport = 'sse'
  readonly duplex = false
  readonly address: string
  readonly #response: ServerResponse
  readonly #asked: StreamRequest
  readonly #comments: Comments
  readonly #clock: Clock
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

  constructor({ response, address, asked, events, comments, clock }: SseConnectionOptions) {
    const { channels, since } = asked
    this.#response = response
    this.address = address
    this.#asked = asked
    this.#comments = comments
    this.#clock = clock
    this.#single = channels.length === 1 ? events : undefined
    this.#positions = new Map(since)
    this.#resumed = new Set(since?.keys())
    this.#unanswered = new Set(channels)
    // A broken connection ends with `close`, which is where it is handled.
    response.on('error', () => {})
  }

  start(session: SessionHandle): void {
    this.#comments.add(this)
    for (const frame of subscribeFrames(this.#asked)) session.receive(frame)
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

  gone(): void {
    this.#comments.delete(this)
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
    const { texts } = batch
    for (const [i, publication] of batch.publications.entries()) {
      const { offset } = publication.metadata
      const id =
        batch.epoch === undefined || offset === undefined
          ? undefined
          : this.#advance(batch.channel, { epoch: batch.epoch, offset })
      events += sseEvent(publication.type, id, texts[i]!)
    }
    return chunkOf(events)
  }

  #frames(batch: Batch): Uint8Array {
    let events = ''
    const { texts } = batch
    for (const [i, envelope] of batch.envelopes.entries())
      events += this.#frame(envelope, texts[i]!)
    return chunkOf(events)
  }

  #frame(envelope: Envelope, data: string): string {
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

function joined(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)
}

function errorEvent(error: ProtocolError): string {
  const envelope = { type: 'error', payload: error.toPayload(), metadata: {} }
  return sseEvent('error', undefined, JSON.stringify(envelope))
}
