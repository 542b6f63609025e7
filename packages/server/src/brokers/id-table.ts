/** What is remembered of a publication: enough to answer its repetition. */
export interface Remembered {
  offset: number
  /** Of type and payload; `undefined` once the payload was replaced: then nothing may be told of the first one. */
  digest: number | undefined
  at: number
}

const NO_DIGEST = -1
const LEAST_SLOTS = 8
/** Of a slot: 32 bytes, half a line of the cache. */
const NUMBERS = 4
const WORDS = 8

/**
 * Publications by the 64 bits of their ids: flat numbers in open addressing, so that a hundred thousand of them are
 * nothing to the garbage collector and one look costs one place in memory.
 *
 *   slot: offset (8 bytes), 0 in a free one | time (8) | low half of the id (4) | high half (4) | digest (4) | (4)
 */
export class IdTable {
  size = 0
  #mask = -1
  #numbers = new Float64Array(0)
  /** The same memory. */
  #words = new Int32Array(0)

  get(low: number, high: number): Remembered | undefined {
    const slot = this.#find(low, high)
    if (slot < 0) return undefined
    const digest = this.#words[slot * WORDS + 6]!
    return {
      offset: this.#numbers[slot * NUMBERS]!,
      digest: digest === NO_DIGEST ? undefined : digest,
      at: this.#numbers[slot * NUMBERS + 1]!,
    }
  }

  /** True when the id is new. */
  set(low: number, high: number, offset: number, digest: number, at: number): boolean {
    const known = this.#find(low, high)
    if (known >= 0) {
      this.#write(known, low, high, offset, digest, at)
      return false
    }
    // Half full at most: whoever looks finds a free slot soon.
    if ((this.size + 1) * 2 > this.#mask + 1) this.#grow()
    this.#write(this.#free(low), low, high, offset, digest, at)
    this.size += 1
    return true
  }

  /** Forgets the digest of an id that has this offset. */
  blur(low: number, high: number, offset: number): void {
    const slot = this.#find(low, high)
    if (slot >= 0 && this.#numbers[slot * NUMBERS] === offset) {
      this.#words[slot * WORDS + 6] = NO_DIGEST
    }
  }

  /** Forgets all ids, and keeps the room that they had. */
  clear(): void {
    this.size = 0
    this.#numbers.fill(0)
  }

  /** The slot of an id, or -1. */
  #find(low: number, high: number): number {
    if (this.size === 0) return -1
    const words = this.#words
    for (let slot = low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      if (this.#numbers[slot * NUMBERS] === 0) return -1
      if (words[slot * WORDS + 4] === low && words[slot * WORDS + 5] === high) return slot
    }
  }

  #free(low: number): number {
    let slot = low & this.#mask
    while (this.#numbers[slot * NUMBERS] !== 0) slot = (slot + 1) & this.#mask
    return slot
  }

  #write(
    slot: number,
    low: number,
    high: number,
    offset: number,
    digest: number,
    at: number,
  ): void {
    this.#numbers[slot * NUMBERS] = offset
    this.#numbers[slot * NUMBERS + 1] = at
    this.#words[slot * WORDS + 4] = low
    this.#words[slot * WORDS + 5] = high
    this.#words[slot * WORDS + 6] = digest
  }

  #grow(): void {
    const words = this.#words
    const numbers = this.#numbers
    const slots = Math.max(LEAST_SLOTS, (this.#mask + 1) * 2)
    this.#mask = slots - 1
    this.#numbers = new Float64Array(slots * NUMBERS)
    this.#words = new Int32Array(this.#numbers.buffer)
    for (let slot = 0; slot * NUMBERS < numbers.length; slot++) {
      if (numbers[slot * NUMBERS] === 0) continue
      const to = this.#free(words[slot * WORDS + 4]!) * WORDS
      // Not as numbers of 8 bytes: two halves of an id may look like NaN, whose bits are not kept.
      for (let i = 0; i < WORDS; i++) this.#words[to + i] = words[slot * WORDS + i]!
    }
  }
}
