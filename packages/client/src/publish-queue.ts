import type { Envelope, JsonObject } from '@tidewire/protocol'
import { type Backoff, toldDelay } from './backoff.ts'
import { TidewireError } from './errors.ts'
import { steadyTimers, type Timers } from './transports/heartbeat.ts'
import type { Published } from './types.ts'
import { abortError, Wait, type WaitOptions } from './wait.ts'

/** Publications that wait for their `ack` on one connection: paces the flush after a time offline. */
export const WINDOW = 64
/** Of what the server takes at once: there has to be room for one more, and for clocks that differ. */
const PACE = 0.9
/** Without an answer after this long a publication is sent again. */
export const ACK_TIMEOUT_MS = 10_000

interface Entry {
  /** Place in the order of `publish` calls. */
  readonly order: number
  readonly id: string
  readonly channel: string
  readonly envelope: Envelope
  readonly wait: Wait<Published>
  /** Temporary refusals in a row. */
  refusals: number
  sentAt: number
}

export interface PublishQueueOptions {
  /** Publications that may wait, sent or not. */
  max: number
  backoff: Backoff
  send(envelope: Envelope): void
  /** The number of publications without an answer changed. */
  onCount(count: number): void
  random?: () => number
  timers?: Timers
}

/**
 * Publications until their answer, at least once: each keeps its `message_id`, so that the server recognises what it
 * is sent again. Sent again, in the old order, is whatever had no answer when the connection ended, and what has had
 * none for 10 s. A temporary refusal holds back what waits for the same channel; what was in flight behind it may
 * land before it.
 */
export class PublishQueue {
  readonly #options: PublishQueueOptions
  readonly #random: () => number
  readonly #timers: Timers
  /** Ascending by `order`. */
  #waiting: Entry[] = []
  readonly #inFlight = new Map<string, Entry>()
  readonly #ids = new Map<string, Entry>()
  /** Given up by the app while in flight: the answer may still come, and belongs to these. */
  readonly #abandoned = new Map<string, Envelope>()
  /** Channel → until when nothing is sent to it. */
  readonly #held = new Map<string, number>()
  #online = false
  /** How many may be sent now, at most, and how many more each millisecond. */
  #tokens = Infinity
  #burst = Infinity
  #perMs = 0
  #refilledAt = 0
  #order = 0
  #timer: unknown
  #timerAt = Infinity

  constructor(options: PublishQueueOptions) {
    this.#options = options
    this.#random = options.random ?? Math.random
    this.#timers = options.timers ?? steadyTimers
  }

  get size(): number {
    return this.#ids.size
  }

