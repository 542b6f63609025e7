import type { IdHash } from './id-hash.ts'
import { IdTable, type Remembered } from './id-table.ts'

/** How long a `message_id` identifies a publication (PROTOCOL.md §4). */
export const WINDOW_MS = 5 * 60_000

/** How many ids are remembered by all channels of a broker together. */
export interface IdBudget {
  used: number
  readonly perChannel: number
  readonly total: number
}

/**
 * The `message_id`s of one channel in the last five minutes, in two generations: one that fills, one that fades.
 *
 * Bound: a generation ends after five minutes, at `perChannel` ids, or when the channels together hold `total`: the
 * older generation is then forgotten at once, so under such load the window is shorter instead of the memory larger.
 */
export class RecentIds {
  readonly #budget: IdBudget
  readonly #hash: IdHash
  #young = new IdTable()
  #old: IdTable | undefined
  #youngSince = -Infinity

  constructor(budget: IdBudget, hash: IdHash) {
    this.#budget = budget
    this.#hash = hash
  }

  find(id: string, now: number): Remembered | undefined {
    this.#hash.of(id)
    const { low, high } = this.#hash
    const remembered = this.#young.get(low, high) ?? this.#old?.get(low, high)
    return remembered !== undefined && now - remembered.at <= WINDOW_MS ? remembered : undefined
  }

  remember(id: string, offset: number, digest: number, at: number): void {
    const { used, perChannel, total } = this.#budget
    if (at - this.#youngSince > WINDOW_MS || this.#young.size >= perChannel || used >= total) {
      this.#rotate(at)
    }
    this.#hash.of(id)
    // An id that was remembered longer ago than the window may be there already.
    const isNew = this.#young.set(this.#hash.low, this.#hash.high, offset, digest, at)
    if (isNew) this.#budget.used += 1
  }

  /** The publication of this id and offset got another payload. */
  replaced(id: string, offset: number): void {
    this.#hash.of(id)
    this.#young.blur(this.#hash.low, this.#hash.high, offset)
    this.#old?.blur(this.#hash.low, this.#hash.high, offset)
  }

  /** Gives memory back when nothing happened for long. */
  fade(now: number): void {
    if (now - this.#youngSince > WINDOW_MS && this.#size > 0) this.#rotate(now)
  }

  clear(): void {
    this.#budget.used -= this.#size
    this.#young = new IdTable()
    this.#old = undefined
  }

  get #size(): number {
    return this.#young.size + (this.#old?.size ?? 0)
  }

  #rotate(at: number): void {
    this.#budget.used -= this.#old?.size ?? 0
    // What filled up will do so again: its room is used again, which neither grows nor has to be collected.
    const spare = this.#young.size >= this.#budget.perChannel ? this.#old : undefined
    spare?.clear()
    this.#old = this.#young.size > 0 ? this.#young : undefined
    this.#young = spare ?? new IdTable()
    this.#youngSince = at
  }
}
