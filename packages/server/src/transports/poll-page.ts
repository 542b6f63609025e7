import { type Down, encodeCursor, type Position } from '@tidewire/protocol'
import type { ChannelBatch } from '../core/ports/batch.ts'

const MAX_PUBLICATIONS = 500
const MAX_CHARACTERS = 1024 * 1024

/** `epoch` is absent when the channel has no log any more. */
interface Reset {
  channel: string
  epoch?: string
  offset: number
  reason: string
}

/** A page as it is sent. */
export interface PollAnswer {
  cursor: string
  body: string
  /** Of the body, in bytes. */
  length: number
}

/**
 * What one poll answers. Its cursor says exactly what it holds: what it does not take comes with the next poll, from
 * the log, and so does everything after it. That is why a full page takes nothing more, of no channel.
 */
export class PollPage {
  readonly #resumed: ReadonlySet<string>
  readonly #positions: Map<string, Position>
  readonly #shared: SharedPages | undefined
  /** All there is so far, where that can be shared. */
  #only: ChannelBatch | undefined
  readonly #publications: string[] = []
  readonly #resets: Reset[] = []
  /** Channels of which the page holds publications. */
  readonly #told = new Set<string>()
  #characters = 0
  #full = false

  /** `shared`: of polls of one channel. */
  constructor(since: ReadonlyMap<string, Position> | undefined, shared?: SharedPages) {
    this.#positions = new Map(since)
    this.#resumed = new Set(since?.keys())
    this.#shared = shared
  }

  get empty(): boolean {
    return this.#only === undefined && this.#publications.length === 0 && this.#resets.length === 0
  }

  get cursor(): string {
    return encodeCursor(this.#positions)
  }

  position(channel: string): Position | undefined {
    return this.#positions.get(channel)
  }

  subscribed({ channel, epoch, offset, reason }: Down['subscribed']): void {
    this.#ownAll()
    // A full page does not move on: what was lost is found again by the next poll.
    const lost = reason !== undefined && this.#resumed.has(channel)
    if (this.#full && lost) return
    this.#move(channel, epoch, offset)
    if (lost) {
      this.#resets.push({ channel, ...(epoch === undefined ? {} : { epoch }), offset, reason })
    }
  }

  reset({ channel, epoch, offset, reason }: Down['reset']): void {
    this.#ownAll()
    // A page tells resets and publications apart from each other, so a reader takes the resets first. One that comes
    // after publications of its channel is for the next page.
    if (this.#told.has(channel)) this.#full = true
    if (this.#full) return
    this.#move(channel, epoch, offset)
    this.#resets.push({ channel, epoch, offset, reason })
  }

  add(batch: ChannelBatch): void {
    if (this.#shared !== undefined && this.empty) {
      this.#only = batch
      return
    }
    this.#ownAll()
    this.#take(batch)
  }

  answer(): PollAnswer {
    if (this.#only !== undefined) return this.#shared!.answer(this.#only)
    const { cursor } = this
    const publications = this.#publications.join(',')
    const resets = JSON.stringify(this.#resets)
    const body = `{"cursor":${JSON.stringify(cursor)},"publications":[${publications}],"resets":${resets}}`
    return { cursor, body, length: Buffer.byteLength(body) }
  }

  /** Something else comes: the page is one of its own. */
  #ownAll(): void {
    if (this.#only === undefined) return
    this.#take(this.#only)
    this.#only = undefined
  }

  #take({ channel, epoch, publications, texts }: ChannelBatch): void {
    for (const [i, publication] of publications.entries()) {
      if (this.#full) return
      const text = texts[i]!
      this.#publications.push(text)
      this.#told.add(channel)
      const { offset } = publication.metadata
      if (offset !== undefined) this.#move(channel, epoch, offset)
      this.#characters += text.length
      this.#full =
        this.#publications.length >= MAX_PUBLICATIONS || this.#characters >= MAX_CHARACTERS
    }
  }

  #move(channel: string, epoch: string | undefined, offset: number): void {
    // A channel without a log has no position to come back to.
    if (epoch === undefined) this.#positions.delete(channel)
    else this.#positions.set(channel, { epoch, offset })
  }
}

/**
 * Pages of one batch and nothing else, of polls of one channel: all who ask from the same cursor get the same, one after
 * the other, whether they waited for it or the log had it. The last page is kept.
 */
export class SharedPages {
  #batch: ChannelBatch | undefined
  #answer: PollAnswer | undefined

  answer(batch: ChannelBatch): PollAnswer {
    if (this.#answer === undefined || !isSame(batch, this.#batch)) {
      const page = new PollPage(undefined)
      page.add(batch)
      this.#batch = batch
      this.#answer = page.answer()
    }
    return this.#answer
  }
}

/** By what they say: a publication of the log may have been replaced. Nearly always the texts are the same strings. */
function isSame(batch: ChannelBatch, other: ChannelBatch | undefined): boolean {
  return (
    batch === other ||
    (batch.channel === other?.channel &&
      batch.epoch === other.epoch &&
      batch.texts.length === other.texts.length &&
      batch.texts.every((text, i) => text === other.texts[i]))
  )
}
