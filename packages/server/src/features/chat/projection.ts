import { ProtocolError, type Publication } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import { DIRECT, directUsers, ROOMS } from './channels.ts'
import { type Followed, FollowedChannels, reject, unavailable } from './followed.ts'
import type { Notices } from './notices.ts'
import { Outcomes } from './outcomes.ts'
import type { ChatDatabase } from './tables.ts'
import { changes, enterTake, take, type Take } from './take.ts'

/** Publications that wait for the tables; those beyond are read from the log instead. */
const MAX_QUEUED = 2_000
const MAX_QUEUED_IN_ALL = 20_000
/** Of one transaction, which holds up all others. */
const CHANNELS_AT_ONCE = 100
const PUBLICATIONS_AT_ONCE = 1_000
/** After outcomes that could not be written; each wait is twice as long as the one before. */
const RETRY_MS = 1_000
const MAX_RETRY_MS = 60_000
/** How soon what the retention took out of a log is gone from the tables. */
const TRIM_MS = 60_000

/**
 * Follows the logs of all rooms and direct talks into the tables: in order, many publications in one transaction, which
 * also says how far it is. What a crash left out is found when the channel is used the next time, and all of it soon after
 * the start.
 */
export class Projection {
  readonly #server: Server
  readonly #database: ChatDatabase
  readonly #notices: Notices
  readonly #channels: FollowedChannels
  readonly #dirty = new Set<Followed>()
  readonly #off: (() => void)[]
  #queued = 0
  readonly #outcomes: Outcomes
  /** There may be publications whose outcome is not in the log. */
  #outcomesDue = true
  #retryMs = RETRY_MS
  /** In steady milliseconds, while `#cancelRetry` is there. */
  #retryAt = 0
  #cancelRetry: (() => void) | undefined
  readonly #rounds: ReturnType<Server['rounds']>
  #cancelTrim: () => void = () => undefined
  #closed = false

