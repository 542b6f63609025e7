import { readdirSync, readFileSync } from 'node:fs'

const EVERY_MS = 200

/** Looks at a process from outside while it is loaded: at its memory, and at whom it holds. */
export class Watch implements Disposable {
  readonly #pid: number
  readonly #started = performance.now()
  readonly #timer: NodeJS.Timeout
  readonly #seen: { seconds: number; bytes: number; open: number }[] = []

  constructor(pid: number) {
    this.#pid = pid
    this.#timer = setInterval(() => this.look(), EVERY_MS)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  /** Every 200 ms by itself. */
  look(): void {
    this.#seen.push({
      seconds: (performance.now() - this.#started) / 1000,
      bytes: residentBytes(this.#pid),
      // A connection is a descriptor, and under load a server opens and closes few others.
      open: readdirSync(`/proc/${this.#pid}/fd`).length,
    })
  }

  /** The most resident memory, in bytes. */
  get peakBytes(): number {
    return Math.max(0, ...this.#seen.map(({ bytes }) => bytes))
  }

  /** Seconds until `connections` of the most that were open had been closed; undefined: they were not. */
  closedAfter(connections: number): number | undefined {
    const most = Math.max(0, ...this.#seen.map(({ open }) => open))
    const full = this.#seen.findLastIndex(({ open }) => open === most)
    return this.#seen.slice(full).find(({ open }) => open <= most - connections)?.seconds
  }
}

/** Of the process and its children. 0 when it is gone. */
function residentBytes(pid: number): number {
  const status = readText(`/proc/${pid}/status`)
  const own = Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024
  return readText(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((child) => child.trim() !== '')
    .reduce((sum, child) => sum + residentBytes(Number(child)), own)
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && /ENOENT|ESRCH/.test(String(error.code))) {
      return ''
    }
    throw error
  }
}
