/** What a heartbeat needs of a connection. */
export interface Watched {
  /** `Heartbeat.now` when something was last heard of it. */
  heardAt: number
  /** It is not read for now, so that nothing can be heard of it. */
  readonly isPaused: boolean
  ping(): void
  /** Ends it at once. */
  terminate(): void
}

/** How long a pinged peer may stay silent (PROTOCOL.md §3: 25 s + 10 s = 35 s). */
const PONG_MS = 10_000

/** Pings of one turn of the event loop; each is a write. */
const AT_ONCE = 64

/** One timer for all connections: each is pinged when it was silent for a heartbeat, and ended when it stays silent. */
export class Heartbeat {
  /** Counts ticks in which this process was able to listen. */
  now = 0
  readonly #watched = new Set<Watched>()
  readonly #timer: NodeJS.Timeout
  readonly #tickMs: number
  readonly #pingAfter: number
  readonly #endAfter: number
  #tickedAt = performance.now()

  constructor(heartbeatMs: number) {
    this.#tickMs = Math.min(1_000, heartbeatMs)
    this.#pingAfter = Math.ceil(heartbeatMs / this.#tickMs)
    this.#endAfter = this.#pingAfter + Math.ceil(Math.min(PONG_MS, heartbeatMs) / this.#tickMs)
    this.#timer = setInterval(() => this.#tick(), this.#tickMs)
    this.#timer.unref()
  }

  watch(connection: Watched): void {
    connection.heardAt = this.now
    this.#watched.add(connection)
  }

  forget(connection: Watched): void {
    this.#watched.delete(connection)
  }

  /** Stops, and ends every connection that is still there. */
  close(): void {
    clearInterval(this.#timer)
    for (const connection of this.#watched) connection.terminate()
  }

  #tick(): void {
    // After a stall the silence was ours: nobody is judged by time in which nothing could be read.
    const stalled = performance.now() - this.#tickedAt > 2 * this.#tickMs
    this.#tickedAt = performance.now()
    if (stalled) return
    this.now += 1
    const due: Watched[] = []
    for (const connection of this.#watched) {
      if (connection.isPaused) connection.heardAt = this.now
      const silent = this.now - connection.heardAt
      if (silent >= this.#endAfter) connection.terminate()
      else if (silent > 0 && silent % this.#pingAfter === 0) due.push(connection)
    }
    this.#ping(due, 0)
  }

  /** A few in each turn: those that came together, as after a restart, would keep everybody else waiting. */
  #ping(due: readonly Watched[], from: number): void {
    const to = Math.min(due.length, from + AT_ONCE)
    for (let i = from; i < to; i++) if (this.#watched.has(due[i]!)) due[i]!.ping()
    if (to < due.length) setImmediate(() => this.#ping(due, to))
  }
}
