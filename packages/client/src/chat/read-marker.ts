import { steadyTimers, type Timers } from '../transports/heartbeat.ts'

/** At most one `mark_read` in this time: a reader who scrolls passes many messages. */
const EVERY_MS = 1000

export interface ReadMarkerOptions {
  /** Rejects when the server did not take it. */
  tell(offset: number): Promise<unknown>
  timers?: Timers | undefined
}

/** How far one has read: only ever further. The first step is told at once, those that follow together. */
export class ReadMarker {
  readonly #options: ReadMarkerOptions
  readonly #timers: Timers
  #offset = 0
  #told = 0
  #timer: unknown

  constructor(options: ReadMarkerOptions) {
    this.#options = options
    this.#timers = options.timers ?? steadyTimers
  }

  get offset(): number {
    return this.#offset
  }

  /** Whether it is further than before. */
  mark(offset: number): boolean {
    if (!(offset > this.#offset)) return false
    this.#offset = offset
    this.flush()
    return true
  }

  /** The server says how far: told before, or by another device. Whether that is further than was known here. */
  heard(offset: number): boolean {
    this.#told = Math.max(this.#told, offset)
    if (!(offset > this.#offset)) return false
    this.#offset = offset
    return true
  }

  /** A new life of the log begins. */
  clear(): void {
    this.stop()
    this.#offset = 0
    this.#told = 0
  }

  /** Tells what is not told yet; also what failed before. */
  flush(): void {
    if (this.#timer !== undefined || this.#offset <= this.#told) return
    const before = this.#told
    const offset = this.#offset
    this.#told = offset
    this.#timer = this.#timers.set(() => {
      this.#timer = undefined
      this.flush()
    }, EVERY_MS)
    this.#options.tell(offset).catch(() => {
      // Told again with the next step, or when the room is entered again.
      if (this.#told === offset) this.#told = before
    })
  }

  stop(): void {
    this.#timers.clear(this.#timer)
    this.#timer = undefined
  }
}
