import type { Position, Publication } from '@tidewire/protocol'
import { type Batch, ChannelBatch } from './ports/batch.ts'
import { reaches } from './catch-up.ts'
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
class Room {
  readonly channel: string
  readonly recipients = new Set<Recipient>()
  readonly #turn: Turn
  readonly #clock: Clock
  readonly #minIntervalMs: number
  #epoch: string | undefined
  #pending: Publication[] = []
  /** Ends the wait of what is pending. */
  #endWait: (() => void) | undefined
  /** When a batch of more than one was handed out, by `Clock.steady`. */
  #busyAt = 0
  /** Of what came last; 0 before anything did, and in channels without a log. */
  #last = 0
  /** What the log is known to hold and did not come. */
  #expected: Position | undefined
  /** What was missing at the last look already. */
  #overdue: Position | undefined

  constructor(channel: string, turn: Turn, clock: Clock, minIntervalMs: number) {
    this.channel = channel
    this.#turn = turn
    this.#clock = clock
    this.#minIntervalMs = minIntervalMs
  }

  add(epoch: string | undefined, publications: readonly Publication[]): void {
    if (this.#pending.length > 0 && !this.#continues(epoch, publications)) this.#handOut()
    if (this.#pending.length === 0) {
      this.#epoch = epoch
      this.#schedule()
    }
    for (const publication of publications) this.#pending.push(publication)
    if (this.#pending.length >= FULL) this.#endWait?.()
    this.#last = publications.at(-1)?.metadata.offset ?? 0
  }

  /** True when the room waits for `top` from now on. */
  expect(top: Position): boolean {
    if (this.#has(top)) return false
    // The receipt of a duplicate says less than what is known.
    if (!reaches(this.#expected, top)) this.#expected = top
    return true
  }

  /** Tells the recipients when what was expected is overdue at the second look. True while the room waits. */
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
    if (wait === 0 || this.#clock.steady() - this.#busyAt > silence) {
      return this.#turn.touchChannel(this)
    }
    const end = (): void => {
      cancel()
      this.#endWait = undefined
      this.#turn.touchChannel(this)
    }
    const cancel = this.#clock.after(wait, end)
    this.#endWait = end
  }

  #handOut(): void {
    if (this.#pending.length > 1) this.#busyAt = this.#clock.steady()
    const batch = new ChannelBatch(this.channel, this.#epoch, this.#pending)
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
  readonly #rooms = new Map<string, Room>()
  readonly #waiting = new Set<Room>()

  constructor(turn: Turn, clock: Clock) {
    this.#turn = turn
    this.#clock = clock
  }

  /** `minIntervalMs`: between two batches of the channel under load. It is that of its first recipient. */
  join(channel: string, recipient: Recipient, minIntervalMs: number): void {
    let room = this.#rooms.get(channel)
    if (room === undefined) {
      room = new Room(channel, this.#turn, this.#clock, minIntervalMs)
      this.#rooms.set(channel, room)
    }
    room.recipients.add(recipient)
  }

  /** Hands out whatever waits for more. */
  flush(): void {
    for (const room of this.#rooms.values()) room.flush()
  }

  /** True when the recipient was the channel's last one. */
  leave(channel: string, recipient: Recipient): boolean {
    const room = this.#rooms.get(channel)
    if (room === undefined || !room.recipients.delete(recipient) || room.recipients.size > 0)
      return false
    this.#rooms.delete(channel)
    return true
  }

  /** Behind what the turn brought so far. */
  signal(channel: string, batch: Batch, except: ReadonlySet<unknown>): void {
    const room = this.#rooms.get(channel)
    if (room === undefined) return
    room.flush()
    for (const recipient of room.recipients) recipient.signal(batch, except)
  }

  size(channel: string): number {
    return this.#rooms.get(channel)?.recipients.size ?? 0
  }

  /** The channel's log is known to hold `top`: whoever listens should have it soon. */
  expect(channel: string, top: Position): void {
    const room = this.#rooms.get(channel)
    if (room?.expect(top)) this.#waiting.add(room)
  }

  /** Finds what the bus lost. Called at intervals; something is overdue when it is missing at two looks. */
  look(): void {
    for (const room of this.#waiting) if (!room.look()) this.#waiting.delete(room)
  }

  deliver(channel: string, epoch: string | undefined, publications: readonly Publication[]): void {
    this.#rooms.get(channel)?.add(epoch, publications)
  }
}
