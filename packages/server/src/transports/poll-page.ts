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

/**
 * What one poll answers. Its cursor says exactly what it holds: what it does not take comes with the next poll, from
 * the log, and so does everything after it. That is why a full page takes nothing more, of no channel.
 */
export class PollPage {
  readonly #resumed: ReadonlySet<string>
  readonly #positions: Map<string, Position>
  readonly #publications: string[] = []
  readonly #resets: Reset[] = []
  /** Channels of which the page holds publications. */
  readonly #told = new Set<string>()
  #characters = 0
  #full = false

  constructor(since: ReadonlyMap<string, Position> | undefined) {
    this.#positions = new Map(since)
    this.#resumed = new Set(since?.keys())
  }

  get empty(): boolean {
    return this.#publications.length === 0 && this.#resets.length === 0
  }

  get cursor(): string {
    return encodeCursor(this.#positions)
  }

  position(channel: string): Position | undefined {
    return this.#positions.get(channel)
  }

  subscribed({ channel, epoch, offset, reason }: Down['subscribed']): void {
    // A full page does not move on: what was lost is found again by the next poll.
    const lost = reason !== undefined && this.#resumed.has(channel)
    if (this.#full && lost) return
    this.#move(channel, epoch, offset)
    if (lost) {
      this.#resets.push({ channel, ...(epoch === undefined ? {} : { epoch }), offset, reason })
    }
  }

  reset({ channel, epoch, offset, reason }: Down['reset']): void {
    // A page tells resets and publications apart from each other, so a reader takes the resets first. One that comes
    // after publications of its channel is for the next page.
    if (this.#told.has(channel)) this.#full = true
    if (this.#full) return
    this.#move(channel, epoch, offset)
    this.#resets.push({ channel, epoch, offset, reason })
  }

  add({ channel, epoch, publications, texts }: ChannelBatch): void {
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

  toJson(): string {
    const resets = JSON.stringify(this.#resets)
    const cursor = JSON.stringify(this.cursor)
    return `{"cursor":${cursor},"publications":[${this.#publications.join(',')}],"resets":${resets}}`
  }

  #move(channel: string, epoch: string | undefined, offset: number): void {
    // A channel without a log has no position to come back to.
    if (epoch === undefined) this.#positions.delete(channel)
    else this.#positions.set(channel, { epoch, offset })
  }
}
