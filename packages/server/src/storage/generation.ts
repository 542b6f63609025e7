import { closeSync, constants, fsyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from './sqlite-errors.ts'

/** What the file `generation` says of the database beside it. */
export interface Generation {
  epoch: string
  /** Counts the starts. */
  generation: number
  /** How many publications the database ever took: it holds no fewer, unless it is an older copy. */
  rows: number
}

/** Longer than any content. One write within one sector: no crash leaves half of it. */
const BYTES = 192

/** The file `generation` of an open data directory. */
export class GenerationFile {
  readonly #fd: number
  #now: Generation

  private constructor(fd: number, now: Generation) {
    this.#fd = fd
    this.#now = now
  }

  /** `undefined` when there is none, or none that can be read. */
  static read(directory: string): Generation | undefined {
    let text: string
    try {
      text = readFileSync(pathIn(directory), 'utf8')
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
    return parse(text)
  }

  /** Writes it, and lets it last. */
  static write(directory: string, now: Generation): GenerationFile {
    const fd = openSync(pathIn(directory), constants.O_RDWR | constants.O_CREAT, 0o644)
    try {
      const file = new GenerationFile(fd, now)
      file.#write()
      fsyncSync(fd)
      syncDirectory(directory)
      return file
    } catch (error) {
      closeSync(fd)
      throw error
    }
  }

  /**
   * Notes how far the database is, before anybody is told. Not synced: it survives the end of the process, and where
   * the power fails it may lag behind, which is allowed.
   */
  mark(rows: number): void {
    if (rows === this.#now.rows) return
    this.#now = { ...this.#now, rows }
    try {
      this.#write()
    } catch (error) {
      // The commit lasts, so it is no failure: the mark lags until the disk takes writes again.
      if (!(error instanceof Error)) throw error
    }
  }

  close(): void {
    try {
      fsyncSync(this.#fd)
    } finally {
      closeSync(this.#fd)
    }
  }

  #write(): void {
    writeSync(this.#fd, `${JSON.stringify(this.#now).padEnd(BYTES - 1)}\n`, 0)
  }
}

/** Without the file, the next start begins a new epoch. */
export function removeGeneration(directory: string): void {
  rmSync(pathIn(directory), { force: true })
  syncDirectory(directory)
}

function pathIn(directory: string): string {
  return join(directory, 'generation')
}

function parse(text: string): Generation | undefined {
  try {
    const { epoch, generation, rows } = JSON.parse(text) as Record<string, unknown>
    return typeof epoch === 'string' && typeof generation === 'number' && typeof rows === 'number'
      ? { epoch, generation, rows }
      : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

function syncDirectory(directory: string): void {
  // Windows cannot open directories, and keeps their entries by itself.
  if (process.platform === 'win32') return
  const fd = openSync(directory, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}
