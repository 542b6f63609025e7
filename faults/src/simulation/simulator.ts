import { Chance } from '../chance.ts'
import { EventQueue, type Place } from './event-queue.ts'

/** Where every wall clock starts, in milliseconds since 1970. */
const BEGINNING = 1_800_000_000_000

interface Event extends Place {
  readonly node: Node
  /** The life of the node that it belongs to: a crash takes it along. */
  readonly life: number
  readonly what: string
  readonly fn: () => void
  cancelled: boolean
}

/** What the way between two nodes does to one message. */
export interface Transit {
  /** Milliseconds. */
  latency: number
  /** Probabilities. */
  drop?: number
  duplicate?: number
}

/** A program on a machine of its own: with a clock, with timers, and with a memory that a crash empties. */
export class Node {
  readonly name: string
  readonly chance: Chance
  readonly #simulator: Simulator
  /** Counts the crashes. */
  life = 0
  /** Until then nothing runs on it. */
  stalledUntil = 0
  #skew = 0

  constructor(name: string, simulator: Simulator) {
    this.name = name
    this.#simulator = simulator
    this.chance = simulator.chance.fork(name)
  }

  /** Its wall clock, in milliseconds since 1970. */
  now(): number {
    return BEGINNING + Math.floor(this.#simulator.now) + this.#skew
  }

  /** The same without its skew. */
  steady(): number {
    return BEGINNING + Math.floor(this.#simulator.now)
  }

  /** Milliseconds that no step of a wall clock changes. */
  get uptime(): number {
    return this.#simulator.now
  }

  /** Calls `fn` on this node after `ms`, unless it crashes first; the result cancels it. */
  after(ms: number, fn: () => void, what = 'timer'): () => void {
    return this.#simulator.schedule(this, Math.max(0, ms), what, fn)
  }

  /** What else falls into this moment may come before it or after it. */
  endOfTurn(fn: () => void): void {
    this.#simulator.schedule(this, 0, 'turn', fn)
  }

  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.after(ms, resolve, 'sleep')
    })
  }

  /** Takes along everything that was to happen on it. */
  crash(): void {
    this.life += 1
    this.stalledUntil = 0
  }

  /** What falls due meanwhile happens at the end, in its order. */
  stall(ms: number): void {
    this.stalledUntil = Math.max(this.stalledUntil, this.#simulator.now + ms)
  }

  /** Sets the wall clock `ms` off the true time. Timers do not notice. */
  skew(ms: number): void {
    this.#skew = ms
  }
}

/**
 * A world of nodes in which time is a number and chance a seed. Events happen one by one, and all promises that are
 * ready run before the next: a seed is a run.
 */
export class Simulator {
  readonly chance: Chance
  /** Milliseconds since the beginning. */
  now = 0
  /** How many events happened. */
  events = 0
  #current: Node
  readonly #queue = new EventQueue<Event>()
  readonly #ties: Chance
  readonly #cuts = new Set<string>()
  #scheduled = 0
  #hash = 0x811c9dc5

  constructor(seed: number) {
    this.chance = new Chance(seed)
    this.#ties = this.chance.fork('ties')
    this.#current = new Node('nobody', this)
  }

  /** Whose event is happening. */
  get current(): Node {
    return this.#current
  }

  /** What happened so far, in eight hexadecimal digits. */
  get hash(): string {
    return this.#hash.toString(16).padStart(8, '0')
  }

  schedule(node: Node, ms: number, what: string, fn: () => void): () => void {
    const place = { at: this.now + ms, tie: this.#ties.next(), order: this.#scheduled++ }
    const event = { ...place, node, life: node.life, what, fn, cancelled: false }
    this.#queue.push(event)
    return () => {
      event.cancelled = true
    }
  }

  /** A message from one node to another: `fn` happens there once, never or twice. */
  send(from: Node, to: Node, what: string, fn: () => void, transit: Transit): void {
    const { latency, drop = 0, duplicate = 0 } = transit
    if (this.isCut(from, to) || this.chance.happens(drop)) return
    this.schedule(to, latency, what, fn)
    if (!this.chance.happens(duplicate)) return
    this.schedule(to, latency * (1 + this.chance.next()), what, fn)
  }

  /** Nothing goes from either to the other until it is healed. */
  cut(a: Node, b: Node): void {
    this.#cuts.add(pair(a, b))
  }

  heal(a: Node, b: Node): void {
    this.#cuts.delete(pair(a, b))
  }

  isCut(a: Node, b: Node): boolean {
    return this.#cuts.has(pair(a, b))
  }

  /** Lets events happen until `done`. Rejects when nothing is left to happen, or after `maxEvents`. */
  async run(done: () => boolean, maxEvents: number): Promise<void> {
    while (!done()) {
      const event = this.#queue.pop()
      if (event === undefined) throw new Error('Nothing is left to happen.')
      const { node } = event
      if (event.cancelled || event.life !== node.life) continue
      this.now = event.at
      if (node.stalledUntil > this.now) {
        this.#postpone(event)
        continue
      }
      this.events += 1
      if (this.events > maxEvents) throw new Error(`${maxEvents} events, and still no end.`)
      this.note(`${this.now} ${node.name} ${event.what}`)
      this.#current = node
      event.fn()
      await promisesRan()
    }
  }

  /** Makes `text` part of the hash. */
  note(text: string): void {
    let hash = this.#hash
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
    this.#hash = hash >>> 0
  }

  /** To the end of the stall: ahead of what is new by then, and in the order in which it was due. */
  #postpone(event: Event): void {
    event.at = event.node.stalledUntil
    event.tie = -1
    event.order = this.#scheduled++
    this.#queue.push(event)
  }
}

function pair(a: Node, b: Node): string {
  return a.name < b.name ? `${a.name} ${b.name}` : `${b.name} ${a.name}`
}

function promisesRan(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
