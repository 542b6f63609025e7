import {
  type Envelope,
  isChannelName,
  type Json,
  type JsonObject,
  type Publication,
} from '@tidewire/protocol'
import { type Backoff, backoffOf } from './backoff.ts'
import { type CallHandler, Calls } from './calls.ts'
import { Channel, type ChannelHost, type PayloadLimits } from './channel.ts'
import { Connection } from './connection.ts'
import { Emitter, reportUnheard } from './emitter.ts'
import { errorFromPayload, TidewireError } from './errors.ts'
import { newMessageId } from './message-id.ts'
import { PublishQueue } from './publish-queue.ts'
import { Requests } from './requests.ts'
import { TokenSource } from './token-source.ts'
import { websocketTransport } from './transports/websocket.ts'
import type {
  AnyEvents,
  ConnectionState,
  EventsOf,
  HttpAccess,
  ListenerOptions,
  Reset,
  StateChange,
  Subscribed,
  TidewireOptions,
  TransportName,
} from './types.ts'
import { baseUrl } from './url.ts'
import type { WaitOptions } from './wait.ts'

const DEFAULT_TRANSPORTS: readonly TransportName[] = ['websocket', 'sse', 'poll']
const DEFAULT_MAX_QUEUE = 1000

interface ClientEvents {
  state: StateChange
  waiting: number
  error: TidewireError
  frame: Envelope
}

/**
 * A client of one server. `Events` maps channel patterns to their events:
 * `new Tidewire<{ 'chat:*': { message: { content: string } } }>()`.
 */
export class Tidewire<Events = AnyEvents> {
  /** @internal For the parts of this package that speak HTTP by themselves. */
  readonly http: HttpAccess
  readonly #emitters: { [Name in keyof ClientEvents]: Emitter<ClientEvents[Name]> }
  readonly #connection: Connection
  readonly #channels = new Map<string, Channel<never>>()
  readonly #queue: PublishQueue
  readonly #requests: Requests
  readonly #calls: Calls
  readonly #host: ChannelHost
  readonly #usable: () => void
  /** The defaults, until a server tells its own. */
  #limits: PayloadLimits = { max_depth: 64, max_keys: 1000 }
  /** `message_id` of the `subscribe` frames of this connection that have no answer yet. */
  readonly #asks = new Map<string, { channel: string; ask: number }>()

