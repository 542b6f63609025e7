/** What a heartbeat needs of time; tests pass their own. */
export interface Timers {
  now(): number
  set(fn: () => void, ms: number): unknown
  clear(timer: unknown): void
}

const realTimers: Timers = {
  now: () => Date.now(),
  set: (fn, ms) => setTimeout(fn, ms),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
}

/** Its `now` is no time of day, and no step of a wall clock moves it. */
export const steadyTimers: Timers = { ...realTimers, now: () => performance.now() }

export interface HeartbeatOptions {
  /** Silence after which the peer is asked for a sign of life. */
  idleMs: number
  /** Silence after that question which means that the peer is gone. */
  graceMs: number
  onIdle(): void
  onDead(): void
}

/** A timer this late means that this program stood still, so that the silence says nothing about the peer. */
const STALL_MS = 2000

/** Finds half-open peers: connections that are gone without a word. */
export class Heartbeat {
  readonly #options: HeartbeatOptions
  readonly #timers: Timers
  #timer: unknown
  #heardAt: number
  #asked = false

  constructor(options: HeartbeatOptions, timers: Timers = realTimers) {
    this.#options = options
    this.#timers = timers
    this.#heardAt = timers.now()
    this.#arm(options.idleMs)
  }

  /** Something came from the peer. */
  heard(): void {
    this.#heardAt = this.#timers.now()
    if (this.#asked) {
      this.#asked = false
      this.#arm(this.#options.idleMs)
    }
  }

  /** Asks at once, unless a question is already open. */
  probe(): void {
    if (this.#timer !== undefined && !this.#asked) this.#ask()
  }

  stop(): void {
    this.#timers.clear(this.#timer)
    this.#timer = undefined
  }

  // One timer at a time. While the peer talks it is not touched: it looks at `#heardAt` when it fires.
  #arm(ms: number): void {
    this.#timers.clear(this.#timer)
    const due = this.#timers.now() + ms
    this.#timer = this.#timers.set(() => this.#fire(due), ms)
  }

  #fire(due: number): void {
    const now = this.#timers.now()
    if (!this.#asked) {
      // The clock was set back: what it said before says nothing any more.
      if (now < this.#heardAt) this.#heardAt = now
      const quietFor = now - this.#heardAt
      if (quietFor < this.#options.idleMs) this.#arm(this.#options.idleMs - quietFor)
      else this.#ask()
    } else if (now - due > STALL_MS) {
      this.#ask()
    } else {
      this.stop()
      this.#options.onDead()
    }
  }

  #ask(): void {
    this.#asked = true
    this.#arm(this.#options.graceMs)
    this.#options.onIdle()
  }
}
