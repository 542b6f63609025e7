import type { Server } from '../../server.ts'

/** Longer than a publish takes. */
const WAIT_MS = 2_000
const MAX = 10_000

interface Coming {
  since: number
  waiting: (() => void)[]
}

/** Messages that were let in and that the log does not have yet: what names one of them waits for it. */
export class OnTheWay {
  readonly #clock: Server['clock']
  /** Oldest first. */
  readonly #coming = new Map<string, Coming>()

  constructor(clock: Server['clock']) {
    this.#clock = clock
  }

  add(channel: string, messageId: string): void {
    const now = this.#clock.steady()
    for (const [key, { since }] of this.#coming) {
      if (now - since < WAIT_MS && this.#coming.size < MAX) break
      this.#end(key)
    }
    const key = keyOf(channel, messageId)
    if (!this.#coming.has(key)) this.#coming.set(key, { since: now, waiting: [] })
  }

  /** It arrived, or never will. */
  over(channel: string, messageId: string): void {
    this.#end(keyOf(channel, messageId))
  }

  /** Settles when it is over, or has taken too long; undefined when it is not on the way. */
  end(channel: string, messageId: string): Promise<void> | undefined {
    const coming = this.#coming.get(keyOf(channel, messageId))
    if (coming === undefined) return undefined
    return new Promise((resolve) => {
      const cancel = this.#clock.after(WAIT_MS, resolve)
      coming.waiting.push(() => {
        cancel()
        resolve()
      })
    })
  }

  close(): void {
    for (const key of this.#coming.keys()) this.#end(key)
  }

  #end(key: string): void {
    for (const go of this.#coming.get(key)?.waiting ?? []) go()
    this.#coming.delete(key)
  }
}

function keyOf(channel: string, messageId: string): string {
  return `${channel} ${messageId}`
}