  constructor(options: TidewireOptions = {}) {
    const report = (error: TidewireError): void => this.#report(error)
    this.#emitters = {
      state: new Emitter<StateChange>(report),
      waiting: new Emitter<number>(report),
      // A listener of errors that throws has nobody else to tell.
      error: new Emitter<TidewireError>(reportUnheard),
      frame: new Emitter<Envelope>(report),
    }
    const backoff = backoffOf(options.backoff)
    const send = (envelope: Envelope): void => this.#connection.send(envelope)
    const tokens = new TokenSource(options)
    const fetch = options.fetch ?? ((input, init) => globalThis.fetch(input, init))
    this.http = { url: baseUrl(options.url), fetch, tokens }
    this.#connection = this.#makeConnection(options, backoff)
    this.#queue = new PublishQueue({
      max: options.maxQueue ?? DEFAULT_MAX_QUEUE,
      backoff,
      send,
      onCount: (count) => this.#emitters.waiting.emit(count),
    })
    this.#requests = new Requests(send, backoff)
    this.#calls = new Calls(send)
    this.#host = this.#makeHost(backoff, send, report)
    this.#usable = () => requireTransports(options)
    if (options.connect ?? true) this.connect()
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  /** Publications without an answer: queued or in flight. */
  get waiting(): number {
    return this.#queue.size
  }

  /**
   * Returns what removes the listener. `error`: errors that answer no call of the app, and those of listeners. `frame`:
   * what the server says that answers nothing and is no publication of a channel, such as `presence_update`.
   */
  on(event: 'state', fn: (change: StateChange) => void, options?: ListenerOptions): () => void
  on(event: 'waiting', fn: (count: number) => void, options?: ListenerOptions): () => void
  on(event: 'error', fn: (error: TidewireError) => void, options?: ListenerOptions): () => void
  on(event: 'frame', fn: (frame: Envelope) => void, options?: ListenerOptions): () => void
  on(event: keyof ClientEvents, fn: (value: never) => void, options?: ListenerOptions): () => void {
    return (this.#emitters[event] as Emitter<unknown>).on(fn as (value: unknown) => void, options)
  }

  /**
   * Connects; while reconnecting, tries again now. Throws `unsupported` when this platform has no WebSocket (or no
   * fetch) and none was passed.
   */
  connect(): void {
    this.#usable()
    this.#connection.connect()
  }

  /** The same object for the same name. Throws `invalid_argument` for what cannot be a channel name. */
  channel<Name extends string>(name: Name): Channel<EventsOf<Events, Name>> {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      if (!isChannelName(name)) {
        const message = `${JSON.stringify(name)} is not a channel name such as chat:general.`
        throw new TidewireError('invalid_argument', message)
      }
      channel = new Channel<never>(name, this.#host, this.state.name === 'connected')
      this.#channels.set(name, channel)
    }
    return channel as unknown as Channel<EventsOf<Events, Name>>
  }

  /**
   * Sends a command, such as `presence_get`, and resolves with the payload of its answer. It waits for the connection and
   * is sent again after one is lost, so only for what may arrive twice. Rejects with what the server refused it for; with
   * `timeout` after `timeout` milliseconds (30,000); over SSE and long polling, which carry no commands, with
   * `unavailable`, which is temporary.
   */
  async request(
    type: string,
    payload: JsonObject = {},
    wait: WaitOptions = {},
  ): Promise<JsonObject> {
    this.#requireLife()
    return this.#requests.request(type, payload, wait)
  }

  /** Answers `POST /v1/users/{user}/call`. Only over WebSocket. Returns what removes the handler. */
  handle(method: string, fn: CallHandler): () => void {
    return this.#calls.handle(method, fn)
  }

  /** Ends the connection for good. What waits rejects with `closed`; `connect()` starts anew. */
  close(): Promise<void> {
    this.#connection.close()
    return Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #makeConnection(options: TidewireOptions, backoff: Backoff): Connection {
    const { fetch, tokens, url } = this.http
    const websocket = websocketTransport(options.WebSocket ?? globalThis.WebSocket)
    return new Connection({
      config: {
        backoff,
        transports: options.transports ?? DEFAULT_TRANSPORTS,
        renewable: tokens.renewable,
      },
      url,
      tokens,
      transports: {
        websocket: () => Promise.resolve(websocket),
        // Most pages never need them: their code is loaded when WebSocket does not get through.
        sse: () => import('./transports/sse.ts').then(({ sseTransport }) => sseTransport(fetch)),
        poll: () =>
          import('./transports/poll.ts').then(({ pollTransport }) => pollTransport(fetch)),
      },
      on: {
        state: (change) => this.#stateChanged(change),
        envelope: (envelope) => this.#receive(envelope),
        error: (error) => this.#report(error),
      },
    })
  }

  #makeHost(
    backoff: Backoff,
    send: ChannelHost['send'],
    report: ChannelHost['report'],
  ): ChannelHost {
    return {
      backoff,
      send,
      report,
      limits: () => this.#limits,
      ended: () => this.#ended(),
      ask: (channel, ask, payload) => {
        const message_id = newMessageId()
        this.#asks.set(message_id, { channel, ask })
        send({ type: 'subscribe', payload, metadata: { message_id } })
      },
      unanswered: () => this.#connection.restart('timeout'),
      publish: async (envelope, wait) => {
        this.#requireLife()
        return this.#queue.publish(envelope, wait)
      },
      request: (...request) => this.request(...request),
    }
  }

  #requireLife(): void {
    const ended = this.#ended()
    if (ended !== undefined) throw ended
  }

  /** Why nothing can wait for a connection. Before the first `connect()` it can. */
  #ended(): TidewireError | undefined {
    const { state } = this
    if (state.name === 'failed') return state.error
    if (state.name !== 'disconnected' || state.reason !== 'closed') return undefined
    return new TidewireError('closed', 'The client is closed. Call connect() first.')
  }

  #stateChanged({ from, to }: StateChange): void {
    if (from.name === 'connected') {
      this.#asks.clear()
      this.#queue.offline('reason' in to && to.reason === 'message_too_large')
      for (const channel of this.#channels.values()) channel.tell({ type: 'offline' })
    }
    if (to.name === 'connected') {
      for (const channel of this.#channels.values()) channel.tell({ type: 'online' })
      this.#requests.online()
      this.#queue.online()
    }
    const ended = this.#ended()
    if (ended !== undefined) {
      this.#queue.fail(ended)
      this.#requests.fail(ended)
      for (const channel of this.#channels.values()) channel.fail(ended)
    }
    this.#emitters.state.emit({ from, to })
  }

  #receive(envelope: Envelope): void {
    const { type, payload, metadata } = envelope
    // No message has an empty id.
    const { correlation_id: id = '' } = metadata
    if (type !== 'error' && this.#requests.answered(id, payload)) return
    switch (type) {
      case 'connection_established':
        return this.#limited(payload['limits'])
      case 'ack':
        this.#queue.acked(id, payload)
        return
      case 'error':
        return this.#refused(id, errorFromPayload(payload))
      case 'call':
        void this.#calls.answer(envelope)
        return
      case 'subscribed':
        return this.#subscribed(id, payload)
      case 'unsubscribed':
        return this.#tell(payload['channel'], {
          type: 'unsubscribed',
          error: errorFromPayload(payload['error']),
        })
      case 'reset':
        return this.#reset(payload)
      default:
        // An event of a channel; what belongs to the connection names none.
        if (metadata.channel !== undefined) {
          this.#tell(metadata.channel, {
            type: 'publication',
            publication: envelope as Publication,
          })
        } else this.#emitters.frame.emit(envelope)
    }
  }

  /** Over HTTP it is not told: publications of a channel go one after the other there. */
  #limited(limits: Json = {}): void {
    this.#limits = { ...this.#limits, ...(limits as object) }
    const { publishes_burst: burst = Infinity, publishes_per_second: rate = 0 } = limits as Record<
      string,
      number
    >
    this.#queue.pace(burst, rate)
  }

  /** A position that cannot be read would break the stream for good: a new connection begins again from the old one. */
  #unreadable(type: string): void {
    this.#report(new TidewireError('bad_envelope', `The server sent a ${type} without a position.`))
    this.#connection.restart('bad_envelope')
  }

  #tell(name: unknown, event: Parameters<Channel['tell']>[0]): void {
    this.#channels.get(String(name))?.tell(event)
  }

  #subscribed(id: string, payload: JsonObject): void {
    const asked = this.#asks.get(id)
    if (asked === undefined) return
    this.#asks.delete(id)
    if (!isStart(payload)) return this.#unreadable('subscribed')
    const { channel: _, ...answer } = payload
    this.#tell(asked.channel, {
      type: 'subscribed',
      ask: asked.ask,
      answer: answer as unknown as Subscribed,
    })
  }

  #reset(payload: JsonObject): void {
    const { channel } = payload
    if (typeof channel !== 'string' || !this.#channels.has(channel)) return
    if (!isPosition(payload)) return this.#unreadable('reset')
    this.#tell(channel, { type: 'reset', reset: resetOf(payload) })
  }

  #refused(id: string, error: TidewireError): void {
    const asked = this.#asks.get(id)
    if (asked !== undefined) {
      this.#asks.delete(id)
      return this.#tell(asked.channel, { type: 'refused', ask: asked.ask, error })
    }
    if (!this.#queue.refused(id, error) && !this.#requests.refused(id, error)) this.#report(error)
  }

  #report(error: TidewireError): void {
    if (this.#emitters.error.size === 0) reportUnheard(error)
    else this.#emitters.error.emit(error)
  }
}

