import type { Envelope, JsonObject } from '@tidewire/protocol'
import type { Channel } from './channel.ts'
import type { Tidewire } from './client.ts'
import { Emitter, reportUnheard } from './emitter.ts'
import { TidewireError } from './errors.ts'
import type { ListenerOptions } from './types.ts'
import type { WaitOptions } from './wait.ts'

export {
  notificationPreferences,
  type NotificationPreferences,
  type QuietHours,
  setNotificationPreferences,
} from './notification-preferences.ts'

/** One entry of the inbox. */
export interface Notification {
  readonly id: string
  /** What it is about, such as `order.confirmed`. */
  readonly kind: string
  readonly title: string
  readonly body?: string
  readonly data?: JsonObject
  /** ISO 8601, UTC, milliseconds. */
  readonly created_at: string
  readonly read: boolean
}

/** A page of the inbox, newest first. */
export interface NotificationsPage {
  notifications: Notification[]
  /** There are older ones. */
  more: boolean
  /** Unread ones in the whole inbox. */
  unread: number
}

/** Immutable: the same object until something changes. */
export interface NotificationsState {
  /** Newest first, each once. */
  readonly items: readonly Notification[]
  /** Unread ones in the whole inbox, which may be more than there are in `items`. */
  readonly unread: number
  /** The newest page was not fetched yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  /** There are older ones: see `loadMore`. */
  readonly hasMore: boolean
  /** Why the inbox cannot be had; what may pass is tried again by itself. */
  readonly error: TidewireError | undefined
}

export interface NotificationsOptions {
  /** Whose inbox. Default: the user of the connection, which is only known over WebSocket. */
  user?: string | undefined
  /** Notifications of a page, 1 to 100. Default 50. */
  pageSize?: number | undefined
}

interface Loading {
  readonly abort: AbortController
  /** What came meanwhile. */
  readonly arrived: Set<string>
  /** What was marked meanwhile, here or elsewhere. */
  readonly marks: (readonly string[] | 'all')[]
  /** Frames that had told how many are unread when it began. */
  readonly told: number
}

const EMPTY: NotificationsState = {
  items: [],
  unread: 0,
  loading: true,
  loadingMore: false,
  hasMore: false,
  error: undefined,
}
/** Beyond, the oldest leave the list; `loadMore` brings them back. */
const MAX_ITEMS = 1000
const MAX_PAGE = 100
const RETRY_MS = 5000
/** Until what was fetched while something changed is fetched again. */
const AGAIN_MS = 250

/**
 * The inbox of the client's user, live. It subscribes to the channel `user:<id>`, until `close`. Make one for each client.
 */
export function notifications(client: Tidewire, options: NotificationsOptions = {}): Notifications {
  return new Notifications(client, options)
}

export class Notifications {
  readonly #client: Tidewire
  readonly #options: NotificationsOptions
  readonly #changes = new Emitter<NotificationsState>(reportUnheard)
  readonly #arrivals = new Emitter<Notification>(reportUnheard)
  readonly #stops: (() => void)[]
  #state = EMPTY
  #user: string | undefined
  #channel: Channel | undefined
  #stopChannel: (() => void)[] = []
  /** The newest page is being fetched. */
  #loading: Loading | undefined
  /** Of frames that told how many are unread. */
  #told = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(client: Tidewire, options: NotificationsOptions) {
    this.#client = client
    this.#options = options
    this.#stops = [
      client.on('state', () => this.#follow()),
      client.on('frame', (frame) => this.#greeted(frame)),
    ]
    this.#follow()
  }

  get state(): NotificationsState {
    return this.#state
  }

  /** Newest first. */
  get items(): readonly Notification[] {
    return this.#state.items
  }

  get unread(): number {
    return this.#state.unread
  }

  /** After every change of `state`. Returns what removes the listener. */
  onChange(fn: (state: NotificationsState) => void, options?: ListenerOptions): () => void {
    return this.#changes.on(fn, options)
  }

  /** Each notification that arrives from now on, once; not those that were there before. */
  onNotification(fn: (notification: Notification) => void, options?: ListenerOptions): () => void {
    return this.#arrivals.on(fn, options)
  }

  /** A page as the server has it. Changes nothing here. */
  async list(
    { before, limit }: { before?: string | undefined; limit?: number | undefined } = {},
    wait: WaitOptions = {},
  ): Promise<NotificationsPage> {
    const payload: JsonObject = {}
    if (before !== undefined) payload['before'] = before
    if (limit !== undefined) payload['limit'] = limit
    const page = await this.#client.request('notifications_list', payload, wait)
    return page as unknown as NotificationsPage
  }

