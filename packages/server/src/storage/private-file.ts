import { chmodSync, closeSync, openSync, statSync } from 'node:fs'
import { errorCode } from './sqlite-errors.ts'

const OWNER_ONLY = 0o600
/** Made by SQLite with the mode of the database; those of an earlier one may have another. */
const COMPANIONS = ['', '-wal', '-shm']

/**
 * Makes an empty database file for its owner alone, or takes others' rights to the one that is there. That one is not
 * opened: closing it would drop the locks that this process has on it.
 */
export function makePrivateFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', OWNER_ONLY))
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    for (const companion of COMPANIONS) restrict(path + companion)
  }
}

function restrict(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false })
  if (found !== undefined && (found.mode & 0o077) !== 0) chmodSync(path, OWNER_ONLY)
}
