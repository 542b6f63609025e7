import type { Node, Simulator } from './simulator.ts'

/** What is wrong with a connection at the moment. */
export interface Weather {
  /** Milliseconds of one message, from and to. */
  latency: readonly [min: number, max: number]
  /** At which the client reads, in bytes a millisecond. */
  downSpeed: number
  /** Whatever is sent vanishes, and nobody is told. */
  blackHole: boolean
}

export const FAIR: Weather = { latency: [1, 20], downSpeed: Infinity, blackHole: false }

/** Bytes that the machines in between hold without the sender noticing. */
const IN_THE_KERNEL = 4096
const RETRANSMIT_MS = 200

/** One direction of a TCP connection: in order, each once, and late. */
export class Lane {
  readonly #simulator: Simulator
  readonly #from: Node
  readonly #to: Node
  readonly #weather: () => Weather
  readonly #speed: () => number
  #waiting: { bytes: number; arrive: () => void }[] = []
  #bytes = 0
  #lastArrival = 0
  #onDrain: (() => void)[] = []
  #open = true
  #paused = false

  constructor(
    simulator: Simulator,
    [from, to]: readonly [Node, Node],
    weather: () => Weather,
    speed: () => number,
  ) {
    this.#simulator = simulator
    this.#from = from
    this.#to = to
    this.#weather = weather
    this.#speed = speed
  }

  /** What the sender still holds. */
  get buffered(): number {
    return Math.max(0, this.#bytes - IN_THE_KERNEL)
  }

  send(bytes: number, arrive: () => void): void {
    if (!this.#open) return
    this.#waiting.push({ bytes, arrive })
    this.#bytes += bytes
    const { latency } = this.#weather()
    const { now, chance } = this.#simulator
    const [min, max] = latency
    const soonest = now + min + chance.next() * (max - min)
    const at = Math.max(soonest, this.#lastArrival) + bytes / this.#speed()
    this.#lastArrival = at
    this.#simulator.schedule(this.#to, at - now, 'data', this.#arrive)
  }

  /** Calls `fn` at the sender once it holds nothing any more. */
  onDrain(fn: () => void): void {
    if (this.buffered === 0) this.#from.endOfTurn(fn)
    else this.#onDrain.push(fn)
  }

  /** The receiver takes nothing until `resume`. */
  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    for (const _ of this.#waiting) this.#simulator.schedule(this.#to, 0, 'data', this.#arrive)
  }

  /** What is on its way is lost. */
  close(): void {
    this.#open = false
    this.#waiting = []
    this.#onDrain = []
  }

  // Each message has an arrival of its own, but the first that waits is the one that arrives.
  readonly #arrive = (): void => {
    if (this.#paused || this.#waiting.length === 0 || this.#weather().blackHole) return
    if (this.#simulator.isCut(this.#from, this.#to)) {
      this.#simulator.schedule(this.#to, RETRANSMIT_MS, 'data', this.#arrive)
      return
    }
    const { bytes, arrive } = this.#waiting.shift()!
    this.#bytes -= bytes
    arrive()
    if (this.buffered > 0) return
    for (const fn of this.#onDrain.splice(0)) this.#from.endOfTurn(fn)
  }
}
