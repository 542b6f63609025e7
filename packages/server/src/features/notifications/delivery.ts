import type { FrameLimits, JsonObject } from '@tidewire/protocol'
import { countThatFit, grouped } from './fit.ts'
import type { Notification } from './types.ts'
import { withoutBody } from './user-logs.ts'

/** Users that are told in one turn of the event loop. */
const USERS_PER_TURN = 500
/** Of `unread_count`; each id has 128 characters at most. */
const IDS_PER_FRAME = 100

export interface Frame {
  type: string
  payload: JsonObject
}

/** What it needs of time: a part of the server's clock. */
interface Clock {
  steady(): number
  after(ms: number, fn: () => void): () => void
  endOfTurn(fn: () => void): void
}

export interface DeliveryOptions {
  clock: Clock
  limits: FrameLimits
  /** For how long what follows a frame is gathered. */
  windowMs: number
  /** So many are not gathered any longer. */
  max: number
  /** Called for the frames of a user in their order. */
  publish: (user: string, frame: Frame) => Promise<unknown>
  onError: (error: unknown) => void
}

/** A user who was told something a moment ago. */
interface Window {
  readonly user: string
  end: number
  /** Oldest first. */
  pending: Notification[]
  unread: number
}

/** What is to be told in its turn. */
interface Ready {
  /** Empty when it is of no notifications. */
  pending: Notification[]
  make: () => { user: string; frames: Frame[] }
}

/**
 * Tells users of their notifications as they come: the first one at once, those of the second after it together, grouped
 * by kind. Everybody is told in the order in which it was called; many users are told over several turns.
 */
export class Delivery {
  readonly #options: DeliveryOptions
  /** By user; they end in their order, because all are equally long. */
  readonly #windows = new Map<string, Window>()
  readonly #ready: Ready[] = []
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #idle: (() => void)[] = []
  #cancel: (() => void) | undefined
  #scheduled = false

  constructor(options: DeliveryOptions) {
    this.#options = options
  }

  /** Users that are still to be told. */
  get waiting(): number {
    return this.#ready.length
  }

  /** `unread`: with this one. */
  notify(user: string, notification: Notification, unread: number): void {
    const window = this.#windows.get(user)
    if (window === undefined) {
      const opened = this.#open({ user, end: 0, pending: [notification], unread })
      return this.#tell(opened)
    }
    window.pending.push(notification)
    window.unread = unread
    if (window.pending.length >= this.#options.max) this.#tell(window)
  }

  /** What was marked as read, by whichever device. */
  count(user: string, unread: number, read: readonly string[] | 'all'): void {
    const window = this.#windows.get(user)
    // What came before it is told before it.
    if (window !== undefined) {
      if (window.pending.length > 0) this.#tell(window)
      window.unread = unread
    }
    this.#add({ pending: [], make: () => ({ user, frames: countsOf(unread, read) }) })
  }

  /** Takes the text of a notification out of what waits. Resolves when what left with it is where it was to go. */
  async clear(id: string, users: readonly string[]): Promise<void> {
    for (const user of users) clearIn(this.#windows.get(user)?.pending ?? [], id)
    for (const { pending } of this.#ready) clearIn(pending, id)
    await Promise.all(this.#underWay)
  }

  /** Resolves when nobody is still to be told of what was to be told at once. */
  async drained(): Promise<void> {
    if (this.#ready.length > 0) await new Promise<void>((resolve) => this.#idle.push(resolve))
    await Promise.all(this.#underWay)
  }

  /** Tells everything that is gathered. */
  async close(): Promise<void> {
    this.#cancel?.()
    for (const window of this.#windows.values()) if (window.pending.length > 0) this.#tell(window)
    this.#windows.clear()
    await this.drained()
  }

  #open(window: Window): Window {
    const { clock, windowMs } = this.#options
    window.end = clock.steady() + windowMs
    this.#windows.delete(window.user)
    this.#windows.set(window.user, window)
    if (this.#windows.size === 1) this.#arm(windowMs)
    return window
  }

  #arm(ms: number): void {
    this.#cancel?.()
    this.#cancel = this.#options.clock.after(ms, () => this.#look())
  }

  #look(): void {
    const now = this.#options.clock.steady()
    // Those that go on are moved behind all others.
    for (const window of this.#windows.values()) {
      if (window.end > now) return this.#arm(window.end - now)
      if (window.pending.length === 0) this.#windows.delete(window.user)
      else this.#tell(this.#open(window))
    }
  }

  #tell(window: Window): void {
    const { user, pending } = window
    window.pending = []
    // Its number is that of the moment when it leaves: one from before could come after a newer one.
    const make = () => ({ user, frames: this.#frames(pending, window.unread) })
    this.#add({ pending, make })
  }

  #frames(pending: readonly Notification[], unread: number): Frame[] {
    const [only] = pending
    if (only !== undefined && pending.length === 1) {
      return [{ type: 'notification', payload: { ...only, unread } }]
    }
    const count = countThatFit(pending, this.#options.limits)
    const frame = batchOf(pending.slice(0, count), unread)
    return count >= pending.length
      ? [frame]
      : [frame, ...this.#frames(pending.slice(count), unread)]
  }

  #add(ready: Ready): void {
    this.#ready.push(ready)
    if (this.#scheduled) return
    this.#scheduled = true
    // With everything that the same call brings.
    queueMicrotask(() => this.#drain())
  }

  #drain(): void {
    this.#scheduled = false
    for (const { make } of this.#ready.splice(0, USERS_PER_TURN)) {
      const { user, frames } = make()
      for (const frame of frames) this.#publish(user, frame)
    }
    if (this.#ready.length === 0) {
      for (const resolve of this.#idle.splice(0)) resolve()
    } else {
      this.#scheduled = true
      this.#options.clock.endOfTurn(() => this.#drain())
    }
  }

  #publish(user: string, frame: Frame): void {
    const published = this.#options.publish(user, frame).catch(this.#options.onError)
    this.#underWay.add(published)
    void published.finally(() => this.#underWay.delete(published))
  }
}

function clearIn(pending: Notification[], id: string): void {
  for (const [i, one] of pending.entries()) if (one.id === id) pending[i] = withoutBody(one)
}

function countsOf(count: number, read: readonly string[] | 'all'): Frame[] {
  if (read === 'all') return [{ type: 'unread_count', payload: { count, read } }]
  const frames: Frame[] = []
  for (let i = 0; i < read.length; i += IDS_PER_FRAME) {
    const payload = { count, read: read.slice(i, i + IDS_PER_FRAME) }
    frames.push({ type: 'unread_count', payload })
  }
  return frames
}

/** `notifications_batch`: by kind, each oldest first; `order` has the ids of all, as they stand in the inbox. */
export function batchOf(notifications: readonly Notification[], unread: number): Frame {
  const order = notifications.map(({ id }) => id)
  return { type: 'notifications_batch', payload: { groups: grouped(notifications), order, unread } }
}
