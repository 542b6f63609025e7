import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Down, type Envelope, type ErrorPayload, ProtocolError } from '@tidewire/protocol'
import { type Batch, ChannelBatch } from '../core/ports/batch.ts'
import type { Actor } from '../core/ports/actor.ts'
import type { SessionHandle } from '../core/ports/service.ts'
import { everyAnswer, setHeaders } from './cors.ts'
import type { Visitor } from './door.ts'
import { answerError, closeError, errorOf, toProtocolError } from './http-errors.ts'
import { type PollAnswer, PollPage, SharedPages } from './poll-page.ts'
import {
  splitTarget,
  type StreamRequest,
  streamRequest,
  subscribeFrames,
  wholeNumber,
} from './request.ts'
import { openStream, type StreamConnection, type StreamOptions } from './stream.ts'

/** What a request target says. */
interface PollRequest {
  target: string
  query: URLSearchParams
  asked: StreamRequest
  waitMs: number
}

interface PollConnectionOptions {
  response: ServerResponse
  /** Its first headers, names and values in turn. */
  head: readonly string[]
  address: string
  shared: SharedPages
  asked: StreamRequest
  waitMs: number
  actor: Actor
}

const DEFAULT_WAIT_MS = 25_000
const MAX_WAIT_MS = 60_000
/** What a poll whose wait is over gives the log to answer. */
const LATE_MS = 5_000
const NORMAL_CLOSURE = 1000

/**
 * `GET /v1/poll`: long and short polling. Each poll is a session of its own, as long as its answer waits. One of no
 * channels tells whether the server is there and the token counts.
 */
export class PollTransport {
  readonly #options: StreamOptions
  readonly #shared = new SharedPages()
  /** Who waits for the same publications with a token in the header asks with the same words. Kept in memory alone, as verified tokens are. */
  #last: PollRequest | undefined

  constructor(options: StreamOptions) {
    this.#options = options
  }

  /** Answers the request, which is a GET. Sets all headers itself. Never rejects. */
  handle(
    request: IncomingMessage,
    response: ServerResponse,
    { address, origin }: Visitor,
  ): Promise<void> {
    const head = everyAnswer(origin)
    const shared = this.#shared
    return openStream(this.#options, {
      request,
      response,
      address,
      transport: 'poll',
      closeCode: NORMAL_CLOSURE,
      prepare: (target) => {
        const { query, asked, waitMs } = this.#read(target)
        const connect = (actor: Actor): PollConnection =>
          new PollConnection(
            { response, head, address, shared, asked, waitMs, actor },
            this.#options,
          )
        return { query, connect }
      },
      refuse: (error) => refuse(response, head, error),
    })
  }

  /** Throws `bad_envelope`. */
  #read(target: string): PollRequest {
    if (this.#last?.target === target) return this.#last
    const { query } = splitTarget(target)
    const asked = streamRequest(query)
    const waitMs = Math.min(wholeNumber(query, 'wait') ?? DEFAULT_WAIT_MS, MAX_WAIT_MS)
    return (this.#last = { target, query, asked, waitMs })
  }
}

/**
 * Gathers what a session sends until there is an answer: the first deliveries with everything of their turn, or the
 * end of the wait. No answer comes before every channel was accepted, so that the cursor has all their positions.
 */
class PollConnection implements StreamConnection {
  readonly transport = 'poll'
  readonly duplex = false
  readonly address: string
  readonly #response: ServerResponse
  readonly #head: readonly string[]
  readonly #asked: StreamRequest
  readonly #options: StreamOptions
  readonly #actor: Actor
  readonly #page: PollPage
  /** Channels whose `subscribed` has not come. */
  readonly #unanswered: Set<string>
  readonly #waitMs: number
  #state: 'waiting' | 'due' | 'answered' = 'waiting'
  #retryAfterMs: number | undefined
  #cancelWait: (() => void) | undefined

  constructor(
    { response, head, address, shared, asked, waitMs, actor }: PollConnectionOptions,
    options: StreamOptions,
  ) {
    this.#response = response
    this.#head = head
    this.address = address
    this.#asked = asked
    this.#options = options
    this.#actor = actor
    this.#waitMs = waitMs
    this.#page = new PollPage(asked.since, asked.channels.length === 1 ? shared : undefined)
    this.#unanswered = new Set(asked.channels)
    // A broken connection ends with `close`, which is where it is handled.
    response.on('error', () => {})
  }

