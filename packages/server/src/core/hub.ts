import type { Position, Publication } from '@tidewire/protocol'
import { type Batch, ChannelBatch } from './ports/batch.ts'
import { reaches } from './catch-up.ts'
import { ChurnedSet } from './churned.ts'
import type { Clock } from './ports/clock.ts'
import type { Turn } from './turn.ts'

/** Publications that are worth a write of their own: those that come behind them would save little more. */
const FULL = 16
/** What comes so long after the last batch, or two intervals, came out of silence. */
const SILENCE_MS = 10

/** One that listens to a channel on this node. */
export interface Recipient {
  deliver(batch: ChannelBatch): void
  /** Frames that have no place in the log, unless it belongs to one of `except`. */
  signal(batch: Batch, except: ReadonlySet<unknown>): void
  /** The log reached `top` a while ago, and what lies between did not come. */
  missed(top: Position): void
}

/**
 * A channel that somebody on this node listens to, with what is to be handed out. What comes out of silence leaves at
 * the end of its turn. While publications come faster than they are handed out, each batch waits for more of them:
 * a write costs the same for one as for many.
 */
class Audience {
  readonly channel: string
  readonly recipients = new ChurnedSet<Recipient>()
  readonly #turn: Turn
  readonly #clock: Clock
  readonly #minIntervalMs: number
  /** Audiences that wait as long as this one, the first to end its wait first. */
  readonly #line: Set<Audience>
  #epoch: string | undefined
  #pending: Publication[] = []
  /** Of those, as JSON; undefined when it is not known of all. */
  #texts: string[] | undefined
  /** Cancels the timer of what waits. */
  #cancel: (() => void) | undefined
  /** When the wait began, by `Clock.steady`. */
  #since = 0
  /** When a batch of more than one was handed out, by `Clock.steady`. */
  #busyAt = 0
  /** Of what came last; 0 before anything did, and in channels without a log. */
  #last = 0
  /** What the log is known to hold and did not come. */
  #expected: Position | undefined
  /** What was missing at the last look already. */
  #overdue: Position | undefined

  constructor(
    channel: string,
    turn: Turn,
    clock: Clock,
    minIntervalMs: number,
    line: Set<Audience>,
  ) {
    this.channel = channel
    this.#line = line
    this.#turn = turn
    this.#clock = clock
    this.#minIntervalMs = minIntervalMs
  }

