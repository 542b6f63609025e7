import type { Clock } from '../core/ports/clock.ts'

interface Timer {
  at: number
  fn: () => void
}

/** Time that stands still until it is told to go on. */
export class FakeClock implements Clock {
  #now: number
  #stepped = 0
  #timers = new Set<Timer>()
  #endOfTurn: (() => void)[] = []

  constructor(now = 1_800_000_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now + this.#stepped
  }

  steady(): number {
    return this.#now
  }

  after(ms: number, fn: () => void): () => void {
    const timer = { at: this.#now + ms, fn }
    this.#timers.add(timer)
    return () => void this.#timers.delete(timer)
  }

  endOfTurn(fn: () => void): void {
    this.#endOfTurn.push(fn)
  }

  /** Ends the turn, and those that it starts, after every promise that is ready. */
  async settle(): Promise<void> {
    for (;;) {
      for (let i = 0; i < 20; i++) await Promise.resolve()
      if (this.#endOfTurn.length === 0) return
      for (const fn of this.#endOfTurn.splice(0)) fn()
    }
  }

  /** Sets the wall clock on, or back. No time passes. */
  step(ms: number): void {
    this.#stepped += ms
  }

  /** Lets `ms` pass in which nothing can happen; what fell due meanwhile fires at the end. */
  async stall(ms: number): Promise<void> {
    this.#now += ms
    await this.advance(0)
  }

  /** Lets `ms` pass, firing what falls due in its order. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms
    await this.settle()
    for (;;) {
      const next = [...this.#timers].sort((a, b) => a.at - b.at)[0]
      if (next === undefined || next.at > end) break
      this.#timers.delete(next)
      this.#now = Math.max(this.#now, next.at)
      next.fn()
      await this.settle()
    }
    this.#now = end
    await this.settle()
  }
}
