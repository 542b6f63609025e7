import { closeSync, openSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import type { AuditEnd, AuditEntry, AuditSink } from './audit.ts'

/** Characters of lines that may wait for a slow disk; lines that come on top are lost, and counted. */
const MAX_WAITING = 256 * 1024
const MODE = 0o600

/**
 * A file that gets a JSON line for each refusal; what it holds already is kept. It is opened by name for each write, so that
 * whoever rotates logs may rename it at any time. Throws when it cannot be written. Later failures go to `onError`: the
 * server goes on, and the next line that can be written tells how many were lost.
 */
export function openAudit(file: string, onError: (error: unknown) => void): AuditSink {
  try {
    closeSync(openSync(file, 'a', MODE))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    const why = WHY[code ?? ''] ?? String(code)
    throw new Error(`The audit file ${file} (\`audit.file\`) cannot be written: ${why}.`, { cause })
  }
  return new AuditFile(file, onError)
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EISDIR: 'it is a directory',
  ENOENT: 'its directory does not exist',
  ENOTDIR: 'what should be its directory is a file',
  EROFS: 'the file system is read-only',
}

interface Line {
  text: string
  /** Refusals that it tells of. */
  refusals: number
}

class AuditFile implements AuditSink {
  readonly #file: string
  readonly #onError: (error: unknown) => void
  #waiting: Line[] = []
  #characters = 0
  #lost = 0
  /** Under way. */
  #writing: Promise<void> | undefined
  /** The file may end in the middle of a line: of a process that was killed, or of a disk that was full. */
  #torn = true

  constructor(file: string, onError: (error: unknown) => void) {
    this.#file = file
    this.#onError = onError
  }

  write(entry: AuditEntry | AuditEnd): void {
    const text = textOf(entry)
    const refusals = (entry.audit === 'refused' ? 1 : 0) + (entry.suppressed ?? 0)
    if (this.#characters + text.length > MAX_WAITING) {
      this.#lost += refusals
      return
    }
    this.#waiting.push({ text, refusals })
    this.#characters += text.length
    this.#writing ??= this.#writeAll()
  }

  takeLost(): number {
    const lost = this.#lost
    this.#lost = 0
    return lost
  }

  async close(): Promise<void> {
    await this.#writing
  }

  async #writeAll(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      this.#characters = 0
      try {
        await this.#append(lines.map(({ text }) => text).join(''))
      } catch (error) {
        for (const { refusals } of lines) this.#lost += refusals
        this.#onError(error)
      }
    }
    this.#writing = undefined
  }

  async #append(text: string): Promise<void> {
    const handle = await open(this.#file, 'a+', MODE)
    try {
      const start = this.#torn && (await endsWithinLine(handle)) ? '\n' : ''
      this.#torn = true
      await handle.writeFile(start + text)
      this.#torn = false
    } finally {
      await handle.close()
    }
  }
}

async function endsWithinLine(handle: FileHandle): Promise<boolean> {
  const { size } = await handle.stat()
  if (size === 0) return false
  const { buffer } = await handle.read(Buffer.alloc(1), 0, 1, size - 1)
  return buffer.toString() !== '\n'
}

/** JSON escapes what could begin a line of its own; escaped as well is what makes a terminal do things. */
function textOf(entry: AuditEntry | AuditEnd): string {
  const json = JSON.stringify(entry).replaceAll(
    /[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${json}\n`
}
