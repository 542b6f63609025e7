import type { Statements } from './sqlite-statements.ts'

/** Publications of one channel that are written as one row of `places`. */
const PLACE_ROWS = 64
/** How far the ids of those that are not in `places` reach back: so many are read again at a start. */
const MAX_BEHIND = 65_536
/** How far `meta.placed` lags behind what is placed. */
const MARK_EVERY = 8192

/** The newest publications of a channel, that are in no row of `places` yet. */
interface Tail {
  /** Offset of the first one; the others follow without holes. */
  first: number
  readonly rows: number[]
  /** The id at which it began. */
  readonly since: number
}

/**
 * Where the publications of a channel are: their ids by offset. The newest ones are known in memory only, until there are
 * 64 of the channel or they have become old; so a commit writes its publications at the end of one table and little more,
 * however many channels they are for. After a crash the publications themselves tell.
 *
 * All that writes is called within a transaction, and `begin` before each one. Offsets of a channel have no holes.
 */
export class Places {
  readonly #sql: Statements
  /** By channel; those that began first come first. */
  readonly #tails = new Map<number, Tail>()
  /** Channels that have enough for a row. */
  #full: number[] = []
  #marked = 0
  #changed = false

  constructor(sql: Statements) {
    this.#sql = sql
    this.#load()
  }

  begin(): void {
    this.#changed = false
  }

  /** The transaction came to nothing. */
  rollback(): void {
    if (this.#changed) this.#load()
  }

  /** The publication was appended: its offset follows that of the last one of the channel. */
  add(channel: number, offset: number, row: number): void {
    this.#changed = true
    let tail = this.#tails.get(channel)
    if (tail === undefined) {
      tail = { first: offset, rows: [], since: row }
      this.#tails.set(channel, tail)
    }
    if (tail.rows.push(row) === PLACE_ROWS) this.#full.push(channel)
  }

  /** The last publication of the channel; 0 when there is none. */
  top(channel: number): number {
    const tail = this.#tails.get(channel)
    return tail === undefined ? this.#placedTop(channel) : tail.first + tail.rows.length - 1
  }

  /** The ids of the publications from offset `from` to `to`, ascending. Not to be interleaved with another call. */
  *rows(channel: number, from: number, to: number): Generator<number> {
    const tail = this.#tails.get(channel)
    if (tail === undefined || from < tail.first) {
      for (const place of this.#sql.placesBetween.iterate(channel, channel, from, to)) {
        const first = place['first'] as number
        const rows = JSON.parse(place['rows'] as string) as number[]
        yield* rows.slice(Math.max(0, from - first), to - first + 1)
      }
    }
    if (tail === undefined || to < tail.first) return
    yield* tail.rows.slice(Math.max(0, from - tail.first), to - tail.first + 1)
  }

  /** Publications up to the offset are deleted. */
  forget(channel: number, upTo: number): void {
    this.#changed = true
    this.#sql.deletePlaces.run(channel, upTo, upTo)
    const tail = this.#tails.get(channel)
    if (tail === undefined || upTo < tail.first) return
    tail.rows.splice(0, upTo - tail.first + 1)
    tail.first = upTo + 1
    if (tail.rows.length === 0) this.#tails.delete(channel)
  }

  /** At the end of a commit that appended `count` publications, of which `last` was the last one: writes what is due. */
  settle(count: number, last: number): void {
    // Little more than is due on average, so that no commit waits for all channels at once.
    const most = 8 + (count >> 4)
    for (const channel of this.#full.splice(0, most)) this.#place(channel)
    let old = count + 1
    for (const [channel, { since }] of this.#tails) {
      if (since >= last - MAX_BEHIND || old-- === 0) break
      this.#place(channel)
    }
    this.#mark(last)
  }

  #place(channel: number): void {
    const tail = this.#tails.get(channel)
    if (tail === undefined) return
    for (let i = 0; i < tail.rows.length; i += PLACE_ROWS) {
      const rows = tail.rows.slice(i, i + PLACE_ROWS)
      const first = tail.first + i
      this.#sql.place.run(channel, first, first + rows.length - 1, JSON.stringify(rows))
    }
    this.#tails.delete(channel)
  }

  #mark(last: number): void {
    let placed = last
    for (const { since } of this.#tails.values()) {
      placed = since - 1
      break
    }
    if (placed - this.#marked < MARK_EVERY) return
    this.#sql.markPlaced.run(String(placed))
    this.#marked = placed
  }

  #load(): void {
    this.#tails.clear()
    this.#full = []
    this.#marked = Number(this.#sql.placed.get()?.['value'] ?? 0)
    const tops = new Map<number, number>()
    for (const row of this.#sql.placesOfRows.iterate(this.#marked)) {
      const channel = row['channel'] as number
      const offset = row['offset'] as number
      let top = tops.get(channel)
      if (top === undefined) tops.set(channel, (top = this.#placedTop(channel)))
      if (offset > top) this.add(channel, offset, row['id'] as number)
    }
  }

  #placedTop(channel: number): number {
    return (this.#sql.lastPlace.get(channel)?.['last'] as number | undefined) ?? 0
  }
}
