import type { Position } from '@tidewire/protocol'
import type { ChannelBatch } from './ports/batch.ts'
import type { Page } from './ports/broker.ts'

/** What a batch is to a reader that stands at `at`. */
export type Verdict = 'deliver' | 'overlap' | 'duplicate' | 'gap'

/**
 * The whole delivery rule. `overlap`: the reader holds the beginning of the batch already and gets the rest.
 * Channels without a log have no offsets: everything is delivered.
 */
export function judge(at: Position | undefined, batch: ChannelBatch): Verdict {
  if (batch.epoch === undefined || at === undefined) return 'deliver'
  if (batch.epoch !== at.epoch) return 'gap'
  if (batch.first === at.offset + 1) return 'deliver'
  if (batch.last <= at.offset) return 'duplicate'
  return batch.first <= at.offset ? 'overlap' : 'gap'
}

/** Whether who stands at `at` has `top`. */
export function reaches(at: Position | undefined, top: Position): boolean {
  return at?.epoch === top.epoch && at.offset >= top.offset
}

/** Why the log cannot take a reader on from `at`; `undefined` when it can. */
export function lostReason(at: Position, page: Page): 'expired' | 'epoch_changed' | undefined {
  // A position above the log's end belongs to a life of the log that this one does not continue.
  if (page.epoch !== at.epoch || at.offset > page.newest) return 'epoch_changed'
  return at.offset < page.oldest - 1 ? 'expired' : undefined
}

/** Where `last: n` begins. */
export function startOfLast(n: number, page: Page): Position {
  return { epoch: page.epoch, offset: Math.max(page.oldest - 1, page.newest - n) }
}

/**
 * The live batches that came while a subscription read the log. Bounded: when they are too many all are let go, and
 * the log, which has them too, is read further.
 */
export class Held {
  readonly #max: number
  #batches: ChannelBatch[] = []
  #size = 0
  #top: Position | undefined

  constructor(maxPublications: number) {
    this.#max = maxPublications
  }

  get length(): number {
    return this.#batches.length
  }

  add(batch: ChannelBatch): void {
    if (batch.epoch !== undefined) this.#top = { epoch: batch.epoch, offset: batch.last }
    this.#size += batch.publications.length
    if (this.#size > this.#max) {
      this.#batches = []
      this.#size = 0
      return
    }
    this.#batches.push(batch)
  }

  /** Drops those of the first `count` batches that are not of `epoch`: a log that was read later is newer than they. */
  dropStale(count: number, epoch: string): void {
    this.#batches = this.#batches.filter((batch, i) => i >= count || batch.epoch === epoch)
    if (this.#batches.length === 0 && this.#top?.epoch !== epoch) this.#top = undefined
  }

  /**
   * The batches that follow `at` without a hole. `complete`: the reader then stands where the live stream is; otherwise
   * the log has to be read again from the last of them.
   */
  take(at: Position): { batches: ChannelBatch[]; complete: boolean } {
    const batches: ChannelBatch[] = []
    let offset = at.offset
    for (const batch of this.#batches) {
      const verdict = judge({ epoch: at.epoch, offset }, batch)
      if (verdict === 'gap') return { batches, complete: false }
      if (verdict === 'duplicate') continue
      batches.push(verdict === 'overlap' ? batch.after(offset) : batch)
      offset = batch.last
    }
    const top = this.#top
    return {
      batches,
      complete: top === undefined || (top.epoch === at.epoch && offset >= top.offset),
    }
  }
}
