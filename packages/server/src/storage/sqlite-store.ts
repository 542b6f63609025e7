import type { DatabaseSync } from 'node:sqlite'
import { isDeepStrictEqual } from 'node:util'
import { PAGE_CHARACTERS, type Range } from '../core/ports/broker.ts'
import type { Retention } from '../core/ports/log.ts'
import { hashId, IdWindow, WINDOW_MS } from './id-window.ts'
import { Places } from './places.ts'
import { type Channel, Channels } from './sqlite-channels.ts'
import { isRefusedWrite } from './sqlite-errors.ts'
import { type Field, FIELDS, type Outcome, type PageColumns } from './sqlite-messages.ts'
import { prepareAll, type Statements } from './sqlite-statements.ts'

/** What one slice of a trim may touch, so that appends never wait long for it. */
const TRIM_ROWS = 2000
const TRIM_CHANNELS = 200
/** Payloads that one slice deletes. To overwrite them takes as much of the write-ahead log, and with a full disk of the reserve. */
const TRIM_BYTES = 1024 * 1024

/** Runs a transaction, and may do so again where it failed. */
type Attempt = <T>(work: () => T) => T

/** One transaction of a trim: how many channels it finished, and how many publications it took out of the log. */
interface TrimSlice {
  channels: number
  taken: number
}

/** The durable log over an open database, synchronous. What it throws is SQLite's; then nothing was written. */
export class SqliteStore {
  readonly #db: DatabaseSync
  readonly #sql: Statements
  readonly #places: Places
  readonly #channels: Channels
  readonly #recent = new IdWindow()
  readonly #erasing: () => void
  #nextRow: number

  /** `erasing` is told in each transaction that takes payloads away. */
  constructor(db: DatabaseSync, now: number, erasing: () => void) {
    this.#db = db
    this.#erasing = erasing
    this.#sql = prepareAll(db)
    this.#places = new Places(this.#sql)
    this.#channels = new Channels(this.#sql, this.#places)
    this.#nextRow = this.#lastRow() + 1
    this.#rebuildWindow(now)
  }

  /** How many publications the database ever took. */
  get rows(): number {
    return this.#nextRow - 1
  }

