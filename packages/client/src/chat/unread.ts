import type { Envelope, Publication } from '@tidewire/protocol'
import type { Tidewire } from '../client.ts'
import { Emitter, reportUnheard } from '../emitter.ts'
import type { TidewireError } from '../errors.ts'
import { steadyTimers, type Timers } from '../transports/heartbeat.ts'
import type { ListenerOptions } from '../types.ts'
import { type Counted, countsOf, type UnreadCount } from './unread-counts.ts'

/** What makes a count doubtful comes in bursts: they are asked for together. */
const ASK_AFTER_MS = 300
const RETRY_MS = 5000
/** Messages of a channel that are counted here; those beyond are not in the count until the server counts again. */
const MAX_LATER = 500
/** Rooms that came, and those that are not live. */
const REFRESH_MS = 60_000
/** A connection may hold 128 channels, and rooms need some. */
const MAX_LIVE = 100

export interface UnreadOptions {
  /** Channels such as `chat:general`. Default: the rooms and direct talks that the server knows this user by. */
  channels?: readonly string[] | undefined
  /** @internal */
  timers?: Timers | undefined
}

/** Immutable: the same object until something changes. */
export interface UnreadSnapshot {
  readonly channels: Readonly<Record<string, UnreadCount>>
  /** Over all of them. */
  readonly unread: number
  readonly mentions: number
  /** They have not been counted yet. */
  readonly loading: boolean
  /** Why they could not be counted. */
  readonly error: TidewireError | undefined
}

export const NO_UNREAD: UnreadSnapshot = {
  channels: {},
  unread: 0,
  mentions: 0,
  loading: false,
  error: undefined,
}

/**
 * What is unread over the rooms of a user. The server counts; what is published after that is counted here, for which the
 * channels are subscribed to: at most 100 of them, the others are counted with each connection.
 */
export class Unread {
  readonly #client: Tidewire
  readonly #wished: readonly string[] | undefined
  readonly #timers: Timers
  readonly #changes = new Emitter<UnreadSnapshot>(reportUnheard)
  readonly #live = new Map<string, () => void>()
  /** To be counted again. */
  #doubtful: Set<string> | 'all' = new Set()
  #timer: unknown
  #refresh: unknown
  readonly #told = new Map<string, Counted>()
  readonly #later = new Map<string, Later[]>()
  #asking: AbortController | undefined
  #stops: (() => void)[] = []
  #snapshot: UnreadSnapshot = NO_UNREAD

  /** @internal */
  constructor(client: Tidewire, { channels, timers = steadyTimers }: UnreadOptions = {}) {
    this.#client = client
    this.#wished = channels
    this.#timers = timers
  }

  get snapshot(): UnreadSnapshot {
    return this.#snapshot
  }

  /** Called after every change, with the new snapshot. Returns what removes the listener. */
  onChange(fn: (snapshot: UnreadSnapshot) => void, options?: ListenerOptions): () => void {
    return this.#changes.on(fn, options)
  }