  /** `envelope` is kept as it is and must not change any more; it has a `message_id` and a `channel`. */
  publish(envelope: Envelope, wait: WaitOptions): Promise<Published> {
    const { message_id: id = '', channel = '' } = envelope.metadata
    if (wait.signal?.aborted) return Promise.reject(abortError('The publish', wait.signal))
    const problem = this.#problem(id, envelope)
    if (problem !== undefined) return Promise.reject(problem)
    const entry: Entry = {
      order: (this.#order += 1),
      id,
      channel,
      envelope,
      wait: new Wait('The publish', wait, () => this.#abandon(entry)),
      refusals: 0,
      sentAt: 0,
    }
    this.#ids.set(id, entry)
    this.#waiting.push(entry)
    this.#counted()
    this.#flush()
    return entry.wait.promise
  }

  /** The connection carries frames. */
  online(): void {
    this.#online = true
    this.#held.clear()
    this.#flush()
  }

  /**
   * How much the server takes of the coming connection; as much as comes when it told no rate. What is sent no faster is
   * not refused for it, and so keeps its order.
   */
  pace(burst: number, perSecond: number): void {
    this.#burst = perSecond > 0 ? Math.floor(burst * PACE) || 1 : Infinity
    this.#perMs = perSecond / 1000
    this.#tokens = this.#burst
    this.#refilledAt = this.#timers.now()
  }

  /** It does not any more. `tooLarge`: because of the size of a frame. */
  offline(tooLarge: boolean): void {
    this.#online = false
    this.#stopTimer()
    if (tooLarge) this.#rejectLargest()
    this.#putBack([...this.#inFlight.values()])
    this.#inFlight.clear()
    this.#abandoned.clear()
  }

  /** Whether `id` was one of these. */
  acked(id: string, { epoch, offset, duplicate }: JsonObject): boolean {
    this.#abandoned.delete(id)
    const entry = this.#ids.get(id)
    if (entry === undefined) return false
    this.#forget(entry)
    entry.wait.resolve({
      messageId: id,
      duplicate: duplicate === true,
      ...(typeof epoch === 'string' ? { epoch } : {}),
      ...(typeof offset === 'number' ? { offset } : {}),
    })
    return true
  }

  /** Whether `id` was one of these. */
  refused(id: string, error: TidewireError): boolean {
    this.#abandoned.delete(id)
    const entry = this.#ids.get(id)
    if (entry === undefined) return false
    if (!error.temporary) {
      this.#forget(entry)
      entry.wait.reject(error)
      return true
    }
    if (!this.#inFlight.delete(id)) return true
    entry.refusals += 1
    const ms = toldDelay(this.#options.backoff, entry.refusals, this.#random(), error.retryAfterMs)
    this.#held.set(entry.channel, this.#timers.now() + ms)
    this.#putBack([entry])
    this.#flush()
    return true
  }

  /** Rejects all that wait. */
  fail(error: TidewireError): void {
    const entries = [...this.#ids.values()]
    this.#ids.clear()
    this.#inFlight.clear()
    this.#waiting = []
    this.#stopTimer()
    for (const { wait } of entries) wait.reject(error)
    if (entries.length > 0) this.#counted()
  }

  #problem(id: string, envelope: Envelope): TidewireError | undefined {
    const abandoned = this.#abandoned.get(id)
    if (abandoned !== undefined && !isSameBody(abandoned, envelope)) {
      return new TidewireError(
        'invalid_argument',
        `The message id ${id} is still under way with another body. Use a new one.`,
      )
    }
    if (this.#ids.has(id)) {
      return new TidewireError(
        'invalid_argument',
        `The message id ${id} is still under way. Use a new one.`,
      )
    }
    if (this.#ids.size < this.#options.max) return undefined
    return new TidewireError(
      'queue_full',
      `${this.#options.max} publications wait for the server already. Await some of them, or raise maxQueue.`,
      { temporary: true },
    )
  }

  #abandon(entry: Entry): void {
    if (this.#inFlight.has(entry.id) && this.#abandoned.size < this.#options.max) {
      this.#abandoned.set(entry.id, entry.envelope)
    }
    this.#forget(entry)
  }

  #forget(entry: Entry): void {
    this.#ids.delete(entry.id)
    if (!this.#inFlight.delete(entry.id)) {
      this.#waiting = this.#waiting.filter((other) => other !== entry)
    }
    this.#counted()
    this.#flush()
  }

  #putBack(entries: Entry[]): void {
    if (entries.length === 0) return
    this.#waiting = [...entries, ...this.#waiting].sort((a, b) => a.order - b.order)
  }

  /** Sends what may be sent and sets the timer for what may not yet, or has no answer yet. */
  #flush(): void {
    if (!this.#online) return
    const now = this.#timers.now()
    const rest: Entry[] = []
    let next = Infinity
    // What has no answer may all be on its way still, and arrive at once.
    const most = this.#burst - this.#inFlight.size - this.#abandoned.size
    this.#tokens = Math.min(most, this.#tokens + (now - this.#refilledAt) * this.#perMs)
    this.#refilledAt = now
    for (const entry of this.#waiting) {
      const heldUntil = this.#held.get(entry.channel) ?? 0
      if (heldUntil > now) next = Math.min(next, heldUntil)
      if (heldUntil > now || this.#tokens < 1 || this.#inFlight.size >= WINDOW) rest.push(entry)
      else this.#send(entry, now)
    }
    this.#waiting = rest
    if (rest.length > 0 && this.#tokens < 1) {
      next = Math.min(next, now + Math.ceil((1 - this.#tokens) / this.#perMs))
    }
    for (const { sentAt } of this.#inFlight.values()) next = Math.min(next, sentAt + ACK_TIMEOUT_MS)
    this.#arm(next)
  }

  #send(entry: Entry, now: number): void {
    entry.sentAt = now
    this.#tokens -= 1
    this.#inFlight.set(entry.id, entry)
    this.#options.send(entry.envelope)
  }

  // Never later than asked, often earlier: it looks again when it fires.
  #arm(at: number): void {
    if (at === Infinity) return this.#stopTimer()
    if (this.#timerAt <= at) return
    this.#stopTimer()
    this.#timerAt = at
    this.#timer = this.#timers.set(
      () => {
        this.#timerAt = Infinity
        const now = this.#timers.now()
        for (const entry of this.#inFlight.values()) {
          if (entry.sentAt + ACK_TIMEOUT_MS <= now) this.#send(entry, now)
        }
        this.#flush()
      },
      Math.max(0, at - this.#timers.now()),
    )
  }

  #stopTimer(): void {
    this.#timers.clear(this.#timer)
    this.#timerAt = Infinity
  }

  /** Sent again it would end the next connection, too. */
  #rejectLargest(): void {
    let largest: { entry: Entry; size: number } | undefined
    for (const entry of this.#inFlight.values()) {
      const size = JSON.stringify(entry.envelope).length
      if (largest === undefined || size > largest.size) largest = { entry, size }
    }
    if (largest === undefined) return
    const { entry, size } = largest
    this.#forget(entry)
    entry.wait.reject(
      new TidewireError(
        'message_too_large',
        `The server does not take frames of ${size} characters.`,
      ),
    )
  }

  #counted(): void {
    this.#options.onCount(this.#ids.size)
  }
}

function isSameBody(one: Envelope, other: Envelope): boolean {
  return one.type === other.type && JSON.stringify(one.payload) === JSON.stringify(other.payload)
}
