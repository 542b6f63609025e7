import type { Envelope, Json, JsonObject, Position, Publication } from '@tidewire/protocol'
import { isEventName, isMessageId, isReserved } from '@tidewire/protocol'
import type { Backoff } from './backoff.ts'
import { Emitter, type ReportError } from './emitter.ts'
import { TidewireError } from './errors.ts'
import { MessageBuffer } from './message-buffer.ts'
import { newMessageId } from './message-id.ts'
import {
  initialSubscription,
  type Subscribing,
  type SubscriptionEffect,
  type SubscriptionEvent,
  subscriptionStep,
} from './subscription-state.ts'
import type {
  EventMap,
  HistoryOptions,
  HistoryPage,
  ListenerOptions,
  MessagesOptions,
  PublicationOf,
  Published,
  PublishOptions,
  Reset,
  Subscribed,
  SubscribeOptions,
  SubscriptionState,
} from './types.ts'
import { abortError, Wait, type WaitOptions } from './wait.ts'

/** A `subscribe` frame without an answer after this long means that the connection is dead. */
const ANSWER_TIMEOUT_MS = 15_000
const BUFFER_LIMIT = 1000

/** As `FrameLimits` of the protocol counts them. */
export interface PayloadLimits {
  readonly max_depth: number
  readonly max_keys: number
}

/** What a channel needs of its client. */
export interface ChannelHost {
  readonly backoff: Backoff
  /** Drops the frame when there is no connection. */
  send(envelope: Envelope): void
  /** Sends `subscribe` and leads its answer to `channel`. */
  ask(channel: string, ask: number, payload: JsonObject): void
  /** The server did not answer in time. */
  unanswered(): void
  publish(envelope: Envelope, wait: WaitOptions): Promise<Published>
  /** Resolves with the payload of the answer. */
  request(type: string, payload: JsonObject, wait: WaitOptions): Promise<JsonObject>
  /** What the server takes. */
  limits(): PayloadLimits
  /** Why nothing can wait for a connection. */
  ended(): TidewireError | undefined
  readonly report: ReportError
}

/** One channel. `client.channel(name)` makes it; the same name gives the same object. */
export class Channel<Events = EventMap> {
  readonly name: string
  readonly #host: ChannelHost
  readonly #publications = new Map<string, Emitter<Publication>>()
  readonly #states: Emitter<SubscriptionState>
  readonly #resets: Emitter<Reset>
  #machine: Subscribing
  #told: SubscriptionState
  #answer: Subscribed | undefined
  #subscribers = new Set<Wait<Subscribed>>()
  #leavers: (() => void)[] = []
  #timer: ReturnType<typeof setTimeout> | undefined

  /** @internal */
  constructor(name: string, host: ChannelHost, online: boolean) {
    this.name = name
    this.#host = host
    this.#machine = initialSubscription(online)
    this.#told = this.#machine.state
    this.#states = new Emitter(host.report)
    this.#resets = new Emitter(host.report)
  }

  get state(): SubscriptionState {
    return this.#machine.state
  }

  /** Of the last publication handed to the app; before the first, where the stream started. */
  get position(): Position | undefined {
    return this.#machine.position
  }

