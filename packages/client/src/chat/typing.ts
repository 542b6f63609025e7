import { steadyTimers, type Timers } from '../transports/heartbeat.ts'

/** What one who goes on typing says again: the server forgets it after 5 s. */
const REPEAT_MS = 2000
/** Who stops without a word stopped this long after the last key. */
const IDLE_MS = 4000
/** The server tells when somebody stopped; this is for a word of it that was lost. */
const EXPIRY_MS = 7000

export interface TypingOptions {
  /** Tells the room. */
  tell(type: 'typing_start' | 'typing_stop'): void
  onChange(): void
  timers?: Timers | undefined
}

/** Who types in a room now: the others, and oneself. Nothing of it is stored or recovered. */
export class Typing {
  readonly #options: TypingOptions
  readonly #timers: Timers
  readonly #others = new Map<string, unknown>()
  #users: readonly string[] = []
  #toldAt = -Infinity
  #idle: unknown

  constructor(options: TypingOptions) {
    this.#options = options
    this.#timers = options.timers ?? steadyTimers
  }

  /** Ascending; the same array until it changes. */
  get users(): readonly string[] {
    return this.#users
  }

  /** To be called for every key: tells at most every 2 s, and 4 s after the last call that it is over. */
  start(): void {
    const now = this.#timers.now()
    this.#timers.clear(this.#idle)
    this.#idle = this.#timers.set(() => this.stop(), IDLE_MS)
    if (now - this.#toldAt < REPEAT_MS) return
    this.#toldAt = now
    this.#options.tell('typing_start')
  }

  stop(): void {
    this.#timers.clear(this.#idle)
    if (this.#toldAt === -Infinity) return
    this.#toldAt = -Infinity
    this.#options.tell('typing_stop')
  }

  /** Somebody else started, or stopped. */
  heard(user: string, isTyping: boolean): void {
    const known = this.#others.has(user)
    this.#timers.clear(this.#others.get(user))
    this.#others.delete(user)
    if (isTyping) {
      const expiry = this.#timers.set(() => this.heard(user, false), EXPIRY_MS)
      this.#others.set(user, expiry)
    }
    if (known === isTyping) return
    this.#users = [...this.#others.keys()].sort()
    this.#options.onChange()
  }

  /** Nothing is known any more; nobody is told. */
  clear(): void {
    this.#timers.clear(this.#idle)
    this.#toldAt = -Infinity
    for (const timer of this.#others.values()) this.#timers.clear(timer)
    if (this.#others.size === 0) return
    this.#others.clear()
    this.#users = []
    this.#options.onChange()
  }
}
