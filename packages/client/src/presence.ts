import type { Envelope, JsonObject } from '@tidewire/protocol'
import type { Channel } from './channel.ts'
import type { Tidewire } from './client.ts'
import { Emitter, reportUnheard } from './emitter.ts'
import { TidewireError } from './errors.ts'
import type { ListenerOptions } from './types.ts'
import { Wait, type WaitOptions } from './wait.ts'

/** A user who is present, over however many tabs and devices. */
export interface PresentMember {
  readonly user: string
  readonly data: JsonObject
}

export interface PresenceOptions {
  /** Whether to fetch who is there. `false` is for those who only enter: they know the `count`. Default `true`. */
  list?: boolean | undefined
}

/** What this client says of itself. Compared by identity: every word is a new one. */
interface Wish {
  readonly present: boolean
  readonly data: JsonObject | undefined
}

const ABSENT: Wish = { present: false, data: undefined }
const PAGE = 1000
/** Listeners are told once for all that changes within a frame of the screen. */
const NOTIFY_MS = 16
const RETRY_MS = 5000

/**
 * Who is present in a channel, and whether this client is. Make one for each channel; it needs its subscription, which is
 * the app's to begin and to end. Only over WebSocket: over SSE and long polling `error` is `unavailable`.
 */
export function presence(
  client: Tidewire,
  channel: string,
  options: PresenceOptions = {},
): Presence {
  return new Presence(client, channel, options)
}

export class Presence {
  readonly #client: Tidewire
  readonly #channel: Channel
  readonly #lists: boolean
  readonly #changes = new Emitter<void>(reportUnheard)
  readonly #stops: (() => void)[]
  #wish: Wish = ABSENT
  /** What the server has heard on this subscription. */
  #told: Wish = ABSENT
  #waits = new Set<Wait<void>>()
  #members = new Map<string, PresentMember>()
  /** The list that is being fetched; it takes the place of the other when it is whole. */
  #fetched: Fetched | undefined
  #snapshot: readonly PresentMember[] | undefined = []
  #count = 0
  #loading: boolean
  #error: TidewireError | undefined
  /** Ends with the subscription. */
  #live: AbortController | undefined
  #syncing = false
  #notifying: ReturnType<typeof setTimeout> | undefined
  #closed = false

  constructor(client: Tidewire, channel: string, { list = true }: PresenceOptions) {
    this.#client = client
    this.#channel = client.channel(channel)
    this.#lists = list
    this.#loading = true
    this.#stops = [
      this.#channel.onState(() => this.#turn()),
      client.on('frame', (frame) => this.#heard(frame)),
    ]
    this.#turn()
  }