  /** Appends and replaces all in one transaction. */
  commit(fields: readonly Field[], at: number): Outcome[] {
    return this.#transaction(() => {
      const before = this.rows
      const outcomes: Outcome[] = []
      for (let i = 0; i < fields.length; i += FIELDS) {
        outcomes.push(
          isReplacement(fields, i) ? this.#replace(fields, i) : this.#append(fields, i, at),
        )
      }
      if (this.rows > before) this.#places.settle(this.rows - before, this.rows)
      return outcomes
    })
  }

  /**
   * The outcomes where there is no room: what the log holds already is answered all the same, and a payload gives way to
   * one that is no larger.
   */
  commitWithoutRoom(fields: readonly Field[], at: number, attempt: Attempt): Outcome[] {
    const outcomes: Outcome[] = []
    for (let i = 0; i < fields.length; i += FIELDS) {
      outcomes.push(
        isReplacement(fields, i)
          ? this.#replaceInPlace(fields, i, attempt)
          : this.#known(fields, i, at),
      )
    }
    return outcomes
  }

  read(name: string, { after, before, limit }: Range): PageColumns {
    const channel = this.#channels.find(name)
    const newest = channel?.top ?? 0
    const oldest = (channel?.trimmed ?? 0) + 1
    const top = Math.min(newest, (before ?? Infinity) - 1)
    const bottom = Math.max(oldest, (after ?? 0) + 1)
    const down = before !== undefined && after === undefined
    const rows = channel === undefined ? [] : this.#rows(channel.id, bottom, top, limit, down)
    const first = down ? top - rows.length + 1 : bottom
    return { oldest, newest, more: rows.length < top - bottom + 1, first, fields: rows.flat() }
  }

  /**
   * Trims slice by slice: a transaction, then a `yield` of how many publications it took out of the log.
   */
  *trim(
    namespace: string,
    retention: Retention,
    now: number,
    attempt: Attempt = (work) => work(),
  ): Generator<number> {
    // ';' follows ':' in ASCII: all names of the namespace lie between the two.
    let after = `${namespace}:`
    for (;;) {
      const rows = this.#sql.namesBetween.all(after, `${namespace};`, TRIM_CHANNELS)
      if (rows.length === 0) return
      const names = rows.map((row) => row['name'] as string)
      for (let next = 0; next < names.length;) {
        const from = next
        const done = attempt(() => this.#trimSlice(names.slice(from), retention, now))
        next += done.channels
        yield done.taken
      }
      after = names.at(-1)!
    }
  }

  /** At most `limit` rows of [bottom, top] and about `PAGE_CHARACTERS`, from one of its ends: `PageColumns.fields`. */
  #rows(channel: number, bottom: number, top: number, limit: number, down: boolean): Field[][] {
    const from = down ? Math.max(bottom, top - limit + 1) : bottom
    const ids = [...this.#places.rows(channel, from, Math.min(top, from + limit - 1))]
    const rows: Field[][] = []
    let room = PAGE_CHARACTERS
    for (const id of down ? ids.toReversed() : ids) {
      const row = this.#sql.read.get(id)!
      const payload = row['payload'] as string
      rows.push([
        row['message_id'] as string,
        row['type'] as string,
        payload,
        row['timestamp'] as string,
        row['client_id'] as Field,
        row['user'] as Field,
      ])
      room -= payload.length
      if (room <= 0) break
    }
    return down ? rows.toReversed() : rows
  }

  #append(fields: readonly Field[], i: number, at: number): number {
    const name = fields[i] as string
    const messageId = fields[i + 1] as string
    const channel = this.#channels.find(name) ?? this.#channels.create(name)
    const known = this.#recentOutcome(channel, fields, i, at)
    if (known !== undefined) return known
    const row = this.#nextRow++
    const offset = ++channel.top
    this.#sql.append.run(
      row,
      channel.id,
      offset,
      at,
      messageId,
      fields[i + 2]!,
      fields[i + 3]!,
      fields[i + 4]!,
      fields[i + 5]!,
      fields[i + 6]!,
    )
    this.#places.add(channel.id, offset, row)
    this.#recent.add(hashId(channel.id, messageId), row, at)
    return offset
  }

  #replace(fields: readonly Field[], i: number): number {
    const held = this.#held(fields, i)
    if (held === undefined) return 0
    this.#erasing()
    this.#sql.replace.run(fields[i + 3]!, held.row)
    return held.offset
  }

  /** The outcome for a replacement that may take no room. */
  #replaceInPlace(fields: readonly Field[], i: number, attempt: Attempt): Outcome {
    const held = this.#held(fields, i)
    if (held === undefined) return 0
    const { row, offset } = held
    const payload = fields[i + 3]!
    const bytes = this.#sizeOf(row)
    if (Buffer.byteLength(payload) > bytes) return null
    const replace = (): number => {
      this.#erasing()
      // A large payload takes its pages before the old one gives back its own, unless that is gone by then.
      for (const text of ['', payload]) this.#sql.replace.run(text, row)
      return offset
    }
    try {
      return attempt(() => this.#transaction(replace))
    } catch (error) {
      if (!isRefusedWrite(error)) throw error
      return null
    }
  }

  /** The publication that a replacement names, if the log holds it. */
  #held(fields: readonly Field[], i: number): { row: number; offset: number } | undefined {
    const channel = this.#channels.find(fields[i] as string)
    const offset = Number(fields[i + 2])
    if (channel === undefined || offset <= channel.trimmed || offset > channel.top) return undefined
    const [row] = this.#places.rows(channel.id, offset, offset)
    return row === undefined ? undefined : { row, offset }
  }

  /** The outcome for an append that cannot be written. */
  #known(fields: readonly Field[], i: number, at: number): Outcome {
    const channel = this.#channels.find(fields[i] as string)
    return (channel && this.#recentOutcome(channel, fields, i, at)) ?? null
  }

  /** The outcome for an append whose `message_id` the channel saw lately. */
  #recentOutcome(
    channel: Channel,
    fields: readonly Field[],
    i: number,
    at: number,
  ): number | undefined {
    let outcome: number | undefined
    this.#recent.find(hashId(channel.id, fields[i + 1] as string), (row) => {
      outcome = this.#repeated(row, channel.id, fields, i, at)
      return outcome !== undefined
    })
    return outcome
  }

  /** The outcome for an append whose `message_id` the row may hold; `undefined` when it is another publication. */
  #repeated(
    row: number,
    channel: number,
    fields: readonly Field[],
    i: number,
    at: number,
  ): number | undefined {
    const first = this.#sql.readRow.get(row)
    if (first?.['channel'] !== channel || first['message_id'] !== fields[i + 1]) return undefined
    if (at - (first['at'] as number) > WINDOW_MS) return undefined
    const same =
      first['replaced'] === 1 ||
      (first['type'] === fields[i + 2] && isSame(first['payload'] as string, fields[i + 3]!))
    return same ? -(first['offset'] as number) : 0
  }

  #trimSlice(names: readonly string[], retention: Retention, now: number): TrimSlice {
    return this.#transaction(() => {
      const slice = { channels: 0, taken: 0 }
      let [rows, bytes] = [0, 0]
      while (rows < TRIM_ROWS && bytes < TRIM_BYTES && slice.channels < names.length) {
        const step = this.#trimStep(names[slice.channels]!, retention, now)
        slice.taken += step.trimmed
        rows += step.scanned
        bytes += step.bytes
        if (step.done) slice.channels += 1
      }
      return slice
    })
  }

  #trimStep(
    name: string,
    { max_entries, max_age_ms }: Retention,
    now: number,
  ): { done: boolean; trimmed: number; scanned: number; bytes: number } {
    const channel = this.#channels.find(name)!
    const { id, trimmed, deleted, top } = channel
    const end = Math.min(top, trimmed + TRIM_ROWS)
    const byCount = max_entries === undefined ? trimmed : Math.min(end, top - max_entries)
    const byAge =
      max_age_ms === undefined ? trimmed : this.#olderThan(now - max_age_ms, id, trimmed, end)
    channel.trimmed = Math.max(trimmed, byCount, byAge)
    // A row outlives its place in the log until nobody may repeat its message_id.
    const deletable = Math.min(channel.trimmed, deleted + TRIM_ROWS)
    const old = this.#olderThan(now - WINDOW_MS, id, deleted, deletable)
    const { to, bytes } = this.#inOneSlice(id, deleted, old)
    channel.deleted = to
    if (channel.deleted > deleted) {
      this.#erasing()
      const gone = [...this.#places.rows(id, deleted + 1, channel.deleted)]
      this.#sql.deleteRows.run(JSON.stringify(gone))
      this.#places.forget(id, channel.deleted)
      this.#sql.keepRows.run(String(this.rows))
    }
    if (channel.trimmed > trimmed || channel.deleted > deleted) {
      this.#sql.setTrimmed.run(channel.trimmed, channel.deleted, id)
    }
    const count = channel.trimmed - trimmed
    const rows = channel.deleted - deleted
    return {
      done: count < TRIM_ROWS && rows < TRIM_ROWS && to === old,
      trimmed: count,
      scanned: count + rows + TRIM_ROWS / TRIM_CHANNELS,
      bytes,
    }
  }

  /** The last offset in (from, to] up to which all rows are older than `cutoff`; `from` when the first is not. */
  #olderThan(cutoff: number, channel: number, from: number, to: number): number {
    if (from >= to) return from
    let offset = from
    for (const row of this.#places.rows(channel, from + 1, to)) {
      if ((this.#sql.atOf.get(row)!['at'] as number) >= cutoff) return offset
      offset += 1
    }
    return offset
  }

  /** How far in (from, to] the payloads are not too many for one slice, and how many they are; at least one. */
  #inOneSlice(channel: number, from: number, to: number): { to: number; bytes: number } {
    const slice = { to: from, bytes: 0 }
    for (const row of this.#places.rows(channel, from + 1, to)) {
      const bytes = this.#sizeOf(row)
      if (slice.to > from && slice.bytes + bytes > TRIM_BYTES) break
      slice.to += 1
      slice.bytes += bytes
    }
    return slice
  }

  #sizeOf(row: number): number {
    return this.#sql.sizeOf.get(row)!['bytes'] as number
  }

  #transaction<T>(work: () => T): T {
    this.#sql.begin.run()
    this.#places.begin()
    try {
      const result = work()
      this.#sql.commit.run()
      return result
    } catch (error) {
      // SQLite may have rolled back by itself, and ROLLBACK alone would fail then.
      this.#db.exec('SAVEPOINT failed; ROLLBACK')
      // What is in memory ran ahead of the database. Rows that the window knows and that are not there do no harm.
      this.#places.rollback()
      this.#channels.clear()
      this.#nextRow = this.#lastRow() + 1
      throw error
    }
  }

  #lastRow(): number {
    return this.#sql.lastRow.get()!['id'] as number
  }

  #rebuildWindow(now: number): void {
    const before = this.#sql.lastRowBefore.get(now - WINDOW_MS)
    const from = ((before?.['id'] as number | undefined) ?? 0) + 1
    for (const row of this.#sql.rowsFrom.iterate(from)) {
      const hash = hashId(row['channel'] as number, row['message_id'] as string)
      this.#recent.add(hash, row['id'] as number, row['at'] as number)
    }
  }
}

function isReplacement(fields: readonly Field[], i: number): boolean {
  return fields[i + 1] === null
}

/** The order of keys says nothing: who repeats a publish may have encoded it anew. */
function isSame(one: string, other: string): boolean {
  return one === other || isDeepStrictEqual(JSON.parse(one), JSON.parse(other))
}
