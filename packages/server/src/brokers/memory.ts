import { isDeepStrictEqual } from 'node:util'
import { type JsonObject, type Position, ProtocolError, type Publication } from '@tidewire/protocol'
import type { Broker, OnPublications, Range, ReadPage, Receipt } from '../core/ports/broker.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Retention } from '../core/ports/log.ts'
import { digestOf } from './digest.ts'
import { HotLog } from './hot-log.ts'
import { HotMemory } from './hot-memory.ts'
import { Joined } from './joined.ts'
import { IdHash } from './id-hash.ts'
import type { Remembered } from './id-table.ts'
import { type IdBudget, RecentIds, WINDOW_MS } from './recent-ids.ts'

/** What the broker may hold, whatever is published, beside what `HotMemory` bounds. About 150 bytes an id. */
export interface MemoryLimits {
  /** Publications of all channels together; above it the channel unused for longest is forgotten. */
  entries: number
  /** Channels without a local subscriber; above it the one unused for longest is forgotten. */
  idle_channels: number
  /** `message_id`s remembered of one channel, in each of two generations. */
  ids_per_channel: number
  /** `message_id`s remembered of all channels together. */
  ids: number
}

export const DEFAULT_MEMORY_LIMITS: MemoryLimits = {
  entries: 500_000,
  idle_channels: 100_000,
  ids_per_channel: 50_000,
  ids: 1_000_000,
}

const DEFAULT_MEMORY_RETENTION: Retention = { max_entries: 1000, max_age_ms: 5 * 60_000 }

export interface MemoryBrokerOptions {
  clock: Clock
  retention?: Retention
  limits?: MemoryLimits
  /** What the brokers that share it take together: 256 MiB when none is given. */
  memory?: HotMemory
  /** A unique string of `[A-Za-z0-9_-]`, at most 40 long: this life of the process. */
  newId: () => string
}

/**
 * Durability `memory`: the hot log of this process. Publications are appended and delivered before `publish` returns.
 *
 * Every channel has an epoch of its own. A channel that nobody is subscribed to is forgotten an hour after its last
 * use (later when its entries are kept longer), or sooner when there are too many; it comes back with a new epoch.
 */
export class MemoryBroker implements Broker {
  readonly #clock: Clock
  readonly #retention: Retention
  readonly #limits: MemoryLimits
  readonly #ids: IdBudget
  readonly #idHash = new IdHash()
  readonly #memory: HotMemory
  readonly #held = { entries: 0 }
  readonly #life: string
  readonly #joined = new Joined()
  readonly #channels = new Map<string, Channel>()
  /** Those without a local subscriber, the one unused for longest first. */
  readonly #idle = new Map<string, Channel>()
  #opened = 0
  #onPublications: OnPublications = () => undefined
  #cancelSweep: () => void = () => undefined

  constructor({ clock, retention, limits, memory, newId }: MemoryBrokerOptions) {
    this.#clock = clock
    this.#retention = retention ?? DEFAULT_MEMORY_RETENTION
    this.#limits = limits ?? DEFAULT_MEMORY_LIMITS
    this.#memory = memory ?? new HotMemory()
    this.#ids = { used: 0, perChannel: this.#limits.ids_per_channel, total: this.#limits.ids }
    this.#life = newId()
  }

  start(onPublications: OnPublications): Promise<void> {
    this.#onPublications = onPublications
    this.#scheduleSweep()
    return DONE
  }

  publish(draft: Publication): Promise<Receipt> | Receipt {
    const now = this.#clock.steady()
    const { type, payload, metadata } = draft
    const { channel: name, message_id } = metadata
    const channel = this.#use(name, now)
    const offset = channel.log.newest + 1
    metadata.offset = offset
    const text = JSON.stringify({ type, payload, metadata })
    // Quotes inside of values are escaped, and metadata has no such key: the last one is the one.
    const body = text.lastIndexOf(METADATA)
    const digest = digestOf(text, body)
    const first = channel.ids.find(message_id, now)
    if (first !== undefined) return repeated(channel, first, digest, draft)
    channel.log.append(text, body - PAYLOAD_AT - type.length, now)
    this.#retain(channel, now)
    channel.ids.remember(message_id, offset, digest, now)
    if (channel.joined || this.#joined.has(name)) {
      this.#onPublications(name, channel.epoch, [draft], [text])
    }
    return { epoch: channel.epoch, offset, duplicate: false }
  }

  history(name: string, range: Range): Promise<ReadPage> {
    const now = this.#clock.steady()
    const { log, epoch } = this.#use(name, now)
    this.#expire(log, now)
    return Promise.resolve({ epoch, oldest: log.oldest, newest: log.newest, ...log.read(range) })
  }

