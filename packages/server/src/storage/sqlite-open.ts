import { statSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { makeDirectory } from '../make-directory.ts'
import { beginLife, type Life } from './life.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { makePrivateFile } from './private-file.ts'
import { Reserve } from './reserve.ts'
import { PAGE_BYTES } from './space.ts'
import { errorCode, isRefusedWrite, SQLITE } from './sqlite-errors.ts'
import { StorageError } from './storage-error.ts'

/** Databases up to this size are checked whole when they are opened; that takes about a second for each GB. */
const CHECKED_BYTES = 256 * 1024 * 1024
/** How long a predecessor may take to let go of the file. */
const LOCK_WAIT_MS = 500

export interface OpenDatabase {
  db: DatabaseSync
  path: string
  life: Life
  /** It was not closed: its write-ahead log was still there. */
  interrupted: boolean
}

/**
 * Opens or makes `tidewire.db` in `directory`, alone: the lock belongs to the process and ends with it, however that
 * ends. Throws `StorageError` and nothing else.
 */
export function openDatabase(directory: string, maxBytes: number | undefined): OpenDatabase {
  const path = join(directory, 'tidewire.db')
  try {
    makeDirectory(directory)
    makePrivateFile(path)
    const interrupted = (statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0) > 0
    try {
      return { ...open(directory, path, maxBytes), interrupted }
    } catch (error) {
      // A start writes a little. What is there can be read, and trimmed, though the disk is full.
      if (!isRefusedWrite(error) || !new Reserve(directory).giveBack()) throw error
      return { ...open(directory, path, maxBytes), interrupted }
    }
  } catch (error) {
    throw error instanceof StorageError ? error : toStorageError(error, directory, path)
  }
}

function open(
  directory: string,
  path: string,
  maxBytes: number | undefined,
): Omit<OpenDatabase, 'interrupted'> {
  const db = new DatabaseSync(path, { timeout: LOCK_WAIT_MS })
  try {
    prepare(db, path, maxBytes)
    return { db, path, life: beginLife(db, path, directory) }
  } catch (error) {
    db.close()
    throw error
  }
}

function prepare(db: DatabaseSync, path: string, maxBytes: number | undefined): void {
  db.exec(`
    PRAGMA page_size = ${PAGE_BYTES};
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA cache_size = -65536;
    -- Not before it is known whether the write-ahead log that is there is still needed.
    PRAGMA wal_autocheckpoint = 0;
    PRAGMA secure_delete = ON;
    PRAGMA journal_size_limit = 67108864;
  `)
  if (maxBytes !== undefined) {
    db.exec(`PRAGMA max_page_count = ${Math.max(1, Math.floor(maxBytes / PAGE_BYTES))}`)
  }
  // In exclusive mode the first transaction takes the lock and never gives it back.
  db.exec('BEGIN EXCLUSIVE; COMMIT')
  if (statSync(path).size <= CHECKED_BYTES) check(db, path)
  migrate(db, path)
}

function check(db: DatabaseSync, path: string): void {
  const result = db.prepare('PRAGMA quick_check(1)').get()
  if (result?.['quick_check'] !== 'ok') throw damaged(path)
}

function migrate(db: DatabaseSync, path: string): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.['user_version'])
  if (version > MIGRATIONS.length) {
    throw new StorageError(
      `The database ${path} was written by a newer version of Tidewire (schema ${version}, this one knows ` +
        `${MIGRATIONS.length}). Run that version, or choose another data directory.`,
    )
  }
  for (let i = version; i < MIGRATIONS.length; i++) {
    db.exec(`BEGIN; ${MIGRATIONS[i]!}; PRAGMA user_version = ${i + 1}; COMMIT`)
  }
}

/** What an operator is told of a database that cannot be opened. */
export function toStorageError(error: unknown, directory: string, path: string): StorageError {
  const code = errorCode(error)
  switch (code) {
    case SQLITE.NOTADB:
    case SQLITE.CORRUPT:
      return damaged(path)
    case SQLITE.BUSY:
      return new StorageError(
        `The database ${path} is in use by another process. Stop that server, or choose another data directory.`,
      )
    case SQLITE.FULL:
    case 'EDQUOT':
    case 'ENOSPC':
      return new StorageError(
        `The disk of the data directory ${directory} is full. Free some space.`,
      )
    case SQLITE.CANTOPEN:
    case SQLITE.READONLY:
    case SQLITE.PERM:
    case 'EACCES':
    case 'EEXIST':
    case 'EISDIR':
    case 'ENOTDIR':
    case 'EPERM':
    case 'EROFS':
      return new StorageError(
        `The data directory ${directory} cannot be written to. Check that it is a directory and who owns it.`,
      )
    default: {
      const detail = error instanceof Error ? error.message : String(error)
      return new StorageError(`The database ${path} cannot be opened: ${detail}.`)
    }
  }
}

function damaged(path: string): StorageError {
  return new StorageError(
    `The database ${path} is damaged or not a database. Restore a backup, or move the file away to start empty.`,
  )
}
