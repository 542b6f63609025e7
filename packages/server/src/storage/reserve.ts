import { randomBytes } from 'node:crypto'
import { closeSync, openSync, rmSync, statSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode, isRefusedWrite } from './sqlite-errors.ts'

/** Enough for a checkpoint near the end of the disk and for many deletes. */
export const RESERVE_BYTES = 4 * 1024 * 1024
const BLOCK_BYTES = 64 * 1024

/** Space that is held in a file, for the time when there is no other: even deleting needs some. */
export class Reserve {
  readonly #path: string
  #held: boolean

  constructor(directory: string) {
    this.#path = join(directory, 'reserve')
    this.#held = isWhole(this.#path)
  }

  get held(): boolean {
    return this.#held
  }

  /** Whether it is held now. */
  take(): boolean {
    if (this.#held) return true
    // Not zeros: they take no space on some file systems.
    const block = randomBytes(BLOCK_BYTES)
    try {
      const fd = openSync(this.#path, 'w')
      try {
        for (let at = 0; at < RESERVE_BYTES;) at += writeSync(fd, block, 0, BLOCK_BYTES, at)
      } finally {
        closeSync(fd)
      }
      this.#held = true
    } catch (error) {
      if (!isRefusedWrite(error) && errorCode(error) !== 'EIO') throw error
      this.giveBack()
    }
    return this.#held
  }

  /** Whether there was something to give. */
  giveBack(): boolean {
    const held = this.#held
    this.#held = false
    rmSync(this.#path, { force: true })
    return held
  }
}

function isWhole(path: string): boolean {
  return (statSync(path, { throwIfNoEntry: false })?.size ?? 0) >= RESERVE_BYTES
}