function isPosition({ epoch, offset }: JsonObject): boolean {
  return typeof epoch === 'string' && isOffset(offset)
}

/** Where a stream starts: a position, or 0 in a channel without a log, which recovers nothing. */
function isStart(payload: JsonObject): boolean {
  if (payload['epoch'] !== undefined) return isPosition(payload)
  return isOffset(payload['offset']) && payload['recovered'] !== true
}

function isOffset(offset: unknown): boolean {
  return Number.isSafeInteger(offset) && (offset as number) >= 0
}

function resetOf({ epoch, offset, reason }: JsonObject): Reset {
  return { epoch, offset, reason } as unknown as Reset
}

function requireTransports({
  transports = DEFAULT_TRANSPORTS,
  WebSocket,
  fetch,
}: TidewireOptions): void {
  if (transports.includes('websocket') && (WebSocket ?? globalThis.WebSocket) === undefined) {
    throw new TidewireError(
      'unsupported',
      "There is no global WebSocket here. Pass that of the `ws` package: new Tidewire({ WebSocket }). Or leave 'websocket' out of `transports`.",
    )
  }
  if (transports.length === 0 || (fetch ?? globalThis.fetch) === undefined) {
    throw new TidewireError(
      'unsupported',
      'There is no transport to use: pass `transports` and `fetch`.',
    )
  }
}
