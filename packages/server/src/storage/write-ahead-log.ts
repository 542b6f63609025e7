import { closeSync, fdatasyncSync, openSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { clearFreeSpace, leavesWithRemains } from './leaf-pages.ts'
import { isRefusedWrite } from './sqlite-errors.ts'

/** How soon after an erasure nothing of it is left, and how often that takes a checkpoint at most. */
const ERASE_AFTER_MS = 1000
/** 4 MB: commits wait a few milliseconds for that. Few pages are changed by many commits, so there is little to gain by more. */
const AUTO_CHECKPOINT_PAGES = 1024

/**
 * The write-ahead log of a database that this process has for itself, and the end of what is erased: a payload that was
 * deleted or replaced is still in the write-ahead log, and copies of it may be in free space (see leaf-pages.ts). A second
 * later a checkpoint takes the first away, and the second is overwritten.
 *
 * Until then the pages that have to be looked at are known from the write-ahead log alone, so it is not started anew by
 * SQLite's own checkpoints meanwhile. That holds over a crash as well.
 */
export class WriteAheadLog {
  readonly #db: DatabaseSync
  readonly #path: string
  /** Pages of the database that have remains. */
  readonly #remains = new Set<number>()
  #erasing: NodeJS.Timeout | undefined
  /** Closing any descriptor of the file gives up the lock that SQLite has on it, so this one is kept. */
  #file: number | undefined

  /** `interrupted`: what was there when the database was opened may hold what was erased before a crash. */
  constructor(db: DatabaseSync, path: string, interrupted: boolean) {
    this.#db = db
    this.#path = path
    if (interrupted) this.erasing()
    else this.#checkpointAt(AUTO_CHECKPOINT_PAGES)
  }

  /** To be called before a transaction commits that deletes or replaces payloads. */
  erasing(): void {
    if (this.#erasing !== undefined) return
    this.#checkpointAt(0)
    this.#erasing = setInterval(() => this.checkpoint(), ERASE_AFTER_MS)
  }

  /** Brings it into the database and cuts it off, if the disk has room for that, and ends what is being erased. */
  checkpoint(): void {
    try {
      if (this.#erasing !== undefined) {
        for (const page of leavesWithRemains(`${this.#path}-wal`)) this.#remains.add(page)
      }
      const { busy } = this.#db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()!
      if (busy !== 0 || this.#erasing === undefined) return
      this.#clearRemains()
    } catch (error) {
      if (!isRefusedWrite(error)) throw error
      return
    }
    clearInterval(this.#erasing)
    this.#erasing = undefined
    this.#checkpointAt(AUTO_CHECKPOINT_PAGES)
  }

  /** Ends what is being erased, and closes the database. */
  close(): void {
    if (this.#erasing !== undefined) this.checkpoint()
    clearInterval(this.#erasing)
    this.#db.close()
    if (this.#file !== undefined) closeSync(this.#file)
  }

  /** Right after a checkpoint: the file is the whole truth then. */
  #clearRemains(): void {
    if (this.#remains.size === 0) return
    this.#file ??= openSync(this.#path, 'r+')
    for (const page of this.#remains) clearFreeSpace(this.#file, page)
    fdatasyncSync(this.#file)
    this.#remains.clear()
    // SQLite would write back what it has of these pages in memory.
    this.#db.exec('PRAGMA shrink_memory')
  }

  #checkpointAt(pages: number): void {
    this.#db.exec(`PRAGMA wal_autocheckpoint = ${pages}`)
  }
}