  /**
   * Starts the stream; it then outlives reconnects until `unsubscribe`. Resolves when it is live, at once if it is
   * already (the options of the first call hold). Rejects with what the server refused it for. On a client that is
   * closed or has failed it rejects, and the stream starts with the next `connect()`. When `signal` or `timeout` end
   * the wait, the stream is not wanted any more, unless another call waits for it.
   */
  subscribe(options: SubscribeOptions = {}): Promise<Subscribed> {
    const { since, last, mode, intervalMs, signal, timeout } = options
    if (signal?.aborted) return Promise.reject(abortError('The subscribe', signal))
    if (since !== undefined && last !== undefined) {
      const message = '`since` and `last` exclude each other: pass one of them.'
      return Promise.reject(new TidewireError('invalid_argument', message))
    }
    if (this.state.name === 'subscribed' && this.#answer !== undefined) {
      return Promise.resolve(this.#answer)
    }
    const wait = new Wait<Subscribed>('The subscribe', { signal, timeout }, () => {
      this.#subscribers.delete(wait)
      if (this.#subscribers.size === 0 && this.state.name === 'subscribing') {
        this.#dispatch({ type: 'unsubscribe' })
      }
    })
    this.#subscribers.add(wait)
    this.#dispatch({ type: 'subscribe', wish: { since, last, mode, intervalMs } })
    const ended = this.#host.ended()
    if (ended !== undefined) this.#rejectSubscribers(ended)
    return wait.promise
  }

  /** Ends the stream. Resolves when the server confirmed it, or there is no connection. Listeners stay. */
  unsubscribe(): Promise<void> {
    const before = this.state.name
    this.#rejectSubscribers(new TidewireError('aborted', 'The channel was unsubscribed.'))
    const leaving = before !== 'unsubscribed' && this.#machine.online
    const left = leaving
      ? new Promise<void>((resolve) => this.#leavers.push(resolve))
      : Promise.resolve()
    this.#dispatch({ type: 'unsubscribe' })
    return left
  }

  /** Publications of one type, or of all (`'*'`). Returns what removes the listener. */
  on(
    type: '*',
    fn: (publication: PublicationOf<Events>) => void,
    options?: ListenerOptions,
  ): () => void
  on<Type extends keyof Events & string>(
    type: Type,
    fn: (publication: PublicationOf<Events, Type>) => void,
    options?: ListenerOptions,
  ): () => void
  on(type: string, fn: (publication: never) => void, options?: ListenerOptions): () => void {
    let emitter = this.#publications.get(type)
    if (emitter === undefined) {
      emitter = new Emitter(this.#host.report)
      this.#publications.set(type, emitter)
    }
    return emitter.on(fn as (publication: Publication) => void, options)
  }

  onState(fn: (state: SubscriptionState) => void, options?: ListenerOptions): () => void {
    return this.#states.on(fn, options)
  }

  /** A gap: what was missed must be fetched again (`history`), or the app says so. */
  onReset(fn: (reset: Reset) => void, options?: ListenerOptions): () => void {
    return this.#resets.on(fn, options)
  }

  /**
   * Resolves when the log holds the publication to the durability of the channel. Offline it waits; without an answer
   * it is sent again with the same `messageId`. Rejects when the server refuses it for good, when the queue is full,
   * and when the client is closed or fails. After a rejection by `signal`, `timeout` or the end of the client
   * the outcome is unknown if it was sent already: publish it again with the same `messageId` to find out.
   */
  publish<Type extends keyof Events & string>(
    type: Type,
    payload: Events[Type],
    options: PublishOptions = {},
  ): Promise<Published> {
    const { messageId = newMessageId(), ...wait } = options
    const metadata = { message_id: messageId, channel: this.name }
    let envelope: Envelope
    try {
      // A copy: what is sent again must be what was sent first, whatever the app does with its object.
      const body = JSON.parse(JSON.stringify(payload)) as JsonObject
      envelope = { type, payload: body, metadata }
    } catch (cause) {
      const message = 'The payload cannot be written as JSON.'
      return Promise.reject(new TidewireError('invalid_argument', message, { cause }))
    }
    const problem = problemOf(envelope, this.#host.limits())
    if (problem !== undefined) {
      return Promise.reject(new TidewireError('invalid_argument', problem))
    }
    return this.#host.publish(envelope, wait)
  }

  /** A page of the log, ascending. Without `after` and `before`: the newest. */
  async history(
    options: HistoryOptions = {},
  ): Promise<HistoryPage<PublicationOf<Events> & Publication>> {
    const { epoch, after, before, limit, ...wait } = options
    const payload = defined({ channel: this.name, epoch, after, before, limit })
    const { channel: _, ...page } = await this.#host.request('history', payload, wait)
    return page as unknown as HistoryPage<PublicationOf<Events> & Publication>
  }

  /**
   * Publications from now on, as an async iterator. It does not subscribe; it ends with `signal`, by `break`, or with
   * the error `buffer_overflow` when `limit` publications wait to be read.
   */
  messages(options: MessagesOptions = {}): AsyncIterableIterator<PublicationOf<Events>, undefined> {
    const { signal, limit = BUFFER_LIMIT } = options
    const end = (): void => buffer.end()
    const buffer = new MessageBuffer<PublicationOf<Events>>(limit, () => {
      off()
      signal?.removeEventListener('abort', end)
    })
    const off = this.on('*', (publication) => buffer.push(publication))
    if (signal?.aborted) buffer.end()
    else signal?.addEventListener('abort', end)
    return buffer
  }

  /** @internal What the connection says of this channel. */
  tell(event: SubscriptionEvent): void {
    if (event.type === 'unsubscribed' || event.type === 'offline') {
      for (const resolve of this.#leavers.splice(0)) resolve()
    }
    this.#dispatch(event)
  }

  /** @internal The client gave up: whoever waits is told. The stream is still wanted. */
  fail(error: TidewireError): void {
    this.#rejectSubscribers(error)
  }

  #dispatch(event: SubscriptionEvent): void {
    const from = this.#machine
    const step = subscriptionStep(from, event, this.#host.backoff, Math.random())
    this.#machine = step.machine
    if (!step.machine.asking && from.asking) clearTimeout(this.#timer)
    for (const effect of step.effects) this.#carryOut(effect)
    // Not `step.machine`: a listener called above may have moved on.
    const { state } = this.#machine
    if (state === this.#told) return
    this.#told = state
    this.#states.emit(state)
  }

  #carryOut(effect: SubscriptionEffect): void {
    switch (effect.type) {
      case 'ask': {
        const { since, wish } = effect
        const { mode, intervalMs: interval_ms } = wish
        const last = since === undefined ? wish.last : undefined
        this.#after(ANSWER_TIMEOUT_MS, () => this.#host.unanswered())
        const payload = defined({ channel: this.name, since, last, mode, interval_ms })
        return this.#host.ask(this.name, effect.ask, payload)
      }
      case 'leave':
        return this.#host.send({
          type: 'unsubscribe',
          payload: { channel: this.name },
          metadata: { message_id: newMessageId() },
        })
      case 'deliver':
        return this.#deliver(effect.publication)
      case 'reset':
        return this.#resets.emit(effect.reset)
      case 'wait':
        return this.#after(effect.ms, () => this.#dispatch({ type: 'retry' }))
      case 'live':
        this.#answer = effect.answer
        for (const wait of this.#takeSubscribers()) wait.resolve(effect.answer)
        return undefined
      case 'refused':
        return this.#rejectSubscribers(effect.error)
    }
  }

  #deliver(publication: Publication): void {
    this.#publications.get(publication.type)?.emit(publication)
    this.#publications.get('*')?.emit(publication)
  }

  #after(ms: number, fn: () => void): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(fn, ms)
  }

  #takeSubscribers(): Iterable<Wait<Subscribed>> {
    const waits = this.#subscribers
    this.#subscribers = new Set()
    return waits
  }

  #rejectSubscribers(error: TidewireError): void {
    for (const wait of this.#takeSubscribers()) wait.reject(error)
  }
}

/** Why no server would take it for a publish. */
function problemOf(envelope: Envelope, limits: PayloadLimits): string | undefined {
  const { type, payload, metadata } = envelope
  if (!isEventName(type) || isReserved(type)) {
    return `${type} cannot be published: a type is lower case and not a reserved word.`
  }
  if (!isMessageId(metadata.message_id)) {
    return 'The message id is not a text of 1 to 128 characters without control characters.'
  }
  if (!isNode(payload) || Array.isArray(payload)) return 'The payload is not an object.'
  const { max_depth: depth, max_keys: keys } = limits
  if (keysOf(envelope as unknown as JsonObject, depth) <= keys) return undefined
  return `The message has more than ${keys} keys or ${depth} levels. Make it smaller or flatter.`
}

/** Keys of all objects in it; infinitely many when there are more than `depth` levels below it. */
function keysOf(node: Json[] | JsonObject, depth: number): number {
  if (depth < 0) return Infinity
  const values = Object.values(node)
  const own = Array.isArray(node) ? 0 : values.length
  return values.filter(isNode).reduce((sum, inner) => sum + keysOf(inner, depth - 1), own)
}

function isNode(value: Json): value is Json[] | JsonObject {
  return typeof value === 'object' && value !== null
}

/** Without the keys that are `undefined`. */
function defined(fields: Record<string, unknown>): JsonObject {
  return Object.fromEntries(
    Object.entries(fields).filter(([, value]) => value !== undefined),
  ) as JsonObject
}
