import type { Down, Position } from '@tidewire/protocol'
import { Held, judge, lostReason, reaches, startOfLast } from './catch-up.ts'
import { Conflation, type Conflations } from './conflation.ts'
import { type Batch, ChannelBatch } from './ports/batch.ts'
import type { Broker, ReadPage } from './ports/broker.ts'

/** Publications that one read of the log brings. */
const PAGE = 500
const MAX_HELD = 2_000

/** What a subscription needs of its session. */
export interface Reader {
  deliver(batch: Batch, publications: number): void
  push(batch: Batch): void
  reset(payload: Down['reset']): void
  /** Reads a page of history when the connection has room for it: one at a time, whoever asks. */
  page<T>(read: () => Promise<T>): Promise<T>
  /** The log could not be read: the position cannot be kept. */
  fail(error: unknown): void
}

export interface Start {
  since?: Position | undefined
  last?: number | undefined
  /** Whether `since` may bring what was missed; without it the stream starts now, after a gap that is told. */
  mayRecover?: boolean
  /** `mode: "latest"`: milliseconds between two deliveries of one key. */
  latestMs?: number | undefined
}

/**
 * One session × one channel, with its position.
 *
 *   start ──► reading ──► live ──► (gap) ──► reading ──► …      ended
 *
 * While it reads the log, live batches are held; when the log has brought it to where they begin, they are merged
 * and it goes live in the same turn. Every delivery is checked by offset, so nothing is doubled or skipped wherever
 * it came from.
 */
export class Subscription {
  readonly channel: string
  /** Whether its client was told that it stands. */
  announced = false
  readonly #broker: Broker
  readonly #reader: Reader
  readonly #conflation: Conflation | undefined
  #state: 'reading' | 'live' | 'ended' = 'reading'
  #position: Position | undefined
  /** Live batches that wait for the log; undefined when there are none. */
  #held: Held | undefined
  /** What the log was said to hold while it was read: that page may be older. */
  #missed: Position | undefined

  constructor(
    channel: string,
    broker: Broker,
    reader: Reader,
    conflations: Conflations,
    { latestMs }: Start,
  ) {
    this.channel = channel
    this.#broker = broker
    this.#reader = reader
    this.#conflation =
      latestMs === undefined
        ? undefined
        : new Conflation(conflations, latestMs, (batch) =>
            reader.deliver(batch, batch.envelopes.length),
          )
  }

  /** A channel without a log: no position, no history. Undefined when the subscription ended before it began. */
  startUnlogged(since: Position | undefined): Down['subscribed'] | undefined {
    if (this.#state === 'ended') return undefined
    this.#state = 'live'
    return {
      channel: this.channel,
      offset: 0,
      recovered: false,
      ...(since === undefined ? {} : { reason: 'expired' as const }),
    }
  }

  /**
   * Finds the position to start from and announces it; what is to be caught up follows by itself.
   * Rejects when the log cannot be read. Publications that the hub hands over in between are held. False when the
   * subscription ended before it began.
   */
  async start(
    { since, last, mayRecover = true }: Start,
    announce: (subscribed: Down['subscribed']) => void,
  ): Promise<boolean> {
    let page =
      since === undefined
        ? await this.#read(undefined, 0)
        : await this.#reader.page(() => this.#read(since.offset, PAGE))
    if (this.#state === 'ended') return false
    const reason = since && (mayRecover ? lostReason(since, page) : 'expired')
    const recovered = since !== undefined && reason === undefined
    if (recovered) {
      this.#position = { ...since }
    } else {
      this.#position = startOfLast(last ?? 0, page)
      // The bounds were read, but not what lies between them.
      page = { ...page, publications: [], texts: [], more: this.#position.offset < page.newest }
    }
    const subscribed = {
      channel: this.channel,
      ...this.#position,
      recovered,
      ...(reason === undefined ? {} : { reason }),
      oldest: page.oldest,
    }
    announce(subscribed)
    if (!this.#take(page)) this.#readOn()
    return true
  }

  /** What the hub hands out: publications of this channel, ascending. */
  deliver(batch: ChannelBatch): void {
    if (this.#state === 'ended') return
    if (this.#state === 'reading') return this.#hold(batch)
    switch (judge(this.#position, batch)) {
      case 'deliver':
        return this.#send(batch)
      case 'overlap':
        return this.#send(batch.after(this.#position!.offset))
      case 'gap':
        this.#state = 'reading'
        this.#hold(batch)
        return this.#readOn()
      case 'duplicate':
    }
  }

  signal(batch: Batch, except: ReadonlySet<unknown>): void {
    if (this.#state !== 'ended' && !except.has(this.#reader)) this.#reader.push(batch)
  }

  /** The bus lost what the log holds: reads it. */
  missed(top: Position): void {
    if (this.#state === 'reading' && !reaches(this.#missed, top)) this.#missed = top
    if (this.#state !== 'live' || this.#position === undefined) return
    if (reaches(this.#position, top)) return
    this.#state = 'reading'
    this.#readOn()
  }

  end(): void {
    this.#state = 'ended'
    this.#conflation?.end()
  }

  #hold(batch: ChannelBatch): void {
    this.#held ??= new Held(MAX_HELD)
    this.#held.add(batch)
  }

  #read(after: number | undefined, limit: number): Promise<ReadPage> {
    return this.#broker.history(this.channel, {
      ...(after === undefined ? {} : { after }),
      limit,
    })
  }

  #readOn(): void {
    this.#readToLive().catch((error: unknown) => {
      if (this.#state !== 'ended') this.#reader.fail(error)
    })
  }

  async #readToLive(): Promise<void> {
    for (;;) {
      let heldBefore = 0
      const position = this.#position!
      const page = await this.#reader.page(() => {
        heldBefore = this.#held?.length ?? 0
        return this.#read(position.offset, PAGE)
      })
      if (this.#ended()) return
      this.#held?.dropStale(heldBefore, page.epoch)
      const reason = lostReason(position, page)
      if (reason !== undefined) this.#reset(reason, page)
      else if (this.#take(page)) return
    }
  }

  /** Delivers a page that follows the position; true when that made the subscription live. */
  #take(page: ReadPage): boolean {
    if (page.publications.length > 0) {
      this.#send(new ChannelBatch(this.channel, page.epoch, page.publications, page.texts))
    }
    if (page.more) return false
    const taken = this.#held?.take(this.#position!)
    for (const batch of taken?.batches ?? []) this.#send(batch)
    if (taken?.complete === false || this.#hasMissed()) return false
    this.#state = 'live'
    this.#held = undefined
    return true
  }

  /** Asked once for what was missed: the page that is read next has all there is of it. */
  #hasMissed(): boolean {
    const missed = this.#missed
    this.#missed = undefined
    return missed !== undefined && !reaches(this.#position, missed)
  }

  #reset(reason: 'expired' | 'epoch_changed', page: ReadPage): void {
    this.#conflation?.flush()
    this.#position = { epoch: page.epoch, offset: page.newest }
    this.#reader.reset({ channel: this.channel, ...this.#position, reason })
  }

  #send(batch: ChannelBatch): void {
    if (this.#position !== undefined) this.#position.offset = batch.last
    if (this.#conflation === undefined) this.#reader.deliver(batch, batch.publications.length)
    else this.#conflation.add(batch)
  }

  // A method, because the state may change during an await, which narrowing does not see.
  #ended(): boolean {
    return this.#state === 'ended'
  }
}