  /** Counts, until `close()`. */
  open(): void {
    if (this.#stops.length > 0) return
    this.#stops = [
      this.#client.on('frame', (frame) => this.#hear(frame)),
      this.#client.on('state', ({ to }) => {
        this.#asking?.abort()
        this.#asking = undefined
        if (to.name === 'connected') this.#doubt(undefined, 0)
      }),
    ]
    this.#look({ loading: true, error: undefined })
    this.#doubt(undefined, 0)
  }

  /** Asks the server again, for one channel or for all. */
  recount(channel?: string): void {
    if (this.#stops.length > 0) this.#doubt(channel)
  }

  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
    for (const name of this.#live.keys()) this.#unfollow(name)
    this.#asking?.abort()
    this.#asking = undefined
    this.#timers.clear(this.#timer)
    this.#timers.clear(this.#refresh)
    this.#timer = undefined
    this.#look({ loading: false })
  }

  /** Counts one of them again, or all. */
  #doubt(channel?: string, afterMs = ASK_AFTER_MS): void {
    if (channel === undefined) this.#doubtful = 'all'
    else if (this.#doubtful !== 'all') this.#doubtful.add(channel)
    this.#timer ??= this.#timers.set(() => {
      this.#timer = undefined
      void this.#ask()
    }, afterMs)
  }

  async #ask(): Promise<void> {
    if (this.#client.state.name !== 'connected' || this.#asking !== undefined) return
    const asked = this.#doubtful
    const asking = new AbortController()
    const { signal } = asking
    this.#asking = asking
    this.#doubtful = new Set()
    const channels = asked === 'all' ? this.#wished : [...asked]
    try {
      const payload = channels === undefined ? {} : { channels: [...channels] }
      const answer = await this.#client.request('unread_get', payload, { signal })
      if (signal.aborted) return
      this.#counted(countsOf(answer), asked === 'all')
    } catch (cause) {
      if (signal.aborted) return
      this.#failed(cause as TidewireError, asked)
    } finally {
      if (this.#asking === asking) this.#asking = undefined
    }
    this.#askLater()
  }

  /** What became doubtful while another question was under way had to wait. */
  #askLater(): void {
    if (this.#doubtful === 'all') return this.#doubt()
    for (const channel of this.#doubtful) this.#doubt(channel)
  }

  #counted(counts: Readonly<Record<string, Counted>>, isAll: boolean): void {
    if (isAll) {
      this.#told.clear()
      for (const channel of this.#live.keys()) if (!(channel in counts)) this.#unfollow(channel)
      for (const channel of this.#later.keys())
        if (!(channel in counts)) this.#later.delete(channel)
      this.#timers.clear(this.#refresh)
      this.#refresh = this.#timers.set(() => this.#doubt(), REFRESH_MS)
    }
    for (const [channel, count] of Object.entries(counts)) {
      this.#told.set(channel, count)
      const later = this.#later.get(channel)?.filter(({ offset }) => offset > count.offset) ?? []
      this.#later.set(channel, later)
      this.#follow(channel)
    }
    this.#look({ loading: false, error: undefined })
  }

  #failed(error: TidewireError, asked: ReadonlySet<string> | 'all'): void {
    this.#look({ loading: false, error })
    // Of these one is not in any more; the others are found by asking for all.
    if (asked !== 'all' && error.reason === 'forbidden') return this.#doubt()
    if (!error.temporary) return
    if (asked === 'all') this.#doubt(undefined, RETRY_MS)
    else for (const channel of asked) this.#doubt(channel, RETRY_MS)
  }

  /** Hears what is published from now on. A room that shares the channel may end its stream: it is wanted here still. */
  #follow(name: string): void {
    if (this.#live.has(name) || this.#live.size >= MAX_LIVE) return
    const channel = this.#client.channel(name)
    // What it is refused for leaves the count as it is.
    const subscribe = (): void =>
      void channel.subscribe({ since: channel.position }).catch(() => undefined)
    const stops = [
      channel.on('*', (publication) => this.#published(name, publication)),
      channel.onReset(() => this.#doubt(name)),
      channel.onState((state) => {
        if (state.name === 'subscribed') this.#doubt(name)
        if (state.name !== 'unsubscribed' || state.error !== undefined) return
        queueMicrotask(() => {
          if (this.#live.has(name)) subscribe()
        })
      }),
    ]
    this.#live.set(name, () => {
      for (const stop of stops) stop()
    })
    subscribe()
  }

  #unfollow(name: string): void {
    this.#live.get(name)?.()
    this.#live.delete(name)
    this.#client
      .channel(name)
      .unsubscribe()
      .catch(() => undefined)
  }

  #published(name: string, { type, payload, metadata }: Publication): void {
    if (type === 'message_delete' || type === 'message_edit') return this.#doubt(name)
    const [told, later] = [this.#told.get(name), this.#later.get(name)]
    const { offset = 0, user } = metadata
    if (type !== 'message' || user === this.#me()) return
    if (told === undefined || later === undefined || offset <= told.offset) return
    if (later.length >= MAX_LATER) return this.#doubt(name)
    const { mentions } = payload
    const isMention = Array.isArray(mentions) && mentions.some((one) => one === this.#me())
    later.push({ offset, isMention })
    this.#countOne(name, isMention)
  }

  /** One more message in one channel: the counts of the others stay what they are. */
  #countOne(name: string, isMention: boolean): void {
    const { channels, unread, mentions } = this.#snapshot
    const count = channels[name]
    if (count === undefined) return
    const more = isMention ? 1 : 0
    const counted = { ...count, unread: count.unread + 1, mentions: count.mentions + more }
    this.#show({
      ...this.#snapshot,
      channels: { ...channels, [name]: counted },
      unread: unread + 1,
      mentions: mentions + more,
    })
  }

  #hear({ type, payload }: Envelope): void {
    const { channel, user } = payload
    if (user !== this.#me()) return
    // On another device.
    if (type === 'read_receipt' && typeof channel === 'string' && this.#told.has(channel)) {
      this.#doubt(channel)
    }
    if (type === 'user_joined' || type === 'user_left') this.#doubt()
  }

  #me(): string | undefined {
    const { state } = this.#client
    return state.name === 'connected' ? state.user : undefined
  }

  #look(change: Pick<Partial<UnreadSnapshot>, 'loading' | 'error'>): void {
    const channels: Record<string, UnreadCount> = {}
    let unread = 0
    let mentions = 0
    for (const [name, told] of this.#told) {
      const later = this.#later.get(name) ?? []
      const count = {
        lastRead: told.lastRead,
        unread: told.unread + later.length,
        mentions: told.mentions + later.filter(({ isMention }) => isMention).length,
      }
      channels[name] = count
      unread += count.unread
      mentions += count.mentions
    }
    this.#show({ ...this.#snapshot, ...change, channels, unread, mentions })
  }

  #show(snapshot: UnreadSnapshot): void {
    this.#snapshot = snapshot
    this.#changes.emit(snapshot)
  }
}

/** A message of somebody else that came after the server had counted, or about then. */
interface Later {
  readonly offset: number
  readonly isMention: boolean
}
