import type { HistoryEvent, NewEvent } from '../history/events.ts'
import type { Simulator } from './simulator.ts'

/** What the clients of one world saw, in virtual time. No two events have the same moment. */
export class SimulatedRecorder {
  readonly events: HistoryEvent[] = []
  readonly #simulator: Simulator
  #last = -1

  constructor(simulator: Simulator) {
    this.#simulator = simulator
  }

  record(event: NewEvent): void {
    this.#last = Math.max(this.#last + 1, Math.round(this.#simulator.now * 1000))
    const recorded = { t: this.#last, ...event }
    this.events.push(recorded)
    this.#simulator.note(JSON.stringify(recorded))
  }
}
