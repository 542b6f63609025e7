import type { Channel } from './channel.ts'
import type { Tidewire } from './client.ts'
import { Emitter, reportUnheard } from './emitter.ts'
import { TidewireError } from './errors.ts'
import { type Activity, type FeedEntry, merge, refreshed } from './feed-entries.ts'
import { askHttp } from './http.ts'
import type { ListenerOptions, Published, PublishOptions } from './types.ts'

export type { Activity, FeedEntry } from './feed-entries.ts'

/** What this user says that they did. */
export interface ActivityInput {
  /** Such as `liked`. */
  verb: string
  /** To what, such as `photo:7`. */
  object?: string
  /** Where, such as `album:3`. */
  target?: string
  text?: string
}

/** Immutable: the same object until something changes. */
export interface FeedState {
  /** Newest first. */
  readonly entries: readonly FeedEntry[]
  /** The newest page was not fetched yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  /** There are older ones: see `loadMore`. */
  readonly hasMore: boolean
  /** Why the feed cannot be had; what may pass is tried again by itself. */
  readonly error: TidewireError | undefined
}

export interface FeedOptions {
  /** Whose feed. Default: the user of the connection, which is only known over WebSocket. */
  user?: string | undefined
  /** Entries of a page, 1 to 100. Default 20. */
  pageSize?: number | undefined
}

export interface FollowList {
  users: string[]
  /** Of all, not of this page. */
  count: number
  more: boolean
}

interface Page {
  entries: FeedEntry[]
  next: string | null
}

const EMPTY: FeedState = {
  entries: [],
  loading: true,
  loadingMore: false,
  hasMore: false,
  error: undefined,
}
const PAGE_SIZE = 20
const MAX_PAGE = 100
const RETRY_MS = 5_000
/** Activities that only the server can place are placed together. */
const REFRESH_MS = 250

/** The feed of the client's user, live. It subscribes to the channel `feed:<user>`, until `close`. Make one for each client. */
export function feed(client: Tidewire, options: FeedOptions = {}): Feed {
  return new Feed(client, options)
}

