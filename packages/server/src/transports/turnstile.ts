import { ProtocolError } from '@tidewire/protocol'
import type { Observer, Refusal } from '../core/ports/observer.ts'

export interface TurnstileOptions {
  /** How many may wait. */
  maxWaiting: number
  /** [0, 1): spreads those that are sent away. */
  random: () => number
  observer: Observer
  /** Milliseconds, with fractions, that never step. */
  now?: () => number
  /** Calls `fn` in the next turn of the event loop, after what is readable was read. */
  nextTurn?: (fn: () => void) => void
}

/** What waits: a socket, or the response that will be written to it. */
export interface Peer {
  readonly destroyed: boolean
  once(event: 'close', listener: () => void): unknown
  off(event: 'close', listener: () => void): unknown
}

/** What the audit log is told of a peer that there is no room for. */
export type From = Pick<Refusal, 'address' | 'transport'>

interface Waiter {
  from: From
  since: number
  let: () => void
  refuse: (error: ProtocolError) => void
}

/** What letting in may take of each turn of the event loop; the rest is for those who are in. */
const TURN_MS = 5
/** And of a long turn: where there is much to do for those who are in, the others come in all the same. */
const TURN_SHARE = 0.25
const MAX_TURN_MS = 100
const MAX_WAIT_MS = 10_000
const RETRY_MIN_MS = 1_000
const RETRY_SPREAD_MS = 4_000

/**
 * Lets connections in one after the other, as fast as leaves the event loop free: when a thousand clients come back at
 * once, those who are connected do not wait for them.
 *
 * Whoever is let in goes on at once, until it has to wait for something else; that is what is measured. For what it does
 * after that it asks again, by `goOn`, and comes before those who are still outside.
 */
export class Turnstile {
  readonly #maxWaiting: number
  readonly #random: () => number
  readonly #observer: Observer
  readonly #now: () => number
  readonly #nextTurn: (fn: () => void) => void
  readonly #outside = new Set<Waiter>()
  readonly #inside = new Set<Waiter>()
  /** Of this turn. */
  #spentMs = 0
  #budgetMs = TURN_MS
  #state: 'idle' | 'letting' | 'closed' = 'idle'
  #endOfTurn = false
  #turn = 0

  constructor({
    maxWaiting,
    random,
    observer,
    now = () => performance.now(),
    nextTurn = (fn) => void setImmediate(fn),
  }: TurnstileOptions) {
    this.#maxWaiting = maxWaiting
    this.#random = random
    this.#observer = observer
    this.#now = now
    this.#nextTurn = nextTurn
  }

  /** How many wait. */
  get waiting(): number {
    return this.#outside.size + this.#inside.size
  }

  /** Changes with the turns in which somebody is let in. Who still has the one of `enter`, and is there, needs no `goOn`. */
  get turn(): number {
    return this.#turn
  }

  /** Lets in at once, by `work`, whom nothing keeps waiting; all others are left to `wait`, which calls `enter`. */
  pass<T>(work: () => T, wait: () => T): T {
    if (!this.#isFree) return wait()
    this.#untilNextTurn()
    const began = this.#now()
    try {
      return work()
    } finally {
      this.#spentMs += this.#now() - began
    }
  }

  /**
   * Resolves with true when it is the peer's turn, and with false when the peer has gone. Rejects with
   * `too_many_connections` when too many wait, or the peer waited for too long, and with `unavailable` when the server goes
   * away.
   */
  enter(peer: Peer, from: From): Promise<boolean> {
    const isFull = !this.#isFree && this.#outside.size >= this.#maxWaiting
    if (isFull) return Promise.reject(this.#full(from))
    return this.#wait(peer, from, this.#outside)
  }

  /** As `enter`, for one that was let in: there are never more of them than were let in. */
  goOn(peer: Peer, from: From): Promise<boolean> {
    return this.#wait(peer, from, this.#inside)
  }

  /** Sends away who waits, and who comes from now on. */
  close(): void {
    this.#state = 'closed'
    for (const line of [this.#inside, this.#outside]) {
      for (const waiter of line) waiter.refuse(this.#away())
      line.clear()
    }
  }

  get #isFree(): boolean {
    return this.#state === 'idle' && this.#spentMs < this.#budgetMs && this.waiting === 0
  }

  #wait(peer: Peer, from: From, line: Set<Waiter>): Promise<boolean> {
    if (peer.destroyed) return Promise.resolve(false)
    if (this.#state === 'closed') return Promise.reject(this.#away())
    return new Promise((resolve, reject) => {
      const gone = (): void => {
        line.delete(waiter)
        resolve(false)
      }
      const waiter: Waiter = {
        from,
        since: this.#now(),
        let: () => {
          peer.off('close', gone)
          resolve(true)
        },
        refuse: (error) => {
          peer.off('close', gone)
          reject(error)
        },
      }
      peer.once('close', gone)
      line.add(waiter)
      if (this.#state === 'idle') void this.#letIn()
    })
  }

  async #letIn(): Promise<void> {
    this.#state = 'letting'
    this.#untilNextTurn()
    // Whoever came a moment ago has to be awaiting its turn.
    await Promise.resolve()
    for (let waiter = this.#next(); waiter !== undefined; waiter = this.#next()) {
      const began = this.#now()
      if (began - waiter.since > MAX_WAIT_MS) waiter.refuse(this.#full(waiter.from))
      else waiter.let()
      // Whoever awaits it runs now, before what comes after this line.
      await Promise.resolve()
      this.#spentMs += this.#now() - began
    }
    if (this.#state === 'letting') this.#state = 'idle'
  }

  /** Whose turn it is; nobody's once the time of this turn is spent. */
  #next(): Waiter | undefined {
    if (this.#spentMs >= this.#budgetMs) return undefined
    for (const line of [this.#inside, this.#outside]) {
      for (const waiter of line) {
        line.delete(waiter)
        return waiter
      }
    }
    return undefined
  }

  #untilNextTurn(): void {
    if (this.#endOfTurn) return
    this.#endOfTurn = true
    const began = this.#now()
    this.#nextTurn(() => {
      this.#endOfTurn = false
      this.#turn += 1
      this.#spentMs = 0
      const share = TURN_SHARE * (this.#now() - began)
      this.#budgetMs = Math.min(MAX_TURN_MS, Math.max(TURN_MS, share))
      if (this.waiting > 0 && this.#state === 'idle') void this.#letIn()
    })
  }

  #full(from: From): ProtocolError {
    this.#observer.refused({ reason: 'too_many_connections', action: 'connect', ...from })
    return new ProtocolError(
      'too_many_connections',
      'More connections come than the server can let in. Try again after a while.',
      { retryAfterMs: this.#retryAfterMs() },
    )
  }

  /** No refusal: the peer did nothing that it may not. */
  #away(): ProtocolError {
    return new ProtocolError('unavailable', 'The server goes away for a moment. Connect again.', {
      retryAfterMs: this.#retryAfterMs(),
    })
  }

  #retryAfterMs(): number {
    return RETRY_MIN_MS + Math.floor(this.#random() * RETRY_SPREAD_MS)
  }
}
