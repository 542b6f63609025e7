import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'
import { makeDirectory } from '../../make-directory.ts'
import { makePrivateFile } from '../private-file.ts'
import { errorCode, isFailedSync, SQLITE, toFailure } from '../sqlite-errors.ts'
import { PAGE_BYTES } from '../space.ts'
import type { Failure } from '../sqlite-messages.ts'
import { toStorageError } from '../sqlite-open.ts'
import { Erasure } from './erasure.ts'
import type { Outcome, Result, Statement } from './messages.ts'

/** How long a statement waits for another process to finish writing. */
const LOCK_WAIT_MS = 5000
const MAX_PREPARED = 200

/** Opens or makes `store.db` in `directory`, which other processes may have open, too. Throws `StorageError`. */
export function openConnection(directory: string): StoreConnection {
  const path = join(directory, 'store.db')
  try {
    makeDirectory(directory)
    makePrivateFile(path)
    const db = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
    try {
      db.exec(`
        PRAGMA page_size = ${PAGE_BYTES};
        PRAGMA journal_mode = WAL;
        PRAGMA synchronous = FULL;
        PRAGMA secure_delete = ON;
        -- Erasure does that.
        PRAGMA wal_autocheckpoint = 0;
      `)
    } catch (error) {
      db.close()
      throw error
    }
    return new StoreConnection(db, new Erasure(db, path))
  } catch (error) {
    throw toStorageError(error, directory, path)
  }
}

/** The database, for one thread: runs statements, and says what became of each. */
export class StoreConnection {
  readonly #db: DatabaseSync
  readonly #erasure: Erasure
  readonly #prepared = new Map<string, StatementSync>()
  #transaction: 'none' | 'open' | 'broken' = 'none'
  #version: number
  /** The disk could not say what lasts: only a new start reads what is there. */
  unsure: unknown

  constructor(db: DatabaseSync, erasure: Erasure) {
    this.#db = db
    this.#erasure = erasure
    this.#version = this.#readVersion()
  }

  /** The outcome of each: one that fails takes no other with it, unless nothing more can be written at all. */
  run(statements: readonly Statement[]): Outcome[] {
    if (this.#transaction !== 'none') return statements.map((statement) => this.#inside(statement))
    // One sync for all of them.
    const grouped = statements.length > 1 && statements.some(({ writes }) => writes)
    if (!grouped) return statements.map((statement) => this.#attempt(() => this.#run(statement)))
    const failure = this.begin()
    if (failure !== undefined) return statements.map(() => failure)
    const outcomes = statements.map((statement) => this.#inside(statement))
    const ended = this.commit()
    return ended === undefined ? outcomes : statements.map(() => ended)
  }

  begin(): Failure | undefined {
    const failure = this.#exec('BEGIN IMMEDIATE')
    if (failure === undefined) this.#transaction = 'open'
    return failure
  }

  commit(): Failure | undefined {
    const failure =
      this.#transaction === 'broken'
        ? toFailure(new Error('a statement of the transaction failed'))
        : this.#exec('COMMIT')
    if (failure !== undefined) this.rollback()
    this.#transaction = 'none'
    return failure
  }

  rollback(): void {
    this.#transaction = 'none'
    // Fails where what broke it has rolled it back already.
    this.#exec('ROLLBACK')
  }

  /** Whether another connection wrote since this was asked last. */
  hasChanged(): boolean {
    const version = this.#readVersion()
    const changed = version !== this.#version
    this.#version = version
    return changed
  }

  /** Of what was deleted nothing is left in the files, unless a transaction or another process is in the way. */
  erase(): void {
    if (this.#transaction !== 'none') return
    this.#attempt(() => {
      this.#erasure.run()
      return undefined
    })
  }

  close(): void {
    this.erase()
    this.#prepared.clear()
    this.#db.close()
    this.#erasure.close()
  }

  #inside(statement: Statement): Outcome {
    if (this.#transaction === 'broken') return toFailure(new Error('the transaction has failed'))
    return this.#attempt(
      () => this.#run(statement),
      (error) => {
        // A broken rule undoes the statement alone. After all else, no later one may pass for a part of the transaction.
        if (errorCode(error) !== SQLITE.CONSTRAINT) this.#transaction = 'broken'
      },
    )
  }

  #run({ sql, parameters, returns }: Statement): Result {
    const statement = this.#prepare(sql)
    if (returns) return { rows: statement.all(...parameters), changes: 0 }
    return { rows: [], changes: Number(statement.run(...parameters).changes) }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql)
    if (known !== undefined) return known
    const [oldest] = this.#prepared.keys()
    if (this.#prepared.size >= MAX_PREPARED && oldest !== undefined) this.#prepared.delete(oldest)
    const statement = this.#db.prepare(sql)
    this.#prepared.set(sql, statement)
    return statement
  }

  #exec(sql: string): Failure | undefined {
    return this.#attempt(() => {
      this.#db.exec(sql)
      return undefined
    })
  }

  #attempt<T>(work: () => T, onError?: (error: unknown) => void): T | Failure {
    try {
      return work()
    } catch (error) {
      onError?.(error)
      if (isFailedSync(error)) this.unsure = error
      return toFailure(error)
    }
  }

  #readVersion(): number {
    return this.#db.prepare('PRAGMA data_version').get()!['data_version'] as number
  }
}