  /**
   * Marks them at once, here and on every other device. Rejects with what the server refused it for; then they are what
   * the server says.
   */
  async markRead(ids: readonly string[] | 'all', wait: WaitOptions = {}): Promise<void> {
    if (ids.length === 0) return
    const { items, unread } = this.#state
    const told = this.#told
    const marked = markedIn(items, ids)
    this.#loading?.marks.push(ids)
    const fewer = unreadIn(items) - unreadIn(marked)
    this.#change({ items: marked, unread: ids === 'all' ? 0 : Math.max(0, unread - fewer) })
    try {
      const payload = { ids: ids === 'all' ? ids : [...ids] }
      const { unread: count } = await this.#client.request('notifications_mark_read', payload, wait)
      // What was told since may be newer.
      if (typeof count === 'number' && told === this.#told) this.#change({ unread: count })
    } catch (error) {
      this.#reload()
      throw error
    }
  }

  /** Fetches an older page; harmless when there is none, or one is on its way. Never rejects: see `error`. */
  async loadMore(): Promise<void> {
    const { hasMore, loading, loadingMore, items } = this.#state
    const last = items.at(-1)
    if (this.#closed || !hasMore || loading || loadingMore || last === undefined) return
    const user = this.#user
    this.#change({ loadingMore: true, error: undefined })
    try {
      const page = await this.list({ before: last.id, limit: this.#pageSize })
      if (user !== this.#user || this.#state.items.at(-1)?.id !== last.id) return
      const known = new Set(this.#state.items.map(({ id }) => id))
      const older = page.notifications.filter(({ id }) => !known.has(id))
      this.#change({ items: [...this.#state.items, ...older], hasMore: page.more })
    } catch (error) {
      const told = asError(error)
      // The last one has become too old to be kept, and so has everything before it.
      if (told.reason === 'not_found') this.#change({ hasMore: false })
      else this.#change({ error: told })
    } finally {
      this.#change({ loadingMore: false })
    }
  }

  /** Unsubscribes, and changes no more. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops) stop()
    this.#leave()
  }

  get #pageSize(): number {
    return this.#options.pageSize ?? 50
  }

  /** Whose inbox it is turns out with the connection, and may change with its token. */
  #follow(): void {
    const { state } = this.#client
    const connected = state.name === 'connected' ? state.user : undefined
    const user = this.#options.user ?? connected ?? this.#user
    if (this.#closed || user === undefined || user === this.#user) return
    if (this.#user !== undefined) this.#change(EMPTY)
    this.#leave()
    this.#user = user
    this.#join(this.#client.channel(`user:${user}`))
  }

  #join(channel: Channel): void {
    this.#channel = channel
    this.#stopChannel = [
      channel.on('*', ({ type, payload }) => this.#heard(type, payload)),
      channel.onReset(() => this.#reload()),
      channel.onState(() => this.#turned(channel)),
    ]
    channel.subscribe().catch(toldByState)
    this.#turned(channel)
  }

  #leave(): void {
    for (const stop of this.#stopChannel.splice(0)) stop()
    this.#channel?.unsubscribe().catch(toldByState)
    this.#channel = undefined
    this.#stopLoading()
  }

  #turned({ state }: Channel): void {
    if (state.name === 'unsubscribed' && state.error !== undefined) {
      this.#stopLoading()
      this.#change({ error: state.error, loading: false })
    }
    // What was missed comes as it would have come, or is fetched.
    if (state.name === 'subscribed' && (this.#state.loading || !state.recovered)) this.#reload()
  }

  #stopLoading(): void {
    clearTimeout(this.#retry)
    this.#loading?.abort.abort()
    this.#loading = undefined
  }

  #reload(): void {
    if (this.#closed || this.#user === undefined) return
    this.#stopLoading()
    const abort = new AbortController()
    const loading: Loading = { abort, arrived: new Set(), marks: [], told: this.#told }
    this.#loading = loading
    this.#load(abort.signal).then(
      (page) => {
        if (this.#loading === loading) this.#loaded(page, loading)
      },
      (error: unknown) => {
        if (this.#loading !== loading) return
        this.#loading = undefined
        const told = asError(error)
        this.#change({ error: told, loading: false })
        if (told.temporary) this.#retry = setTimeout(() => this.#reload(), RETRY_MS)
      },
    )
  }

  /** What was told while it was fetched may be in it, or not. */
  #loaded(page: NotificationsPage, { arrived, marks, told }: Loading): void {
    this.#loading = undefined
    const listed = new Set(page.notifications.map(({ id }) => id))
    const newer = this.#state.items.filter(({ id }) => arrived.has(id) && !listed.has(id))
    const items = marks
      // Which of them were meant by `all`, the next page says.
      .filter((ids) => ids !== 'all')
      .reduce(markedIn, [...newer, ...page.notifications])
    const isDoubtful = told !== this.#told || marks.length > 0
    const unread = isDoubtful ? this.#state.unread : page.unread
    this.#change({ items, hasMore: page.more, unread, loading: false, error: undefined })
    if (isDoubtful) this.#retry = setTimeout(() => this.#reload(), AGAIN_MS)
  }

  /** The newest page, and as many behind it as were there before. */
  async #load(signal: AbortSignal): Promise<NotificationsPage> {
    const wanted = Math.max(this.#pageSize, this.#state.items.length)
    const found: Notification[] = []
    for (;;) {
      const before = found.at(-1)?.id
      const limit = Math.min(MAX_PAGE, wanted - found.length)
      const page = await this.list({ before, limit }, { signal })
      found.push(...page.notifications)
      if (!page.more || page.notifications.length === 0 || found.length >= wanted) {
        return { ...page, notifications: found }
      }
    }
  }

  #heard(type: string, payload: JsonObject): void {
    if (type === 'notification') this.#arrived([payload], payload)
    if (type === 'notifications_batch') this.#arrived(listOf(payload), payload)
    if (type === 'unread_count') this.#counted(payload)
  }

  /** `list`: oldest first. */
  #arrived(list: readonly JsonObject[], { unread }: JsonObject): void {
    const known = new Set(this.#state.items.map(({ id }) => id))
    const fresh = list.map(toNotification).filter(({ id }) => !known.has(id))
    for (const { id } of fresh) this.#loading?.arrived.add(id)
    if (typeof unread === 'number') this.#told += 1
    const items = [...fresh.toReversed(), ...this.#state.items]
    this.#change({
      items: items.slice(0, MAX_ITEMS),
      ...(items.length > MAX_ITEMS ? { hasMore: true } : {}),
      ...(typeof unread === 'number' ? { unread } : {}),
    })
    for (const notification of fresh) this.#arrivals.emit(notification)
  }

  #counted({ count, read }: JsonObject): void {
    const ids = read === 'all' || Array.isArray(read) ? (read as string[] | 'all') : []
    if (ids.length > 0) this.#loading?.marks.push(ids)
    if (typeof count === 'number') this.#told += 1
    const items = markedIn(this.#state.items, ids)
    this.#change({ items, ...(typeof count === 'number' ? { unread: count } : {}) })
  }

  /** What a client is told when it subscribes: something to show before the first page is there. */
  #greeted({ type, payload }: Envelope): void {
    if (this.#closed || !this.#state.loading || this.#channel === undefined) return
    if (type === 'unread_count') return this.#counted(payload)
    if (type !== 'notifications_batch' || this.#state.items.length > 0) return
    this.#change({ items: listOf(payload).map(toNotification).toReversed() })
  }

  #change(change: Partial<NotificationsState>): void {
    const before = this.#state
    const isSame = (key: string): boolean =>
      before[key as keyof NotificationsState] === change[key as keyof NotificationsState]
    if (this.#closed || Object.keys(change).every(isSame)) return
    this.#state = { ...before, ...change }
    this.#changes.emit(this.#state)
  }
}

/** The same array when none of them changes. */
function markedIn(
  items: readonly Notification[],
  ids: readonly string[] | 'all',
): readonly Notification[] {
  const among = ids === 'all' ? undefined : new Set(ids)
  const isMarked = ({ id, read }: Notification): boolean => !read && (among?.has(id) ?? true)
  if (!items.some(isMarked)) return items
  return items.map((item) => (isMarked(item) ? { ...item, read: true } : item))
}

function unreadIn(items: readonly Notification[]): number {
  return items.reduce((count, { read }) => count + (read ? 0 : 1), 0)
}

/** Of all groups, oldest first. */
function listOf({ groups, order }: JsonObject): JsonObject[] {
  const all = Object.values(groups as Record<string, JsonObject[]>).flat()
  if (Array.isArray(order)) {
    const places = new Map(order.map((id, i) => [id, i]))
    const placeOf = ({ id }: JsonObject): number => places.get(id ?? null) ?? -1
    return all.sort((a, b) => placeOf(a) - placeOf(b))
  }
  const keyOf = (one: JsonObject): string => `${one['created_at'] as string} ${one['id'] as string}`
  return all.sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
}

/** Without the count that comes with it. */
function toNotification(payload: JsonObject): Notification {
  const { unread, ...notification } = payload
  return (unread === undefined ? payload : notification) as unknown as Notification
}

function asError(error: unknown): TidewireError {
  if (error instanceof TidewireError) return error
  return new TidewireError('unknown_error', String(error), { cause: error })
}

/** Why it may not subscribe is in the state of the channel, and so in `error`. */
function toldByState(): void {}
