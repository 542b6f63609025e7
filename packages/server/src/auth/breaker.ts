const MAX_FAILURES = 5
const REST_MS = 1000

/** Spares somebody who fails: after 5 failures in a row they are left alone, but for one try a second. */
export class Breaker {
  #failures = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  /** Milliseconds until the next try; 0 when it may be made now. */
  restsFor(now: number): number {
    return this.#failures < MAX_FAILURES ? 0 : Math.max(0, this.#restsUntil - now)
  }

  /** Whether a try may be made now. It then is the only one within a second, where the last ones failed. */
  mayTry(now: number): boolean {
    if (this.restsFor(now) > 0) return false
    this.#restsUntil = now + REST_MS
    return true
  }

  succeeded(): void {
    this.#failures = 0
  }

  failed(now: number): void {
    this.#failures += 1
    this.#restsUntil = now + REST_MS
  }
}
