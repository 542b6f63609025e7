import type { Rate } from './limits.ts'
import { TokenBucket } from './token-bucket.ts'

const MAX = 100_000
/** Buckets among which the fullest makes room for a new one. */
const SAMPLE = 8

/**
 * One bucket for each user or address that did something lately. Full ones are the same as none and are forgotten by
 * `sweep`. With too many, the fullest of a few goes: who spent much is remembered longest.
 */
export class Buckets {
  readonly #rate: Rate
  readonly #max: number
  readonly #byKey = new Map<string, TokenBucket>()
  /** Goes round and round; a map's iterator sees what is added behind it. */
  #hand = this.#byKey.entries()

  constructor(rate: Rate, max = MAX) {
    this.#rate = rate
    this.#max = max
  }

  get size(): number {
    return this.#byKey.size
  }

  /** For this turn: it may be forgotten later. */
  of(key: string, now: number): TokenBucket {
    return this.#byKey.get(key) ?? this.#add(key, now)
  }

  /** Without making one: nobody has spent anything where there is none. */
  get(key: string): TokenBucket | undefined {
    return this.#byKey.get(key)
  }

  /** Looks at the next `count` buckets and forgets those that are full. */
  sweep(now: number, count: number): void {
    for (let i = Math.min(count, this.#byKey.size); i > 0; i--) {
      const next = this.#next()
      if (next?.[1].isFull(now)) this.#byKey.delete(next[0])
    }
  }

  #add(key: string, now: number): TokenBucket {
    if (this.#byKey.size >= this.#max) this.#makeRoom(now)
    const bucket = new TokenBucket(this.#rate, now)
    this.#byKey.set(key, bucket)
    return bucket
  }

  #makeRoom(now: number): void {
    let fullest: string | undefined
    let level = -1
    for (let i = Math.min(SAMPLE, this.#byKey.size); i > 0; i--) {
      const next = this.#next()
      if (next === undefined || next[1].level(now) <= level) continue
      fullest = next[0]
      level = next[1].level(now)
    }
    if (fullest !== undefined) this.#byKey.delete(fullest)
  }

  #next(): [string, TokenBucket] | undefined {
    let next = this.#hand.next()
    if (next.done) {
      this.#hand = this.#byKey.entries()
      next = this.#hand.next()
    }
    return next.done ? undefined : next.value
  }
}
