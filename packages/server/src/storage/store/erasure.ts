import { closeSync, fdatasyncSync, openSync, statSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import {
  clearFreeSpace,
  LEAVES,
  LEAVES_AND_INDICES,
  leavesWithRemains,
  MAX_INDEXED_PAGES,
} from '../leaf-pages.ts'

/**
 * The end of what was deleted from the store. Deleted rows are overwritten (`secure_delete`), but the write-ahead log has
 * them still, and where SQLite moved rows between pages there are copies in free space (see leaf-pages.ts).
 *
 * So the write-ahead log is only ever emptied here: every page in it that has such copies is known, and rid of them, when
 * it is cut off. What another process checkpoints meanwhile is cleaned when its pages are written the next time.
 */
export class Erasure {
  readonly #db: DatabaseSync
  readonly #path: string
  readonly #remains = new Set<number>()
  /** Closing any descriptor of the file gives up the locks that SQLite has on it, so this one is kept. */
  #file: number | undefined

  constructor(db: DatabaseSync, path: string) {
    this.#db = db
    this.#path = path
  }

  /** Takes the write-ahead log into the database, without what was deleted. Not inside a transaction. Waits for nobody. */
  run(): void {
    if (this.#logBytes() === 0) return
    const kinds = this.#kinds()
    for (const page of leavesWithRemains(`${this.#path}-wal`, kinds)) this.#remains.add(page)
    const version = this.#version()
    const { busy, log, checkpointed } = this.#db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get()!
    if (busy !== 0 || log !== checkpointed) return
    // Nobody writes to the file while a transaction is open and the write-ahead log is all in it.
    this.#db.exec('BEGIN IMMEDIATE')
    try {
      if (this.#version() !== version) return
      if (this.#remains.size > 0) this.#file ??= openSync(this.#path, 'r+')
      for (const page of this.#remains) clearFreeSpace(this.#file!, page, kinds)
      if (this.#remains.size > 0) fdatasyncSync(this.#file!)
      this.#remains.clear()
    } finally {
      this.#db.exec('ROLLBACK')
    }
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  }

  /** After the database was closed. */
  close(): void {
    if (this.#file !== undefined) closeSync(this.#file)
  }

  #kinds() {
    const { page_count } = this.#db.prepare('PRAGMA page_count').get()!
    return (page_count as number) < MAX_INDEXED_PAGES ? LEAVES_AND_INDICES : LEAVES
  }

  #version(): unknown {
    return this.#db.prepare('PRAGMA data_version').get()!['data_version']
  }

  #logBytes(): number {
    return statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0
  }
}