  add(
    epoch: string | undefined,
    publications: readonly Publication[],
    texts: readonly string[] | undefined,
  ): void {
    if (this.#pending.length > 0 && !this.#continues(epoch, publications)) this.#handOut()
    if (this.#pending.length === 0) {
      this.#epoch = epoch
      this.#texts = []
      this.#schedule()
    }
    for (const publication of publications) this.#pending.push(publication)
    if (texts === undefined) this.#texts = undefined
    else for (const text of texts) this.#texts?.push(text)
    if (this.#pending.length >= FULL && this.#cancel !== undefined) this.endWait()
    this.#last = publications.at(-1)?.metadata.offset ?? 0
  }

  /** True when the audience waits for `top` from now on. */
  expect(top: Position): boolean {
    if (this.#has(top)) return false
    // The receipt of a duplicate says less than what is known.
    if (!reaches(this.#expected, top)) this.#expected = top
    return true
  }

  /** Tells the recipients when what was expected is overdue at the second look. True while the audience waits. */
  look(): boolean {
    if (this.#overdue !== undefined && !this.#has(this.#overdue)) this.#missed(this.#overdue)
    const top = this.#expected
    this.#expected = undefined
    this.#overdue = top === undefined || this.#has(top) ? undefined : top
    return this.#overdue !== undefined
  }

  #has({ epoch, offset }: Position): boolean {
    return epoch === this.#epoch && offset <= this.#last
  }

  #missed(top: Position): void {
    if (this.#pending.length > 0) this.#handOut()
    this.#epoch = top.epoch
    this.#last = top.offset
    for (const recipient of this.recipients) recipient.missed(top)
  }

  flush(): void {
    // Handed out already, in the middle of the turn.
    if (this.#pending.length > 0) this.#handOut()
  }

  #schedule(): void {
    const wait = this.#minIntervalMs
    const silence = Math.max(SILENCE_MS, 2 * wait)
    const now = this.#clock.steady()
    if (wait === 0 || now - this.#busyAt > silence) return this.#turn.touchChannel(this)
    this.#since = now
    this.#line.add(this)
    this.#cancel = this.#clock.after(wait, this.endWait)
  }

  /** Whether what waits has waited for its time. `now`: by `Clock.steady`, which has whole milliseconds. */
  isDue(now: number): boolean {
    return now - this.#since > this.#minIntervalMs
  }

  readonly endWait = (): void => {
    this.#stopWaiting()
    this.#turn.touchChannel(this)
  }

  #stopWaiting(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#line.delete(this)
  }

  #handOut(): void {
    if (this.#cancel !== undefined) this.#stopWaiting()
    if (this.#pending.length > 1) this.#busyAt = this.#clock.steady()
    const batch = new ChannelBatch(this.channel, this.#epoch, this.#pending, this.#texts)
    this.#pending = []
    for (const recipient of this.recipients) recipient.deliver(batch)
  }

  // A batch has one epoch and no holes, whatever the bus brought.
  #continues(epoch: string | undefined, publications: readonly Publication[]): boolean {
    if (epoch !== this.#epoch) return false
    const last = this.#pending.at(-1)?.metadata.offset
    return last === undefined || publications[0]?.metadata.offset === last + 1
  }
}

/**
 * Which local sessions listen to what. Publications of one turn are joined per channel into one batch that all its
 * sessions share, so that the cost of a turn is sessions, not sessions × publications.
 */
export class Hub {
  readonly #turn: Turn
  readonly #clock: Clock
  readonly #audiences = new Map<string, Audience>()
  /** Those that miss something. */
  readonly #waiting = new Set<Audience>()
  /** Those that wait for more to hand out, by how long. */
  readonly #lines = new Map<number, Set<Audience>>()

  constructor(turn: Turn, clock: Clock) {
    this.#turn = turn
    this.#clock = clock
    turn.beforeEnd(this.#endWaits)
  }

  /** `minIntervalMs`: between two batches of the channel under load. It is that of its first recipient. */
  join(channel: string, recipient: Recipient, minIntervalMs: number): void {
    let audience = this.#audiences.get(channel)
    if (audience === undefined) {
      const line = this.#line(minIntervalMs)
      audience = new Audience(channel, this.#turn, this.#clock, minIntervalMs, line)
      this.#audiences.set(channel, audience)
    }
    audience.recipients.add(recipient)
  }

  /** Hands out whatever waits for more. */
  flush(): void {
    for (const audience of this.#audiences.values()) audience.flush()
  }

  /** True when the recipient was the channel's last one. */
  leave(channel: string, recipient: Recipient): boolean {
    const audience = this.#audiences.get(channel)
    if (!audience?.recipients.delete(recipient) || audience.recipients.size > 0) return false
    this.#audiences.delete(channel)
    return true
  }

  /** Behind what the turn brought so far. */
  signal(channel: string, batch: Batch, except: ReadonlySet<unknown>): void {
    const audience = this.#audiences.get(channel)
    if (audience === undefined) return
    audience.flush()
    for (const recipient of audience.recipients) recipient.signal(batch, except)
  }

  size(channel: string): number {
    return this.#audiences.get(channel)?.recipients.size ?? 0
  }

  /** The channel's log is known to hold `top`: whoever listens should have it soon. */
  expect(channel: string, top: Position): void {
    const audience = this.#audiences.get(channel)
    if (audience?.expect(top)) this.#waiting.add(audience)
  }

  /** Finds what the bus lost. Called at intervals; something is overdue when it is missing at two looks. */
  look(): void {
    for (const audience of this.#waiting) if (!audience.look()) this.#waiting.delete(audience)
  }

  /** As `OnPublications`. */
  deliver(
    channel: string,
    epoch: string | undefined,
    publications: readonly Publication[],
    texts?: readonly string[],
  ): void {
    this.#audiences.get(channel)?.add(epoch, publications, texts)
  }

  #line(minIntervalMs: number): Set<Audience> {
    let line = this.#lines.get(minIntervalMs)
    if (line === undefined) this.#lines.set(minIntervalMs, (line = new Set()))
    return line
  }

  /** After a long turn: timers fire behind its end, and what is handed out then costs a further write. */
  readonly #endWaits = (): void => {
    const now = this.#clock.steady()
    for (const line of this.#lines.values()) {
      for (const audience of line) {
        if (!audience.isDue(now)) break
        audience.endWait()
      }
    }
  }
}