export class Feed {
  readonly #client: Tidewire
  readonly #pageSize: number
  readonly #changes = new Emitter<FeedState>(reportUnheard)
  readonly #stops: (() => void)[]
  #state = EMPTY
  #user: string | undefined
  #channel: Channel | undefined
  #next: string | null = null
  /** The newest page is on its way; holds what arrives meanwhile. */
  #loading: { abort: AbortController; arrived: Activity[] } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(client: Tidewire, { user, pageSize = PAGE_SIZE }: FeedOptions) {
    this.#client = client
    this.#user = user
    this.#pageSize = pageSize
    this.#stops = [
      client.on('state', () => this.#open()),
      client.on('frame', ({ type, payload }) => {
        if (type === 'activity') this.#arrive(payload as unknown as Activity)
      }),
    ]
    this.#open()
  }

  get state(): FeedState {
    return this.#state
  }

  /** Whose feed it is, as soon as that is known. */
  get user(): string | undefined {
    return this.#user
  }

  /** After every change of `state`. Returns what removes the listener. */
  onChange(fn: (state: FeedState) => void, options?: ListenerOptions): () => void {
    return this.#changes.on(fn, options)
  }

  /** Says it to all followers. Offline it waits, as every publication. */
  async post(activity: ActivityInput, options?: PublishOptions): Promise<Published> {
    const channel = this.#channel
    if (channel === undefined) throw nobody()
    return channel.publish('activity', { ...activity }, options)
  }

  /** What the other says from now on is in this feed. */
  async follow(other: string, options?: ListenerOptions): Promise<void> {
    await this.#ask('PUT', `/following/${encodeURIComponent(other)}`, options)
  }

  /** What the other says from now on is not in this feed; what was, stays. */
  async unfollow(other: string, options?: ListenerOptions): Promise<void> {
    await this.#ask('DELETE', `/following/${encodeURIComponent(other)}`, options)
  }

  /** Whom this user follows, or who follows this user, in the order of their ids: at most `limit` (100) after `after`. */
  async list(
    who: 'following' | 'followers',
    { after, limit = 100, ...options }: { after?: string; limit?: number } & ListenerOptions = {},
  ): Promise<FollowList> {
    const query = new URLSearchParams({ limit: String(limit), ...(after && { after }) })
    const answer = (await this.#ask('GET', `/${who}?${query}`, options)) as FollowList
    const { users, count, more } = answer
    return { users, count, more }
  }

  /** Fetches an older page; harmless when there is none, or one is on its way. Never rejects: see `state.error`. */
  async loadMore(): Promise<void> {
    const before = this.#next
    if (before === null || this.#state.loadingMore || this.#closed) return
    this.#set({ loadingMore: true })
    try {
      const page = await this.#page(this.#pageSize, before)
      // A refresh may have taken the place of what it continues.
      if (this.#next !== before) return this.#set({ loadingMore: false })
      const known = new Set(this.#state.entries.map(({ id }) => id))
      const older = page.entries.filter(({ id }) => !known.has(id))
      this.#next = page.next
      this.#set({
        entries: [...this.#state.entries, ...older],
        hasMore: page.next !== null,
        loadingMore: false,
        error: undefined,
      })
    } catch (error) {
      this.#set({ loadingMore: false, error: error as TidewireError })
    }
  }

  /** Fetches the newest page anew. Never rejects. */
  async refresh(): Promise<void> {
    if (this.#closed || this.#channel === undefined) return
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#loading?.abort.abort()
    const loading = { abort: new AbortController(), arrived: this.#loading?.arrived ?? [] }
    this.#loading = loading
    try {
      const size = Math.min(MAX_PAGE, Math.max(this.#pageSize, this.#state.entries.length))
      const page = await this.#page(size, undefined, loading.abort.signal)
      if (this.#loading === loading) this.#loaded(page, loading.arrived)
    } catch (error) {
      if (this.#loading === loading) this.#failed(error as TidewireError)
    }
  }

  /** Ends the subscription. */
  close(): void {
    if (this.#closed) return
    this.#closed = true
    for (const stop of this.#stops) stop()
    clearTimeout(this.#timer)
    this.#loading?.abort.abort()
    this.#loading = undefined
    this.#channel?.unsubscribe().catch(ended)
  }

  #open(): void {
    const { state } = this.#client
    if (this.#channel !== undefined || this.#closed) return
    if (state.name === 'connected') this.#user ??= state.user
    if (this.#user === undefined) return
    const channel = this.#client.channel(`feed:${this.#user}`)
    this.#channel = channel
    this.#stops.push(
      channel.on('activity', ({ payload }) => this.#arrive(payload as unknown as Activity)),
      channel.onReset(() => void this.refresh()),
      channel.onState(() => this.#follow(channel)),
    )
    channel.subscribe().catch(ended)
    this.#follow(channel)
  }

  /** With every subscription it is fetched anew: what was pulled meanwhile is in no log. */
  #follow({ state }: Channel): void {
    if (state.name === 'subscribed') void this.refresh()
    else if (state.name === 'unsubscribed' && state.error !== undefined) {
      this.#set({ loading: false, error: state.error })
    }
  }

  #arrive(activity: Activity): void {
    if (this.#closed) return
    if (this.#loading !== undefined) this.#loading.arrived.push(activity)
    else this.#merge(activity)
  }

  #merge(activity: Activity): void {
    const { entries, hasMore } = this.#state
    const merged = merge(entries, activity, hasMore)
    if (merged.entries !== entries) this.#set({ entries: merged.entries })
    if (merged.isUnsure) this.#timer ??= setTimeout(() => void this.refresh(), REFRESH_MS)
  }

  #loaded(page: Page, arrived: readonly Activity[]): void {
    this.#loading = undefined
    const { entries, keepsOlder } = refreshed(this.#state.entries, page.entries, page.next !== null)
    if (!keepsOlder) this.#next = page.next
    this.#set({ entries, loading: false, hasMore: this.#next !== null, error: undefined })
    for (const activity of arrived) this.#merge(activity)
  }

  #failed(error: TidewireError): void {
    this.#loading = undefined
    this.#set({ loading: false, error })
    if (error.temporary) {
      this.#timer ??= setTimeout(() => void this.refresh(), error.retryAfterMs ?? RETRY_MS)
    }
  }

  async #page(limit: number, before?: string, signal?: AbortSignal): Promise<Page> {
    const query = new URLSearchParams({ limit: String(limit), ...(before && { before }) })
    return (await this.#ask('GET', `?${query}`, { signal })) as Page
  }

  async #ask(method: string, path: string, options?: ListenerOptions): Promise<unknown> {
    if (this.#user === undefined) throw nobody()
    return askHttp(this.#client, method, `/v1/feeds/${this.#user}${path}`, options)
  }

  #set(change: Partial<FeedState>): void {
    this.#state = { ...this.#state, ...change }
    this.#changes.emit(this.#state)
  }
}

function nobody(): TidewireError {
  const message = 'Nobody knows yet whose feed it is: wait for the connection, or pass `user`.'
  return new TidewireError('invalid_argument', message, { temporary: true })
}

/** A subscription that was refused, or given up, is in `state.error`. */
function ended(): void {}
