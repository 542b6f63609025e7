import type { Envelope } from '@tidewire/protocol'
import type { Pace } from './pace.ts'
import type { Pauses } from './pauses.ts'
import type { Clock } from './ports/clock.ts'

/** Commands of one session that run in one turn of the event loop. */
const COMMANDS_A_TURN = 16

/** What the frames are for. */
export interface Receiver {
  receive(envelope: Envelope): void
}

/**
 * Decides when the frames of one session run: in order, a few commands in each turn of the event loop, so that who
 * sends a thousand at once keeps nobody else waiting. While frames wait the connection is paused: what still comes is
 * the rest of one chunk at most.
 */
export class Intake {
  readonly #clock: Clock
  readonly #pace: Pace
  readonly #pauses: Pauses
  readonly #receiver: Receiver
  /** Undefined: nothing waits. */
  #waiting: Envelope[] | undefined
  /** The turn that commands ran in last, and how many. */
  #turn = -1
  #ran = 0

  constructor(clock: Clock, pace: Pace, pauses: Pauses, receiver: Receiver) {
    this.#clock = clock
    this.#pace = pace
    this.#pauses = pauses
    this.#receiver = receiver
  }

  get isHolding(): boolean {
    return this.#waiting !== undefined
  }

  /** Whatever comes waits, until `goOn`. */
  hold(): void {
    this.#waiting = []
    this.#pauses.add('intake')
  }

  /** How many wait now. */
  add(envelope: Envelope): number {
    return (this.#waiting ??= []).push(envelope)
  }

  /** False when the command has to wait for the next turn, where it comes again by itself. */
  mayRun(command: Envelope): boolean {
    const turn = this.#pace.turn()
    if (this.#turn !== turn) {
      this.#turn = turn
      this.#ran = 0
    }
    this.#ran += 1
    if (this.#ran <= COMMANDS_A_TURN) return true
    this.hold()
    this.add(command)
    this.#clock.endOfTurn(() => this.goOn())
    return false
  }

  /** Runs what waits, until one of them is held in its turn: the rest waits behind it. */
  goOn(): void {
    const waiting = this.#waiting ?? []
    this.#waiting = undefined
    for (const envelope of waiting) {
      if (this.isHolding) this.add(envelope)
      else this.#receiver.receive(envelope)
    }
    if (!this.isHolding) this.#pauses.delete('intake')
  }
}
