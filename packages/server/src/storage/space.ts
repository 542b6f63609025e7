import { statfsSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import type { DatabaseSync } from 'node:sqlite'
import { RESERVE_BYTES, Reserve } from './reserve.ts'
import { isRefusedWrite } from './sqlite-errors.ts'
import type { WriteAheadLog } from './write-ahead-log.ts'

export const PAGE_BYTES = 4096
/** Less room than this is none. */
const MARGIN_BYTES = 512 * 1024
/** What the disk must have beside the database, for its write-ahead log. */
const FLOOR_BYTES = 512 * 1024
/** The most that is written between two looks at the disk, and the longest time. */
const LOOK_BYTES = 16 * 1024 * 1024
const LOOK_MS = 1000
/** Pages that a commit changes beside those of its rows, in bytes. */
const COMMIT_BYTES = 16 * 1024

export interface SpaceOptions {
  db: DatabaseSync
  path: string
  writeAheadLog: WriteAheadLog
  /** What other programs keep of the disk. */
  minFreeBytes: number
  /** What the database may grow to. */
  maxBytes: number | undefined
  /** Told when `full` changes after the beginning. */
  onChange: (full: boolean) => void
}

/**
 * Whether there is room to append. `full` begins shortly before the disk is full, or when it is, and stays: a smaller
 * row that still fits would make it flap. It ends when there is clearly more room than when it began, the reserve is
 * held again and a write succeeds, which is tried every second and after a trim.
 *
 * Room is what the database has free inside and what it may still grow by. What is only in the write-ahead log has yet to
 * find its place in the database, so it counts as used twice until a checkpoint.
 */
export class Space {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #writeAheadLog: WriteAheadLog
  readonly #minFree: number
  readonly #maxBytes: number
  readonly #margin: number
  #onChange: (full: boolean) => void = () => undefined
  readonly #reserve: Reserve
  #retry: NodeJS.Timeout | undefined
  /** The room at which `full` ends. */
  #wanted = 0
  #lookAt = -Infinity
  #unlooked = 0

  constructor({ db, path, writeAheadLog, minFreeBytes, maxBytes, onChange }: SpaceOptions) {
    this.#db = db
    this.#path = path
    this.#writeAheadLog = writeAheadLog
    // The database does not grow into what its write-ahead log needs.
    this.#minFree = Math.max(minFreeBytes, 2 * FLOOR_BYTES)
    this.#maxBytes = maxBytes ?? Infinity
    this.#margin = Math.min(MARGIN_BYTES, this.#maxBytes / 16)
    this.#reserve = new Reserve(dirname(path))
    // A reserve that would use up the rest is none.
    if (this.#room() >= this.#margin) this.#reserve.take()
    this.#look()
    this.#onChange = onChange
  }

  get full(): boolean {
    return this.#retry !== undefined
  }

  /** Asks before about `bytes` are appended. */
  admits(bytes: number): boolean {
    if (this.full) return false
    this.#unlooked -= 2 * bytes + COMMIT_BYTES
    if (this.#unlooked < 0 || performance.now() > this.#lookAt) this.#look()
    return !this.full
  }

  /** The disk refused a write. */
  refused(): void {
    this.#writeAheadLog.checkpoint()
    this.#begin(this.#room())
  }

  /** Does what makes room, if need be with the reserve. `work` is a transaction of its own. */
  makingRoom<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      if (!isRefusedWrite(error) || !this.#reserve.giveBack()) throw error
      this.#writeAheadLog.checkpoint()
      return work()
    }
  }

  /** A part of a trim is done. */
  trimmed(): void {
    if (this.full) this.#writeAheadLog.checkpoint()
  }

  /** Ends `full` if there is room again. */
  retry(): void {
    if (!this.full) return
    this.#writeAheadLog.checkpoint()
    // First of all, and whether or not that is enough: the next trim may need it.
    if (!this.#reserve.take()) return
    if (this.#room() < this.#wanted || !this.#takesWrites()) return
    this.close()
    this.#onChange(false)
    this.#look()
  }

  close(): void {
    clearInterval(this.#retry)
    this.#retry = undefined
  }

  #look(): void {
    let room = this.#room()
    if (room < this.#margin) {
      this.#writeAheadLog.checkpoint()
      room = this.#room()
    }
    if (room < this.#margin) return this.#begin(room)
    this.#lookAt = performance.now() + LOOK_MS
    this.#unlooked = Math.min(LOOK_BYTES, (room - this.#margin) / 4)
  }

  #begin(room: number): void {
    if (this.full) return
    // What did not fit may have been large; where half of everything is free, most things fit.
    this.#wanted = Math.min(room + 3 * this.#margin, this.#maxBytes / 2)
    this.#retry = setInterval(() => this.retry(), LOOK_MS)
    this.#onChange(true)
  }

  #room(): number {
    const { bavail, bsize } = statfsSync(dirname(this.#path))
    const pages = this.#pragma('page_count') * PAGE_BYTES
    const unused = this.#pragma('freelist_count') * PAGE_BYTES
    const owed = Math.max(0, pages - statSync(this.#path).size)
    const free = bavail * bsize - owed - (this.#reserve.held ? 0 : RESERVE_BYTES)
    if (free < FLOOR_BYTES) return 0
    return unused + Math.max(0, Math.min(free - this.#minFree, this.#maxBytes - pages))
  }

  #takesWrites(): boolean {
    try {
      this.#db.exec("INSERT OR REPLACE INTO meta (key, value) VALUES ('room', '')")
      return true
    } catch (error) {
      if (!isRefusedWrite(error)) throw error
      return false
    }
  }

  #pragma(name: 'page_count' | 'freelist_count'): number {
    return this.#db.prepare(`PRAGMA ${name}`).get()![name] as number
  }
}
