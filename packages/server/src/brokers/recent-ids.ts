/** How long a `message_id` identifies a publication (PROTOCOL.md §4). */
export const WINDOW_MS = 5 * 60_000

/** What is remembered of a publication: enough to answer its repetition. */
export interface Remembered {
  offset: number
  /** Of type and payload; `undefined` once the payload was replaced: then nothing may be told of the first one. */
  digest: number | undefined
  at: number
}

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
  #young = new Map<string, Remembered>()
  #old = new Map<string, Remembered>()
  #youngSince = -Infinity

  constructor(budget: IdBudget) {
    this.#budget = budget
  }

  find(id: string, now: number): Remembered | undefined {
    const remembered = this.#young.get(id) ?? this.#old.get(id)
    return remembered !== undefined && now - remembered.at <= WINDOW_MS ? remembered : undefined
  }

  remember(id: string, offset: number, digest: number, at: number): void {
    const { used, perChannel, total } = this.#budget
    if (at - this.#youngSince > WINDOW_MS || this.#young.size >= perChannel || used >= total) {
      this.#rotate(at)
    }
    const before = this.#young.size
    this.#young.set(id, { offset, digest, at })
    // An id that was remembered longer ago than the window may be there already.
    this.#budget.used += this.#young.size - before
  }

  /** The publication of this id and offset got another payload. */
  replaced(id: string, offset: number): void {
    for (const generation of [this.#young, this.#old]) {
      const remembered = generation.get(id)
      if (remembered?.offset === offset) remembered.digest = undefined
    }
  }

  /** Gives memory back when nothing happened for long. */
  fade(now: number): void {
    if (now - this.#youngSince > WINDOW_MS && this.#young.size + this.#old.size > 0) {
      this.#rotate(now)
    }
  }

  clear(): void {
    this.#budget.used -= this.#young.size + this.#old.size
    this.#young = new Map()
    this.#old = new Map()
  }

  #rotate(at: number): void {
    this.#budget.used -= this.#old.size
    this.#old = this.#young
    this.#young = new Map()
    this.#youngSince = at
  }
}
