import {
  newMessageId,
  type JsonObject,
  type Reset,
  type Tidewire,
  TidewireError,
} from '@tidewire/client'
import { Lease } from './lease.ts'
import {
  acknowledged,
  delivered,
  discarded,
  EMPTY,
  failed,
  interrupted,
  loaded,
  type Message,
  type MessageList,
  NO_HISTORY,
  prepended,
  sending,
  toMessage,
} from './message-list.ts'
import type { SharedChannel } from './shared-channel.ts'

/** What `useMessages` shows; the same object until something of it changes. */
export interface MessagesView {
  readonly messages: readonly Message[]
  /** The newest page has not come yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  readonly hasMore: boolean
  /** The beginning of the log is not there any more: it was trimmed by the retention of its namespace. */
  readonly expired: boolean
  /** The reset that left a hole before the first message. */
  readonly reset: Reset | undefined
  /** Why history could not be read; it is asked for again by itself when that may help. */
  readonly error: TidewireError | undefined
}

// One frame: a burst of deliveries is one change of the list.
const BATCH_MS = 16
const RETRY_MS = 2000
// Live deliveries push the oldest out of memory beyond this; scrolling back fetches them again.
const MAX_MESSAGES = 20_000

/** The messages of one channel: history, live deliveries and own messages, while at least one component looks. */
export class MessageStore {
  readonly #client: Tidewire
  readonly #shared: SharedChannel
  readonly #lease: Lease
  readonly #listeners = new Set<() => void>()
  #list: MessageList = EMPTY
  #view: MessagesView = viewOf(EMPTY, false, undefined)
  #incoming: Message[] = []
  #batch: ReturnType<typeof setTimeout> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #request: AbortController | undefined
  #loadingMore = false
  #error: TidewireError | undefined
  #pageSize = 50

  constructor(client: Tidewire, shared: SharedChannel, lingerMs: number) {
    this.#client = client
    this.#shared = shared
    this.#lease = new Lease(() => this.#start(), lingerMs)
  }

  /** Reads along until the returned function is called. The page size of the first user counts. */
  use(onChange: () => void, pageSize: number): () => void {
    this.#listeners.add(onChange)
    this.#pageSize = pageSize
    const release = this.#lease.acquire()
    return () => {
      this.#listeners.delete(onChange)
      release()
    }
  }

  view(): MessagesView {
    return this.#view
  }

  /** Publishes, with the message in the list at once. Returns its id; what becomes of it is its `state`. */
  send(type: string, payload: JsonObject): string {
    const { state } = this.#client
    const message: Message = {
      id: newMessageId(),
      offset: undefined,
      type,
      payload,
      user: state.name === 'connected' ? state.user : undefined,
      clientId: undefined,
      at: Date.now(),
      state: 'pending',
      error: undefined,
    }
    void this.#publish(message)
    return message.id
  }

  /** Sends a failed message again, under the same id: should the log have it already, nothing is doubled. */
  retry(id: string): void {
    const message = this.#list.own.find((own) => own.id === id && own.state === 'failed')
    if (message) void this.#publish({ ...message, state: 'pending', error: undefined })
  }

  /** Takes a failed message out of the list. */
  discard(id: string): void {
    this.#change((list) => discarded(list, id))
  }

  /** Fetches the page before the first message. Never rejects: a failure is in `error`. */
  async loadMore(): Promise<void> {
    const { epoch, held, hasMore, log } = this.#list
    const before = log[0]?.offset
    if (held || this.#loadingMore || !hasMore || before === undefined) return
    this.#loadingMore = true
    this.#change((list) => list)
    try {
      const page = await this.#shared.channel.history({ epoch, before, limit: this.#pageSize })
      this.#error = undefined
      this.#list = prepended(this.#list, page)
    } catch (error) {
      this.#error = asError(error)
    }
    this.#loadingMore = false
    this.#change((list) => list)
  }

  async #publish(message: Message): Promise<void> {
    this.#change((list) => sending(list, message))
    const { id: messageId, type, payload } = message
    try {
      const { offset } = await this.#shared.channel.publish(type, payload, { messageId })
      this.#change((list) => acknowledged(list, messageId, offset, MAX_MESSAGES))
    } catch (error) {
      this.#change((list) => failed(list, messageId, asError(error)))
    }
  }

  #start(): () => void {
    const stopListening = this.#shared.listen({
      onMessage: (publication) => this.#receive(toMessage(publication)),
      onReset: (reset) => this.#reload(reset),
    })
    const release = this.#shared.use(() => this.#load())
    this.#reload()
    return () => {
      stopListening()
      release()
      this.#cancel()
    }
  }

  #receive(message: Message): void {
    this.#incoming.push(message)
    this.#batch ??= setTimeout(() => this.#change((list) => list), BATCH_MS)
  }

  #cancel(): void {
    clearTimeout(this.#retry)
    this.#request?.abort()
    this.#request = undefined
  }

  #reload(reset?: Reset): void {
    this.#cancel()
    this.#change((list) => interrupted(list, reset))
    this.#load()
  }

  /** Fetches the newest page if it is awaited and the channel is live, so that no delivery can fall between. */
  #load(): void {
    const { channel } = this.#shared
    if (channel.state.name !== 'subscribed') {
      this.#cancel()
      return
    }
    if (!this.#list.held || this.#request) return
    if (!channel.state.position) {
      this.#change((list) => loaded(list, NO_HISTORY))
      return
    }
    const request = new AbortController()
    this.#request = request
    const { signal } = request
    channel.history({ limit: this.#pageSize, signal }).then(
      (page) => {
        if (signal.aborted) return
        this.#request = undefined
        this.#error = undefined
        this.#change((list) => loaded(list, page))
      },
      (error: unknown) => {
        if (!signal.aborted) this.#loadFailed(asError(error))
      },
    )
  }

  #loadFailed(error: TidewireError): void {
    this.#request = undefined
    this.#error = error
    if (!error.temporary) {
      this.#change((list) => loaded(list, NO_HISTORY))
      return
    }
    this.#retry = setTimeout(() => this.#load(), error.retryAfterMs ?? RETRY_MS)
    this.#change((list) => list)
  }

  /** The only place where the list changes: what was delivered in the meantime comes first. */
  #change(change: (list: MessageList) => MessageList): void {
    clearTimeout(this.#batch)
    this.#batch = undefined
    const incoming = this.#incoming
    this.#incoming = []
    const list = incoming.length > 0 ? delivered(this.#list, incoming, MAX_MESSAGES) : this.#list
    this.#list = change(list)
    this.#view = viewOf(this.#list, this.#loadingMore, this.#error)
    for (const listener of this.#listeners) listener()
  }
}

function asError(error: unknown): TidewireError {
  return error instanceof TidewireError
    ? error
    : new TidewireError('unknown_error', String(error), { cause: error })
}

function viewOf(
  list: MessageList,
  loadingMore: boolean,
  error: TidewireError | undefined,
): MessagesView {
  return {
    messages: list.own.length > 0 ? [...list.log, ...list.own] : list.log,
    loading: list.held !== undefined && list.log.length === 0,
    loadingMore,
    hasMore: list.hasMore,
    expired: !list.held && !list.hasMore && list.oldest > 1,
    reset: list.reset,
    error,
  }
}
