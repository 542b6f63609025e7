import type { Clock } from './ports/clock.ts'

const SLOTS = 64
const TICK_MS = 1_000

interface Timer {
  fn: (() => void) | undefined
  rounds: number
}

/**
 * One wheel for the deadlines of all sessions, to the second: a session costs an entry, not a timer of the runtime.
 * It turns only while something waits.
 */
export class Timers {
  readonly #clock: Clock
  readonly #slots: Set<Timer>[] = Array.from({ length: SLOTS }, () => new Set())
  #at = 0
  #waiting = 0
  #stop: (() => void) | undefined

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Calls `fn` between `ms` and one second after it; the result cancels it. */
  after(ms: number, fn: () => void): () => void {
    const ticks = Math.max(1, Math.ceil(ms / TICK_MS) + 1)
    const timer: Timer = { fn, rounds: Math.floor((ticks - 1) / SLOTS) }
    const slot = this.#slots[(this.#at + ticks) % SLOTS]!
    slot.add(timer)
    this.#waiting += 1
    this.#stop ??= this.#clock.after(TICK_MS, this.#tick)
    return () => {
      timer.fn = undefined
      if (slot.delete(timer)) this.#waiting -= 1
    }
  }

  close(): void {
    this.#stop?.()
    for (const slot of this.#slots) slot.clear()
    this.#waiting = 0
  }

  readonly #tick = (): void => {
    this.#at = (this.#at + 1) % SLOTS
    const slot = this.#slots[this.#at]!
    for (const timer of slot) {
      if (timer.rounds > 0) {
        timer.rounds -= 1
        continue
      }
      slot.delete(timer)
      this.#waiting -= 1
      timer.fn?.()
    }
    this.#stop = this.#waiting > 0 ? this.#clock.after(TICK_MS, this.#tick) : undefined
  }
}