  replace(name: string, { epoch, offset }: Position, payload: JsonObject): Promise<boolean> {
    const channel = this.#channels.get(name)
    if (channel?.epoch !== epoch) return Promise.resolve(false)
    const now = this.#clock.steady()
    this.#use(name, now)
    this.#expire(channel.log, now)
    const replaced = channel.log.replace(offset, payload, JSON.stringify(payload).length)
    if (replaced === undefined) return Promise.resolve(false)
    channel.ids.replaced(replaced.metadata.message_id, offset)
    this.#memory.makeRoom()
    return Promise.resolve(true)
  }

  join(name: string): undefined {
    this.#joined.add(name)
    if (name.endsWith(':*')) return
    this.#use(name, this.#clock.steady()).joined = true
    this.#idle.delete(name)
  }

  leave(name: string): Promise<void> {
    this.#joined.delete(name)
    const channel = this.#channels.get(name)
    if (channel !== undefined) {
      channel.joined = false
      this.#use(name, this.#clock.steady())
    }
    return DONE
  }

  stop(): Promise<void> {
    this.#cancelSweep()
    return DONE
  }

  #use(name: string, now: number): Channel {
    let channel = this.#channels.get(name)
    if (channel === undefined) {
      this.#opened += 1
      const ids = new RecentIds(this.#ids, this.#idHash)
      const log = new HotLog(this.#memory, this.#held)
      channel = new Channel(`${this.#life}.${this.#opened.toString(36)}`, ids, log)
      this.#channels.set(name, channel)
    }
    if (!channel.joined) {
      channel.usedAt = now
      this.#idle.delete(name)
      this.#idle.set(name, channel)
      if (this.#idle.size > this.#limits.idle_channels) this.#forgetFirst()
    }
    return channel
  }

  #forgetFirst(): void {
    for (const [name, channel] of this.#idle) {
      channel.log.clear()
      channel.ids.clear()
      this.#idle.delete(name)
      this.#channels.delete(name)
      return
    }
  }

  #retain(channel: Channel, now: number): void {
    const { max_entries = Infinity } = this.#retention
    this.#expire(channel.log, now)
    // Rather than what was published a moment ago, what nobody has used for longest goes.
    const others = this.#idle.size > (channel.joined ? 0 : 1)
    if (this.#held.entries > this.#limits.entries && others) this.#forgetFirst()
    if (channel.log.size > max_entries || this.#held.entries > this.#limits.entries) {
      channel.log.dropOldest()
    }
    this.#memory.makeRoom()
  }

  #expire(log: HotLog, now: number): void {
    const { max_age_ms } = this.#retention
    if (max_age_ms !== undefined) log.expire(now - max_age_ms)
  }

  #scheduleSweep(): void {
    this.#cancelSweep = this.#clock.after(SWEEP_EVERY_MS, () => {
      this.#sweep(this.#clock.steady())
      this.#scheduleSweep()
    })
  }

  #sweep(now: number): void {
    const forgetBefore = now - Math.max(IDLE_MS, this.#retention.max_age_ms ?? 0)
    for (const { usedAt } of this.#idle.values()) {
      if (usedAt >= forgetBefore) break
      this.#forgetFirst()
    }
    for (const { log, ids } of this.#channels.values()) {
      this.#expire(log, now)
      log.shrink()
      ids.fade(now)
    }
  }
}

/** One life of one channel. */
class Channel {
  readonly epoch: string
  readonly ids: RecentIds
  readonly log: HotLog
  /** Somebody on this node is subscribed. */
  joined = false
  usedAt = 0

  constructor(epoch: string, ids: RecentIds, log: HotLog) {
    this.epoch = epoch
    this.ids = ids
    this.log = log
  }
}

function repeated(
  { epoch, log }: Channel,
  { offset, digest }: Remembered,
  other: number,
  draft: Publication,
): Promise<Receipt> | Receipt {
  if (digest === undefined || digest === other || isSame(log, offset, draft)) {
    return { epoch, offset, duplicate: true }
  }
  return Promise.reject(
    new ProtocolError(
      'conflict',
      'The channel already holds this `message_id` with another type or payload. Use a new one.',
    ),
  )
}

/** The order of keys says nothing: who repeats a publish may have encoded it anew. */
function isSame(log: HotLog, offset: number, { type, payload }: Publication): boolean {
  const [first] = log.read({ after: offset - 1, limit: 1 }).publications
  if (first?.metadata.offset !== offset || first.type !== type) return false
  return isDeepStrictEqual(first.payload, JSON.parse(JSON.stringify(payload)))
}

/** Of a publication as JSON: what its metadata begin with, and where its payload begins, but for the type. */
const METADATA = ',"metadata":{'
const PAYLOAD_AT = '{"type":"","payload":'.length
const SWEEP_EVERY_MS = 30_000
// Longer than the window of ids, so that forgetting never shortens it.
const IDLE_MS = 12 * WINDOW_MS
const DONE = Promise.resolve()
