import type { Clock } from './ports/clock.ts'

const SLOTS = 64
const TICK_MS = 1_000
/** Deadlines that fire in one turn. */
const AT_ONCE = 8

/** What waits for its time. */
export interface Due {
  due(): void
}

/** One deadline. An object of its own class, without closures: every session has one. */
export class Timer {
  /** Undefined when it was cancelled. */
  waits: Due | undefined
  /** The tick it fires in: whole seconds of `Clock.steady`. */
  readonly tick: number
  readonly #timers: Timers

  constructor(waits: Due, tick: number, timers: Timers) {
    this.waits = waits
    this.tick = tick
    this.#timers = timers
  }

  cancel(): void {
    this.#timers.remove(this)
  }
}

/**
 * One wheel for the deadlines of all sessions, to the second: a session costs an entry, not a timer of the runtime.
 * It turns only while something waits, and by the time that passed: late ticks and stalls delay nothing further.
 */
export class Timers {
  readonly #clock: Clock
  readonly #slots: Set<Timer>[] = Array.from({ length: SLOTS }, () => new Set())
  /** The tick up to which everything fired. */
  #at: number
  #waiting = 0
  #stop: (() => void) | undefined
  #closed = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#at = Math.floor(clock.steady() / TICK_MS)
  }

  /** Calls `fn` between `ms` and one second after it. */
  after(ms: number, fn: () => void): Timer {
    return this.add(ms, { due: fn })
  }

  /** As `after`, for what is an object already. */
  add(ms: number, waits: Due): Timer {
    const tick = Math.max(this.#at + 1, Math.ceil((this.#clock.steady() + ms) / TICK_MS))
    const timer = new Timer(waits, tick, this)
    this.#slots[tick % SLOTS]!.add(timer)
    this.#waiting += 1
    this.#stop ??= this.#nextTick()
    return timer
  }

  /** Idempotent. */
  remove(timer: Timer): void {
    timer.waits = undefined
    if (this.#slots[timer.tick % SLOTS]!.delete(timer)) this.#waiting -= 1
  }

  close(): void {
    this.#closed = true
    this.#stop?.()
    for (const slot of this.#slots) slot.clear()
    this.#waiting = 0
  }

  readonly #tick = (): void => {
    const due = this.#takeDue(Math.floor(this.#clock.steady() / TICK_MS))
    this.#stop = this.#waiting > 0 ? this.#nextTick() : undefined
    this.#fire(due)
  }

  /** A few in each turn: thousands that came together would keep everybody else waiting. */
  #fire(due: readonly Timer[]): void {
    for (const timer of due.slice(0, AT_ONCE)) timer.waits?.due()
    if (due.length <= AT_ONCE) return
    const rest = due.slice(AT_ONCE)
    this.#clock.endOfTurn(() => {
      if (!this.#closed) this.#fire(rest)
    })
  }

  #takeDue(now: number): Timer[] {
    const due: Timer[] = []
    const last = Math.min(now, this.#at + SLOTS)
    for (let tick = this.#at + 1; tick <= last; tick++) {
      const slot = this.#slots[tick % SLOTS]!
      for (const timer of slot) {
        if (timer.tick > now) continue
        slot.delete(timer)
        due.push(timer)
      }
    }
    this.#at = Math.max(this.#at, now)
    this.#waiting -= due.length
    return due.sort((a, b) => a.tick - b.tick)
  }

  #nextTick(): () => void {
    return this.#clock.after(TICK_MS - (this.#clock.steady() % TICK_MS), this.#tick)
  }
}
