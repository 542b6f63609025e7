import type { Server } from '../../server.ts'

const WINDOW_MS = 60_000
/** Notices of one user to another within a minute. */
const MAX_NOTICES = 20
/** Pairs of users that are remembered; beyond, those of whom the earliest was told are forgotten. */
const MAX_PAIRS = 100_000

/** Who told whom how often: nobody fills the inbox of another. */
export class NoticeBounds {
  readonly #clock: Server['clock']
  #since = -Infinity
  #told = new Map<string, number>()

  constructor(clock: Server['clock']) {
    this.#clock = clock
  }

  /** Counts one more notice of `author`; those of the readers who are still to be told. */
  take(author: string, readers: readonly string[]): string[] {
    const now = this.#clock.steady()
    if (now - this.#since >= WINDOW_MS) {
      this.#since = now
      this.#told = new Map()
    }
    return readers.filter((reader) => this.#takeOne(keyOf(author, reader)))
  }

  /** They could not be told, and will be again. */
  giveBack(author: string, readers: readonly string[]): void {
    for (const reader of readers) {
      const key = keyOf(author, reader)
      const count = this.#told.get(key)
      if (count !== undefined) this.#told.set(key, count - 1)
    }
  }

  #takeOne(key: string): boolean {
    const count = this.#told.get(key) ?? 0
    if (count >= MAX_NOTICES) return false
    const [earliest] = this.#told.keys()
    if (this.#told.size >= MAX_PAIRS && count === 0 && earliest !== undefined) {
      this.#told.delete(earliest)
    }
    this.#told.set(key, count + 1)
    return true
  }
}

/** Neither has blanks. */
function keyOf(author: string, reader: string): string {
  return `${author} ${reader}`
}
