import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { removeGeneration } from './generation.ts'
import { StorageError } from './storage-error.ts'

/**
 * Makes the next start with this data directory begin a new epoch, so that every client is told to start over: for a
 * database that was put back in a way that the server cannot see. Throws `StorageError` where there is no database.
 */
export function fenceData(directory: string): void {
  if (!existsSync(join(directory, 'tidewire.db'))) {
    throw new StorageError(`There is no database in ${directory}, so there is nothing to fence.`)
  }
  removeGeneration(directory)
}
