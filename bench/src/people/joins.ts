import { inParts, pause, subscribers, tokensOf } from './crowd.ts'
import { FrameSocket } from './socket.ts'

export interface JoinsLoad {
  port: number
  /** Of the channel that is looked at. */
  subscribers: number
  /** Publications a second to it. */
  rate: number
  /** Users that come into the other channel, and go, each second. */
  joins: number
  /** Milliseconds that each of them stays. */
  stayMs: number
  warmup: number
  seconds: number
}

export interface JoinsResult {
  /** Milliseconds from when a publication was due until the last subscriber had it. Medians over windows. */
  withoutP99: number
  p99: number
  /** Of both. */
  p99Ratio: number
  /** That were acknowledged, a second. */
  joined: number
}

const CHANNEL = 'live:calm'
const CROWDED = 'live:crowd'
const START = Buffer.from('{"type":"bench"')
const ENTERED = Buffer.from('{"type":"ack"')
/** For publications that are under way when a window ends. */
const DRAIN_MS = 2000
/** Windows without and with a crowd. */
const PAIRS = 5

/** Latencies of one channel, without and with a crowd that comes and goes in another. */
export async function joins(
  load: JoinsLoad,
  begin: () => void,
  end: () => void,
): Promise<JoinsResult> {
  const { port, rate, warmup, seconds } = load
  const [token = ''] = await tokensOf(port, 'reader', 1)
  const sockets = await subscribers(port, load.subscribers, [token], () => CHANNEL)
  const publisher = await FrameSocket.open(port, token)
  const crowd = await Crowd.gather(load)
  const schedule = new Schedule(sockets, publisher, rate)
  await schedule.run(warmup)
  const pairs: { without: number; with: number }[] = []
  let joined = 0
  begin()
  // In turn, so that what drifts, drifts for both.
  for (let i = 0; i < PAIRS; i++) {
    const calm = await schedule.run(seconds / PAIRS)
    const stop = crowd.start(load.joins)
    await schedule.run(warmup)
    const before = crowd.joined
    const began = performance.now()
    const crowded = await schedule.run(seconds / PAIRS)
    joined += (crowd.joined - before) / (performance.now() - began) / PAIRS
    await stop()
    pairs.push({ without: percentile(calm, 0.99), with: percentile(crowded, 0.99) })
  }
  end()
  const middle = (of: (pair: (typeof pairs)[number]) => number): number =>
    percentile(pairs.map(of), 0.5)
  return {
    withoutP99: middle((pair) => pair.without),
    p99: middle((pair) => pair.with),
    p99Ratio: middle((pair) => pair.with / pair.without),
    joined: joined * 1000,
  }
}

/** Publishes when it is due, whatever became of what went before. */
class Schedule {
  readonly #publisher: FrameSocket
  readonly #rate: number
  readonly #subscribers: number
  /** Of each publication: when it was due, and how many do not have it. */
  readonly #open = new Map<number, { due: number; missing: number }>()
  readonly #next: Uint32Array
  #latencies: number[] = []
  #published = 0

  constructor(sockets: readonly FrameSocket[], publisher: FrameSocket, rate: number) {
    this.#publisher = publisher
    this.#rate = rate
    this.#subscribers = sockets.length
    this.#next = new Uint32Array(sockets.length)
    for (const [n, socket] of sockets.entries()) {
      socket.onMessage = (message) => {
        if (message.subarray(0, START.length).equals(START)) this.#received(n)
      }
    }
  }

  async run(seconds: number): Promise<number[]> {
    this.#latencies = []
    const began = performance.now()
    const count = Math.round(seconds * this.#rate)
    for (let i = 0; i < count; i++) {
      const due = began + (i * 1000) / this.#rate
      await pause(due - performance.now())
      this.#open.set(this.#published, { due, missing: this.#subscribers })
      this.#published += 1
      this.#publisher.send('bench', { filler: 'x'.repeat(100) }, { channel: CHANNEL })
    }
    const deadline = performance.now() + DRAIN_MS
    while (this.#open.size > 0 && performance.now() < deadline) await pause(5)
    if (this.#open.size > 0) throw new Error(`${this.#open.size} publications did not arrive.`)
    return this.#latencies
  }

  #received(subscriber: number): void {
    const publication = this.#next[subscriber]!
    this.#next[subscriber] = publication + 1
    const open = this.#open.get(publication)
    if (open === undefined) throw new Error(`Subscriber ${subscriber} got what was not sent.`)
    open.missing -= 1
    if (open.missing > 0) return
    this.#open.delete(publication)
    this.#latencies.push(performance.now() - open.due)
  }
}

/** Users who subscribe to a channel, are present for a moment, and go. */
class Crowd {
  readonly #sockets: readonly FrameSocket[]
  readonly #stayMs: number
  joined = 0

  private constructor(sockets: readonly FrameSocket[], stayMs: number) {
    this.#sockets = sockets
    this.#stayMs = stayMs
    for (const socket of sockets) {
      socket.onMessage = (message) => {
        // `presence_enter` and `presence_leave` are acknowledged, each once.
        if (message.subarray(0, ENTERED.length).equals(ENTERED)) this.joined += 0.5
      }
    }
  }

  /** As many as are needed, so that each has gone for as long as it stays when it comes again. */
  static async gather({ port, joins: perSecond, stayMs }: JoinsLoad): Promise<Crowd> {
    const count = Math.ceil((perSecond * stayMs * 2) / 1000)
    const tokens = await tokensOf(port, 'joiner', count)
    const sockets = await inParts(count, (n) => FrameSocket.open(port, tokens[n] ?? ''))
    return new Crowd(sockets, stayMs)
  }

  /** Returns what ends it, and resolves when all have gone. */
  start(perSecond: number): () => Promise<void> {
    let made = 0
    const began = performance.now()
    const timer = setInterval(() => {
      const due = Math.floor(((performance.now() - began) * perSecond) / 1000)
      for (; made < due; made++) this.#visit(this.#sockets[made % this.#sockets.length]!)
    }, 5)
    return async () => {
      clearInterval(timer)
      await pause(this.#stayMs + GONE_MS)
    }
  }

  #visit(socket: FrameSocket): void {
    socket.send('subscribe', { channel: CROWDED })
    socket.send('presence_enter', { channel: CROWDED, data: { mood: 'here' } })
    setTimeout(() => {
      socket.send('presence_leave', { channel: CROWDED })
      socket.send('unsubscribe', { channel: CROWDED })
    }, this.#stayMs)
  }
}

/** Until nobody is told of those who left. */
const GONE_MS = 500

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN
}
