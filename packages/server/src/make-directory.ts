import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'

const OWNER_ONLY = 0o700

/**
 * Makes the directory and those above it, where they are not there, for their owner alone. Throws what the file system
 * says. `mkdir` with `recursive` never returns where the file system denies that a directory exists (/proc does).
 */
export function makeDirectory(path: string, parentExists = false): void {
  try {
    mkdirSync(path, OWNER_ONLY)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EEXIST' && statSync(path).isDirectory()) return
    if (code !== 'ENOENT' || parentExists) throw error
    makeDirectory(dirname(path))
    makeDirectory(path, true)
  }
}