  /** The same array until somebody comes, goes or changes. What was known before a reconnect stays until it is known anew. */
  get members(): readonly PresentMember[] {
    return (this.#snapshot ??= [...this.#members.values()])
  }

  /** How many are there, which may be known before all of them are. */
  get count(): number {
    return this.#count
  }

  /** What is there was not fetched yet. */
  get loading(): boolean {
    return this.#loading
  }

  /** Why the list cannot be had, or this client cannot enter. */
  get error(): TidewireError | undefined {
    return this.#error
  }

  /** After every change of `members`, `count`, `loading` or `error`. Returns what removes the listener. */
  onChange(fn: () => void, options?: ListenerOptions): () => void {
    return this.#changes.on(fn, options)
  }

  /**
   * Is present from now on, over reconnects, until `leave`. Without `data` the member keeps what it has from another tab.
   * Resolves when the server knows; before there is a subscription it waits. Rejects with what the server refused it for.
   */
  enter(data?: JsonObject, wait: WaitOptions = {}): Promise<void> {
    return this.#want({ present: true, data: data && copyOf(data) }, wait)
  }

  /** Others see these data from now on. Rejects with `invalid_argument` when this client has not entered. */
  update(data: JsonObject, wait: WaitOptions = {}): Promise<void> {
    if (this.#wish.present) return this.enter(data, wait)
    const message = 'This client is not present: call enter() first.'
    return Promise.reject(new TidewireError('invalid_argument', message))
  }

  /** Is not present any more; the user is, while another of its tabs is. Resolves when the server knows. */
  leave(wait: WaitOptions = {}): Promise<void> {
    return this.#want({ ...ABSENT }, wait)
  }

  /** Leaves, and hears nothing more. */
  close(): void {
    if (this.#closed) return
    if ((this.#wish.present || this.#told.present) && this.#live !== undefined) {
      this.#client.request('presence_leave', { channel: this.#channel.name }).catch(unheard)
    }
    this.#closed = true
    for (const stop of this.#stops) stop()
    clearTimeout(this.#notifying)
    this.#live?.abort()
    this.#live = undefined
    this.#settle(new TidewireError('closed', 'The presence is closed.'))
  }

  #want(wish: Wish, options: WaitOptions): Promise<void> {
    if (this.#closed) {
      return Promise.reject(new TidewireError('closed', 'The presence is closed: make another.'))
    }
    this.#wish = wish
    const wait = new Wait<void>('The presence', options, () => this.#waits.delete(wait))
    this.#waits.add(wait)
    // Who is not there need not leave.
    if (this.#live === undefined && !wish.present) this.#settle()
    else this.#sync()
    return wait.promise
  }

  /** The channel has another state. */
  #turn(): void {
    const { state } = this.#channel
    this.#live?.abort()
    this.#live = undefined
    this.#told = ABSENT
    this.#fetched = undefined
    if (state.name === 'unsubscribed' && state.error !== undefined) {
      this.#fail(state.error)
      this.#settle(state.error)
    }
    if (state.name !== 'subscribed') return
    this.#live = new AbortController()
    this.#error = undefined
    this.#sync()
    void this.#list(this.#live.signal)
  }

  #sync(): void {
    if (this.#live === undefined || this.#syncing) return
    this.#syncing = true
    void this.#tell(this.#live.signal)
  }

  /** Until the server knows the last word. Never rejects. */
  async #tell(signal: AbortSignal): Promise<void> {
    let wish = this.#wish
    try {
      while (!signal.aborted && this.#told !== this.#wish) {
        wish = this.#wish
        await this.#say(wish, signal)
        if (!signal.aborted) this.#told = wish
      }
      if (!signal.aborted) this.#settle()
    } catch (error) {
      if (!signal.aborted && wish === this.#wish) this.#refused(error as TidewireError, signal)
    }
    this.#syncing = false
    // There is another subscription, or another word.
    if (signal.aborted || wish !== this.#wish) this.#sync()
  }

  #refused(error: TidewireError, signal: AbortSignal): void {
    this.#fail(error)
    this.#settle(error)
    this.#retry(signal, () => this.#sync())
  }

  async #say({ present, data }: Wish, signal: AbortSignal): Promise<void> {
    const channel = this.#channel.name
    const payload = data === undefined ? { channel } : { channel, data }
    // Also when it is there already: entering again is how it says other data.
    const type = present ? 'presence_enter' : 'presence_leave'
    await this.#client.request(type, payload, { signal })
  }

  /** Never rejects. */
  async #list(signal: AbortSignal): Promise<void> {
    this.#loading = true
    const fetched: Fetched = { members: new Map(), told: new Set() }
    this.#fetched = fetched
    try {
      for (let after: string | undefined; ;) {
        const page = await this.#page(after, signal)
        if (signal.aborted) return
        for (const { user, data } of page.members) {
          if (!fetched.told.has(user)) fetched.members.set(user, { user, data })
        }
        if (fetched.told.size === 0) this.#count = page.count
        after = page.members.at(-1)?.user
        if (!page.more || after === undefined) break
      }
      this.#members = fetched.members
      this.#loading = false
    } catch (error) {
      if (signal.aborted) return
      this.#fail(error as TidewireError)
      this.#retry(signal, () => void this.#list(signal))
    } finally {
      if (this.#fetched === fetched) this.#fetched = undefined
    }
    this.#changed()
  }

  #page(after: string | undefined, signal: AbortSignal): Promise<Page> {
    const channel = this.#channel.name
    const from = after === undefined ? {} : { after }
    const payload = { channel, limit: this.#lists ? PAGE : 0, ...from }
    return this.#client.request('presence_get', payload, {
      signal,
    }) as Promise<unknown> as Promise<Page>
  }

  #heard({ type, payload }: Envelope): void {
    if (type !== 'presence_update' || payload['channel'] !== this.#channel.name) return
    const { action, user, data, count } = payload as unknown as Told
    this.#fetched?.told.add(user)
    for (const members of [this.#members, this.#fetched?.members]) {
      if (members === undefined || !this.#lists) continue
      if (action === 'leave') members.delete(user)
      else members.set(user, { user, data })
    }
    this.#count = count
    this.#changed()
  }

  #fail(error: TidewireError): void {
    this.#error = error
    this.#loading = false
    this.#changed()
  }

  /** Where that can help: a transport that carries no commands begins a new subscription when it is replaced. */
  #retry(signal: AbortSignal, again: () => void): void {
    const { state } = this.#client
    const carries = state.name === 'connected' && state.transport === 'websocket'
    if (!this.#error?.temporary || !carries) return
    const timer = setTimeout(again, RETRY_MS)
    signal.addEventListener('abort', () => clearTimeout(timer))
  }

  #settle(error?: TidewireError): void {
    const waits = this.#waits
    this.#waits = new Set()
    for (const wait of waits) {
      if (error === undefined) wait.resolve()
      else wait.reject(error)
    }
  }

  #changed(): void {
    this.#snapshot = undefined
    this.#notifying ??= setTimeout(() => {
      this.#notifying = undefined
      this.#changes.emit()
    }, NOTIFY_MS)
  }
}

interface Fetched {
  readonly members: Map<string, PresentMember>
  /**
   * Whom changes were told of since it was asked for. They count, wherever they came: a page may be looked at only after
   * what was told behind it, and what it shows that differs from what was told is told again.
   */
  readonly told: Set<string>
}

interface Page {
  members: readonly PresentMember[]
  count: number
  more: boolean
}

interface Told extends PresentMember {
  action: 'enter' | 'update' | 'leave'
  count: number
}

/** What the app does with its object later is not what was said. */
function copyOf(data: JsonObject): JsonObject {
  return JSON.parse(JSON.stringify(data)) as JsonObject
}

/** Told otherwise, or nobody's any more. */
function unheard(): void {}
