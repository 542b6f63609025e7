import {
  newMessageId,
  type JsonObject,
  type Reset,
  type Tidewire,
  type TidewireError,
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
  type Page,
  pinned,
  prepended,
  sending,
  toMessage,
} from './message-list.ts'
import { asError, type MessagesView, viewOf } from './messages-view.ts'
import type { SharedChannel } from './shared-channel.ts'

// One frame: a burst of deliveries is one change of the list.
const BATCH_MS = 16
const RETRY_MS = 2000
// Of one search for messages of a type that is rare in its channel.
const MAX_PAGES = 10
// A list that nobody looks at stays for a reader who comes back.
const KEEP_MS = 60_000
// Live deliveries push the oldest out of memory beyond this; scrolling back fetches them again.
const MAX_MESSAGES = 20_000

/** The messages of one channel: history, live deliveries and own messages, while at least one component looks. */
export class MessageStore {
  readonly #client: Tidewire
  readonly #shared: SharedChannel
  readonly #lease: Lease
  readonly #kept: Lease
  /** Who looks, and at which type of messages. */
  readonly #listeners = new Map<() => void, string | undefined>()
  #list: MessageList = EMPTY
  #view: MessagesView = viewOf(EMPTY, false, undefined)
  #incoming: Message[] = []
  #batch: ReturnType<typeof setTimeout> | undefined
  #retry: ReturnType<typeof setTimeout> | undefined
  #request: AbortController | undefined
  #search: AbortController | undefined
  #loadingMore = false
  #error: TidewireError | undefined
  #pageSize = 50

  /** `onIdle` is called some time after the last user left, when no own message waits for its fate. */
  constructor(client: Tidewire, shared: SharedChannel, lingerMs: number, onIdle: () => void) {
    this.#client = client
    this.#shared = shared
    this.#lease = new Lease(() => this.#start(), lingerMs)
    this.#kept = new Lease(() => () => this.#idle(onIdle), KEEP_MS)
  }

  /** Reads along until the returned function is called. The page size of the first user counts. */
  use(onChange: () => void, pageSize: number, type?: string): () => void {
    if (!this.#lease.inUse) this.#pageSize = pageSize
    this.#listeners.set(onChange, type)
    const releases = [this.#lease.acquire(), this.#kept.acquire()]
    void this.#fill()
    return () => {
      this.#listeners.delete(onChange)
      for (const release of releases) release()
    }
  }

  view(): MessagesView {
    return this.#view
  }

  /** Publishes, with the message in the list at once. Returns its id; what becomes of it is its `state`. */
  send(type: string, payload: JsonObject): string {
    const message: Message = {
      id: newMessageId(),
      offset: undefined,
      type,
      payload,
      user: this.#user(),
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

  /** Whether the reader is further up: then the newest messages, not the oldest, leave a list that is too long. */
  pin(isPinned: boolean): void {
    if (this.#list.pinned === isPinned) return
    this.#change((list) => pinned(list, isPinned))
    if (!isPinned && this.#list.behind) this.#reload()
  }

  /**
   * Fetches pages before the first message until one has a message of `type`, but not more than a few. What fails
   * for a while is tried again. Never rejects: a failure is in `error`.
   */
  async loadMore(type?: string): Promise<void> {
    await this.#searchBack(({ publications }) => publications.some((one) => isOf(one, type)))
  }

  /** A reader of one type should not see nothing because others fill the newest page. */
  async #fill(): Promise<void> {
    const lacks = (type: string | undefined): boolean =>
      !this.#list.log.some((message) => isOf(message, type))
    if ([...this.#listeners.values()].some(lacks)) {
      await this.#searchBack(() => ![...this.#listeners.values()].some(lacks))
    }
  }

  async #searchBack(isFound: (page: Page) => boolean): Promise<void> {
    const { held, hasMore, log } = this.#list
    if (held || this.#search || !hasMore || log[0]?.offset === undefined) return
    const search = new AbortController()
    const { signal } = search
    this.#search = search
    this.#error = undefined
    this.#setLoadingMore(true)
    for (let pages = 0; pages < MAX_PAGES && this.#list.hasMore; pages += 1) {
      // One page needs the offset of the page before it.
      const page = await this.#older(signal)
      if (!page || signal.aborted) break
      this.#change((list) => prepended(list, page))
      if (isFound(page)) break
    }
    if (this.#search !== search) return
    this.#search = undefined
    this.#setLoadingMore(false)
  }

  /** The page before the first message; undefined if it cannot be had. */
  async #older(signal: AbortSignal): Promise<Page | undefined> {
    const { epoch, log } = this.#list
    const before = log[0]?.offset
    const options = { epoch, before, limit: this.#pageSize, signal }
    try {
      const page = await this.#shared.channel.history(options)
      if (!signal.aborted) this.#error = undefined
      return page
    } catch (cause) {
      if (signal.aborted) return undefined
      const error = asError(cause)
      this.#error = error
      this.#change((list) => list)
      if (!error.temporary) return undefined
      await waitFor(error.retryAfterMs ?? RETRY_MS, signal)
      return signal.aborted ? undefined : this.#older(signal)
    }
  }

  #setLoadingMore(isLoading: boolean): void {
    this.#loadingMore = isLoading
    this.#change((list) => list)
  }

  #idle(onIdle: () => void): void {
    if (this.#list.own.some(({ state }) => state !== 'sent')) this.#kept.acquire()()
    else onIdle()
  }

  #user(): string | undefined {
    const { state } = this.#client
    return state.name === 'connected' ? state.user : undefined
  }

  async #publish(message: Message): Promise<void> {
    this.#change((list) => sending(list, message))
    const { id: messageId, type, payload } = message
    try {
      const { offset } = await this.#shared.channel.publish(type, payload, { messageId })
      this.#change((list) => acknowledged(list, messageId, offset, MAX_MESSAGES, this.#user()))
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
      this.#stopSearch()
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

  #stopSearch(): void {
    this.#search?.abort()
    this.#search = undefined
    this.#loadingMore = false
  }

  #reload(reset?: Reset): void {
    this.#cancel()
    this.#stopSearch()
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
        void this.#fill()
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
    for (const listener of this.#listeners.keys()) listener()
  }
}

function isOf(message: { readonly type: string }, type: string | undefined): boolean {
  return type === undefined || message.type === type
}

function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