  start(session: SessionHandle): void {
    this.#cancelWait = this.#options.clock.after(this.#waitMs, () => this.#due())
    for (const frame of subscribeFrames(this.#asked)) session.receive(frame)
  }

  send(batches: readonly Batch[]): void {
    for (const batch of batches) {
      if (this.#state === 'answered') return
      if (batch instanceof ChannelBatch) this.#page.add(batch)
      else for (const envelope of batch.envelopes) this.#frame(envelope)
    }
    if (this.#unanswered.size > 0 || this.#state === 'answered') return
    if (!this.#page.empty || this.#wantsCursor) this.#answer()
    else if (this.#state === 'due') this.#answerUnlessReading()
  }

  // The answer is one page, and what does not fit is not kept: nothing waits for the peer.
  buffered(): number {
    return 0
  }

  onDrain(fn: () => void): void {
    setImmediate(fn)
  }

  // Nothing is read from a client after its request.
  pause(): void {}
  resume(): void {}

  close(code: number): void {
    if (this.#state === 'answered') return
    if (this.#unanswered.size === 0 && !this.#page.empty) return this.#answer()
    this.#refuse(
      closeError(code, this.#retryAfterMs) ??
        new ProtocolError('unavailable', 'The server ended the poll. Poll again.'),
    )
  }

  gone(): void {
    this.#state = 'answered'
    this.#cancelWait?.()
  }

  /** Neither a cursor nor `last`: the client asks for the cursor of now. */
  get #wantsCursor(): boolean {
    return this.#asked.since === undefined && this.#asked.last === undefined
  }

  #frame(envelope: Envelope): void {
    switch (envelope.type) {
      case 'subscribed': {
        const payload = envelope.payload as Down['subscribed']
        this.#unanswered.delete(payload.channel)
        this.#page.subscribed(payload)
        return
      }
      case 'reset':
        return this.#page.reset(envelope.payload as Down['reset'])
      case 'error':
        // With something to tell the poll ends well: the next one meets the error again, if it stays.
        if (this.#unanswered.size > 0 || this.#page.empty) {
          this.#refuse(errorOf(envelope.payload as unknown as ErrorPayload))
        }
        return
      case 'server_shutdown':
        this.#retryAfterMs = (envelope.payload as Down['server_shutdown']).reconnect_in_ms
    }
  }

  #due(): void {
    if (this.#state !== 'waiting') return
    this.#state = 'due'
    this.#cancelWait = this.#options.clock.after(LATE_MS, () => {
      this.#refuse(new ProtocolError('unavailable', 'The log did not answer in time. Poll again.'))
    })
    if (this.#unanswered.size === 0) this.#answerUnlessReading()
  }

  /** The wait is over and there is nothing to tell, unless what `last` asked for is still being read. */
  #answerUnlessReading(): void {
    const channels = this.#asked.last ? this.#asked.channels : []
    const reads = channels.map((channel) => this.#hasMore(channel))
    Promise.all(reads).then(
      (more) => {
        // With more, its delivery is the answer.
        if (this.#state === 'due' && !more.includes(true)) this.#answer()
      },
      (error: unknown) => {
        this.#refuse(toProtocolError(error, this.#options.observer, 'poll'))
      },
    )
  }

  async #hasMore(channel: string): Promise<boolean> {
    const position = this.#page.position(channel)
    if (position === undefined || this.#asked.since?.has(channel) === true) return false
    const { service } = this.#options
    const { newest } = await service.history(this.#actor, channel, { limit: 1 })
    return newest > position.offset
  }

  #answer(): void {
    if (!this.#page.empty || this.#wantsCursor) return this.#respond(this.#page.answer())
    this.#state = 'answered'
    this.#response.writeHead(204, [...this.#head, ...UNCACHED, CURSOR, this.#page.cursor])
    this.#response.end()
  }

  #respond({ cursor, body, length }: PollAnswer): void {
    this.#state = 'answered'
    // As one list: headers that are set one by one are looked at twice.
    const headers = [...this.#head, ...UNCACHED, CURSOR, cursor, ...JSON_OF_LENGTH, String(length)]
    this.#response.writeHead(200, headers)
    this.#response.end(body)
  }

  #refuse(error: ProtocolError): void {
    if (this.#state === 'answered') return
    this.#state = 'answered'
    refuse(this.#response, this.#head, error)
  }
}

const UNCACHED = ['Cache-Control', 'no-store']
const CURSOR = 'Tidewire-Cursor'
const JSON_OF_LENGTH = ['Content-Type', 'application/json', 'Content-Length']

function refuse(response: ServerResponse, head: readonly string[], error: ProtocolError): void {
  if (!response.headersSent) setHeaders(response, head)
  answerError(response, error)
}
