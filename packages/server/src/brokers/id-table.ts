/** What is remembered of a publication: enough to answer its repetition. */
export interface Remembered {
  offset: number
  /** Of type and payload; `undefined` once the payload was replaced: then nothing may be told of the first one. */
  digest: number | undefined
  at: number
}

const NO_DIGEST = -1
const LEAST_SLOTS = 8

/**
 * Publications by the 64 bits of their ids: flat numbers in open addressing, so that a hundred thousand of them are
 * nothing to the garbage collector and one look costs one place in memory.
 */
export class IdTable {
  size = 0
  #mask = -1
  /** Low and high half of the id, and the digest, for each slot. A slot without an offset is free. */
  #words = new Int32Array(0)
  /** Offset and time, for each slot. */
  #numbers = new Float64Array(0)

  get(low: number, high: number): Remembered | undefined {
    const slot = this.#find(low, high)
    if (slot < 0) return undefined
    const digest = this.#words[slot * 3 + 2]!
    return {
      offset: this.#numbers[slot * 2]!,
      digest: digest === NO_DIGEST ? undefined : digest,
      at: this.#numbers[slot * 2 + 1]!,
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
    if (slot >= 0 && this.#numbers[slot * 2] === offset) this.#words[slot * 3 + 2] = NO_DIGEST
  }

  /** The slot of an id, or -1. */
  #find(low: number, high: number): number {
    if (this.size === 0) return -1
    const words = this.#words
    for (let slot = low & this.#mask; ; slot = (slot + 1) & this.#mask) {
      if (words[slot * 3] === low && words[slot * 3 + 1] === high) {
        // A free slot holds zeros, and so may an id.
        return this.#numbers[slot * 2] === 0 ? -1 : slot
      }
      if (this.#numbers[slot * 2] === 0) return -1
    }
  }

  #free(low: number): number {
    let slot = low & this.#mask
    while (this.#numbers[slot * 2] !== 0) slot = (slot + 1) & this.#mask
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
    this.#words[slot * 3] = low
    this.#words[slot * 3 + 1] = high
    this.#words[slot * 3 + 2] = digest
    this.#numbers[slot * 2] = offset
    this.#numbers[slot * 2 + 1] = at
  }

  #grow(): void {
    const words = this.#words
    const numbers = this.#numbers
    const slots = Math.max(LEAST_SLOTS, (this.#mask + 1) * 2)
    this.#mask = slots - 1
    this.#words = new Int32Array(slots * 3)
    this.#numbers = new Float64Array(slots * 2)
    for (let slot = 0; slot * 2 < numbers.length; slot++) {
      const offset = numbers[slot * 2]!
      if (offset === 0) continue
      const low = words[slot * 3]!
      const [high, digest, at] = [
        words[slot * 3 + 1]!,
        words[slot * 3 + 2]!,
        numbers[slot * 2 + 1]!,
      ]
      this.#write(this.#free(low), low, high, offset, digest, at)
    }
  }
}
