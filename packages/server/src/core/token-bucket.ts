import type { Rate } from './limits.ts'

/** Sums of fractions miss a whole token by less than this. */
const ERROR = 1e-9

/**
 * Allows `burst` at once and `per_second` in the long run: what is taken in any stretch of time costs at most
 * `burst + seconds × per_second`. A clock that steps back gives nothing and takes nothing.
 */
export class TokenBucket {
  readonly rate: Rate
  #tokens: number
  #at: number
  /** Until when the tokens to come are promised to those who were told to wait. */
  #promisedUntil = 0

  constructor(rate: Rate, now: number) {
    this.rate = rate
    this.#tokens = rate.burst
    this.#at = now
  }

  /** Takes `cost` tokens; false when there are fewer, and nothing is taken. `now`: milliseconds. */
  take(now: number, cost = 1): boolean {
    if (!this.has(now, cost)) return false
    this.spend(cost)
    return true
  }

  /** Whether there are `cost` tokens: who has to take from several buckets asks all of them first. */
  has(now: number, cost = 1): boolean {
    return this.level(now) >= cost - ERROR
  }

  /** Takes what `has` said is there. */
  spend(cost = 1): void {
    this.#tokens -= cost
  }

  /** Milliseconds until there will be `cost` tokens. Without end when that is more than the burst. */
  retryAfterMs(now: number, cost = 1): number {
    if (cost > this.rate.burst) return Infinity
    return Math.max(0, Math.ceil(((cost - ERROR - this.level(now)) * 1000) / this.rate.per_second))
  }

  /**
   * Milliseconds until there will be `cost` tokens for this one, behind all who were promised theirs before: who comes back
   * in its turn is let through, however many wait beside it. Undefined, and nothing is promised, when that is more than `maxMs`.
   */
  promise(now: number, maxMs: number, cost = 1): number | undefined {
    const { burst, per_second } = this.rate
    const behind = this.#promisedUntil + (cost * 1000) / per_second
    const at = Math.max(now + this.retryAfterMs(now, cost), behind)
    if (at - now > maxMs) return undefined
    // A bucket that is full by then loses what comes in the rest of the millisecond.
    const isFull = burst - cost < per_second / 1000
    this.#promisedUntil = isFull ? Math.ceil(at) : at
    return Math.ceil(at - now)
  }

  /** Nothing was taken that time has not brought back: a new bucket is the same. */
  isFull(now: number): boolean {
    return this.has(now, this.rate.burst)
  }

  /** How many tokens there are. */
  level(now: number): number {
    if (now > this.#at) {
      const brought = ((now - this.#at) / 1000) * this.rate.per_second
      this.#tokens = Math.min(this.rate.burst, this.#tokens + brought)
    }
    this.#at = now
    return this.#tokens
  }
}
