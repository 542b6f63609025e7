import type { Clock } from './ports/clock.ts'

export interface Flushable {
  flush(): void
}

/**
 * Gathers what one turn of the event loop produced, so that it leaves at its end: first every touched channel makes
 * its batch and gives it to its sessions, then every touched session writes once.
 */
export class Turn {
  readonly #clock: Clock
  #channels: Flushable[] = []
  #sessions: Flushable[] = []
  #scheduled = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The channel has publications to hand out. Called once per channel and turn by the hub. */
  touchChannel(channel: Flushable): void {
    this.#channels.push(channel)
    this.#schedule()
  }

  /** The session has something in its outbox. Called once per session and turn. */
  touchSession(session: Flushable): void {
    this.#sessions.push(session)
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled) return
    this.#scheduled = true
    this.#clock.endOfTurn(this.#run)
  }

  readonly #run = (): void => {
    const channels = this.#channels
    this.#channels = []
    for (const channel of channels) channel.flush()
    const sessions = this.#sessions
    this.#sessions = []
    this.#scheduled = false
    for (const session of sessions) session.flush()
  }
}
