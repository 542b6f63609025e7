import {
  type ConnectionState,
  type HistoryOptions,
  type HistoryPage,
  type Publication,
  type Published,
  type Reset,
  type SubscribeOptions,
  type SubscriptionState,
  type Tidewire,
  TidewireError,
} from '@tidewire/client'

const LIVE: ConnectionState = {
  name: 'connected',
  transport: 'websocket',
  clientId: 'c1',
  user: 'ada',
}

class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>()

  on(fn: (value: T) => void): () => void {
    this.#listeners.add(fn)
    return () => this.#listeners.delete(fn)
  }

  emit(value: T): void {
    for (const listener of this.#listeners) listener(value)
  }

  get size(): number {
    return this.#listeners.size
  }
}

/** A client whose network is the test: it answers when, and what, the test says. */
export class FakeClient {
  state: ConnectionState = LIVE
  waiting = 0
  connects = 0
  readonly changes = new Emitter<ConnectionState>()
  readonly #waiting = new Emitter<number>()
  readonly #channels = new Map<string, FakeChannel>()

  /** What the provider takes. */
  get tidewire(): Tidewire {
    return this as unknown as Tidewire
  }

  channel(name: string): FakeChannel {
    const channel = this.#channels.get(name) ?? new FakeChannel(name)
    this.#channels.set(name, channel)
    return channel
  }

  on(event: 'state' | 'waiting', fn: () => void): () => void {
    return event === 'state' ? this.changes.on(fn) : this.#waiting.on(fn)
  }

  connect(): void {
    this.connects += 1
  }

  become(state: ConnectionState): void {
    this.state = state
    this.changes.emit(state)
  }

  wait(count: number): void {
    this.waiting = count
    this.#waiting.emit(count)
  }
}

interface Attempt {
  messageId: string
  type: string
  text: unknown
  ack: (offset?: number) => void
  refuse: (error: TidewireError) => void
}

/** A channel with a log of its own. Subscribing succeeds at once unless `refusal` is set. */
export class FakeChannel {
  readonly name: string
  state: SubscriptionState = { name: 'unsubscribed' }
  epoch: string | undefined = 'e1'
  log: Publication[] = []
  /** The lowest offset that is still there. */
  oldest = 1
  refusal: TidewireError | undefined
  historyFailures: TidewireError[] = []
  readonly attempts: Attempt[] = []
  readonly subscribes: SubscribeOptions[] = []
  unsubscribes = 0
  readonly pages: HistoryOptions[] = []
  /** While set, pages of history wait for it. */
  gate: Promise<void> | undefined
  readonly messages = new Emitter<Publication>()
  readonly resets = new Emitter<Reset>()
  readonly #states = new Emitter<SubscriptionState>()

  constructor(name: string) {
    this.name = name
  }

  on(_type: '*', fn: (publication: Publication) => void): () => void {
    return this.messages.on(fn)
  }

  onState(fn: (state: SubscriptionState) => void): () => void {
    return this.#states.on(fn)
  }

  onReset(fn: (reset: Reset) => void): () => void {
    return this.resets.on(fn)
  }

  subscribe(options: SubscribeOptions): Promise<void> {
    this.subscribes.push(options)
    if (this.refusal) {
      this.become({ name: 'unsubscribed', error: this.refusal })
      return Promise.reject(this.refusal)
    }
    this.live()
    return Promise.resolve()
  }

  unsubscribe(): Promise<void> {
    this.unsubscribes += 1
    this.become({ name: 'unsubscribed' })
    return Promise.resolve()
  }

  publish(
    type: string,
    payload: { text?: unknown },
    { messageId }: { messageId: string },
  ): Promise<Published> {
    return new Promise((resolve, reject) => {
      this.attempts.push({
        messageId,
        type,
        text: payload.text,
        ack: (offset) =>
          resolve({ messageId, duplicate: false, ...(offset === undefined ? {} : { offset }) }),
        refuse: reject,
      })
    })
  }

  async history(options: HistoryOptions): Promise<HistoryPage> {
    this.pages.push(options)
    await this.gate
    const failure = this.historyFailures.shift()
    if (failure) throw failure
    const { before = Infinity, limit = 50 } = options
    const held = this.log.filter(({ metadata }) => offsetOf(metadata) >= this.oldest)
    const older = held.filter(({ metadata }) => offsetOf(metadata) < before)
    const publications = older.slice(-limit)
    return {
      epoch: this.epoch ?? '',
      oldest: this.oldest,
      newest: this.log.length,
      publications,
      more: older.length > publications.length,
    }
  }

  become(state: SubscriptionState): void {
    this.state = state
    this.#states.emit(state)
  }

  live(recovered = false): void {
    const position =
      this.epoch === undefined ? undefined : { epoch: this.epoch, offset: this.log.length }
    this.become({ name: 'subscribed', recovered, position })
  }

  /** Appends to the log; subscribers hear of it with `deliver`. */
  append(
    text: string,
    metadata: Partial<Publication['metadata']> = {},
    type = 'message',
  ): Publication {
    const offset = this.log.length + 1
    const publication: Publication = {
      type,
      payload: { text },
      metadata: {
        message_id: `m${offset}`,
        timestamp: '2026-11-20T12:00:00.000Z',
        channel: this.name,
        user: 'grace',
        ...(this.epoch === undefined ? {} : { offset }),
        ...metadata,
      },
    }
    this.log.push(publication)
    return publication
  }

  deliver(text: string, metadata: Partial<Publication['metadata']> = {}): Publication {
    const publication = this.append(text, metadata)
    this.messages.emit(publication)
    return publication
  }
}

function offsetOf({ offset }: Publication['metadata']): number {
  return offset ?? 0
}