  constructor(server: Server, database: ChatDatabase, notices: Notices) {
    this.#server = server
    this.#database = database
    this.#notices = notices
    this.#outcomes = new Outcomes(server, database)
    this.#rounds = server.rounds('chat', () => this.#run())
    this.#channels = new FollowedChannels(
      database,
      (channel) => this.#dirty.has(channel) || channel.inRound,
    )
    this.#off = [ROOMS, DIRECT].map((namespace) =>
      server.subscribe(`${namespace}:*`, (publication) => this.#deliver(publication)),
    )
  }

  /** Goes on where the last life ended, behind everything that is asked for meanwhile. */
  start(): void {
    this.#rounds.kick()
    this.#notices.kick()
    this.#catchUp().catch((error: unknown) => this.#report(error))
    this.#trimLater()
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const off of this.#off) off()
    this.#cancelTrim()
    this.#cancelRetry?.()
    await this.#rounds.close()
    for (const channel of this.#channels.all()) reject(channel.waiting.splice(0), stopping())
  }

  /** The channel, when the tables have everything that was acknowledged before. Rejects with `unavailable`. */
  async settled(name: string): Promise<Followed> {
    if (this.#closed) throw stopping()
    const channel = await this.#channels.open(name)
    if (!channel.behind && channel.queue.length === 0 && !channel.inRound) return channel
    await new Promise<void>((resolve, reject) => {
      channel.waiting.push({ resolve, reject })
      this.#touch(channel)
    })
    return channel
  }

  /** Makes sure that the channel will be found after a crash, before anything is published to it. */
  known(name: string): Promise<unknown> | undefined {
    return this.#channels.get(name)?.id === undefined ? this.number(name) : undefined
  }

  /** The number of the channel in the tables, which is made when there is none. */
  async number(name: string): Promise<number> {
    const channel = await this.#channels.open(name)
    return channel.id ?? this.#channels.enter(channel)
  }

  #deliver(publication: Publication): void {
    const { channel: name, offset } = publication.metadata
    if (offset === undefined || this.#closed) return
    const channel = this.#channels.get(name)
    if (channel === undefined) {
      this.settled(name).catch((error: unknown) => this.#report(error))
      return
    }
    if (channel.queue.length >= MAX_QUEUED || this.#queued >= MAX_QUEUED_IN_ALL) {
      this.#queued -= channel.queue.length
      channel.queue = []
      channel.behind = true
    } else {
      channel.queue.push(publication)
      this.#queued += 1
    }
    this.#touch(channel)
  }

  async #catchUp(): Promise<void> {
    for (let after = 0; ;) {
      const rows = await this.#database
        .selectFrom('chat_channels')
        .select(['id', 'channel'])
        .where('id', '>', after)
        .orderBy('id')
        .limit(CHANNELS_AT_ONCE)
        .execute()
      if (rows.length === 0 || this.#closed) return
      await Promise.all(rows.map(({ channel }) => this.settled(channel)))
      after = rows.at(-1)!.id
    }
  }

  /** Looks at the logs that lose their beginnings, as long as the tables have something of them. */
  #trimLater(): void {
    this.#cancelTrim = this.#server.clock.after(TRIM_MS, () => {
      for (const channel of this.#channels.all()) {
        if (channel.seen < channel.oldest || !this.#isTrimmed(channel)) continue
        channel.behind = true
        this.#touch(channel)
      }
      this.#trimLater()
    })
  }

  #isTrimmed({ name }: Followed): boolean {
    const policy = this.#server.policyOf(name.slice(0, name.indexOf(':')))
    return policy?.durability === 'memory' || Object.keys(policy?.retention ?? {}).length > 0
  }

  #touch(channel: Followed): void {
    this.#dirty.add(channel)
    this.#rounds.kick()
  }

  async #run(): Promise<void> {
    while ((this.#dirty.size > 0 || this.#mayWrite) && !this.#closed) {
      if (this.#dirty.size > 0) await this.#roundOrFail()
      if (this.#mayWrite) await this.#writeOutcomes()
    }
  }

  get #mayWrite(): boolean {
    return this.#outcomesDue && this.#cancelRetry === undefined
  }

  /** What fails here is tried again a little later, and holds up nobody who waits for the tables. */
  async #writeOutcomes(): Promise<void> {
    try {
      this.#outcomesDue = await this.#outcomes.writeSome()
      if (!this.#outcomesDue) this.#retryMs = RETRY_MS
    } catch (error) {
      this.#report(error)
      if (this.#closed) return
      this.#retryAfter(this.#retryMs)
      this.#retryMs = Math.min(MAX_RETRY_MS, this.#retryMs * 2)
    }
  }

  #retryAfter(ms: number): void {
    this.#cancelRetry?.()
    this.#retryAt = this.#server.clock.steady() + ms
    this.#cancelRetry = this.#server.clock.after(ms, () => {
      this.#cancelRetry = undefined
      this.#rounds.kick()
    })
  }

  /** What is new does not wait as long as what has failed often. */
  #retrySoon(): void {
    const isLate = this.#retryAt - this.#server.clock.steady() > RETRY_MS
    if (this.#cancelRetry !== undefined && isLate && !this.#closed) this.#retryAfter(RETRY_MS)
  }

  /** Whoever waits is told when it fails; the log has all of it, and is read again a little later. */
  async #roundOrFail(): Promise<void> {
    try {
      await this.#round()
    } catch (error) {
      this.#outcomesDue = true
      for (const channel of this.#dirty) {
        channel.inRound = false
        channel.behind = true
        reject(channel.waiting.splice(0), unavailable(error))
      }
      throw error
    }
  }

  /** What fails while the server stops is found again by the next one. */
  #report(error: unknown): void {
    if (!this.#closed) this.#server.failed('chat', error)
  }

  async #round(): Promise<void> {
    let room = PUBLICATIONS_AT_ONCE
    const taken: Promise<Take>[] = []
    for (const channel of [...this.#dirty].slice(0, CHANNELS_AT_ONCE)) {
      if (room <= 0) break
      channel.inRound = true
      const waiting = channel.queue.length
      taken.push(take(channel, room, this.#server))
      room -= Math.max(1, waiting)
    }
    const outcomes = await Promise.allSettled(taken)
    const takes = outcomes.flatMap((outcome) => ('value' in outcome ? [outcome.value] : []))
    try {
      for (const outcome of outcomes) if ('reason' in outcome) throw outcome.reason
      await this.#commit(takes.filter(changes))
    } catch (error) {
      for (const { waiting } of takes) reject(waiting, unavailable(error))
      throw error
    }
    for (const finished of takes) this.#finish(finished)
  }

  async #commit(takes: readonly Take[]): Promise<void> {
    if (takes.length === 0) return
    // Before the transaction, which may come to nothing.
    for (const { channel } of takes) {
      if (channel.id === undefined) await this.#channels.enter(channel)
    }
    const since = this.#notices.since()
    const isRewritten = await this.#database.transaction().execute(async (transaction) => {
      const rewritten: boolean[] = []
      for (const next of takes) {
        const { id, name } = next.channel
        const all = directUsers(name) !== undefined
        const terms = since === undefined ? undefined : { all, since }
        rewritten.push(await enterTake(transaction, id!, next, terms))
      }
      return rewritten.includes(true)
    })
    this.#notices.kick()
    if (!isRewritten) return
    this.#outcomesDue = true
    this.#retrySoon()
  }

  #finish({ channel, epoch, seen, oldest, complete, waiting }: Take): void {
    channel.inRound = false
    channel.epoch = epoch
    channel.seen = seen
    channel.oldest = oldest
    const before = channel.queue.length
    channel.queue = channel.queue.filter(({ metadata }) => metadata.offset! > seen)
    this.#queued -= before - channel.queue.length
    if (complete) for (const { resolve } of waiting) resolve()
    else channel.waiting.unshift(...waiting)
    if (channel.behind || channel.queue.length > 0 || channel.waiting.length > 0) return
    this.#dirty.delete(channel)
  }
}

function stopping(): ProtocolError {
  return new ProtocolError('unavailable', 'The server is stopping. Try again a little later.')
}
