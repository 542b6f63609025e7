import type { Clock } from './core/ports/clock.ts'

const RETRY_MS = 1_000

export interface RoundsOptions {
  clock: Clock
  /** Does all that there is to do. What comes meanwhile is the next round. */
  work: () => Promise<void>
  /** A round failed: the next one comes in a second. */
  onError: (error: unknown) => void
}

/** Work in the background, one round at a time, as long as somebody says that there is some. */
export class Rounds {
  readonly #options: RoundsOptions
  #running: Promise<void> | undefined
  #isDue = false
  #cancelRetry: (() => void) | undefined
  #closed = false

  constructor(options: RoundsOptions) {
    this.#options = options
  }

  /** There may be something to do. */
  kick(): void {
    this.#isDue = true
    if (this.#closed || this.#cancelRetry !== undefined) return
    this.#running ??= this.#run()
  }

  /** Resolves when the round under way has ended. What it fails with now is for the next life. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancelRetry?.()
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      while (this.#isDue && !this.#closed) {
        this.#isDue = false
        await this.#options.work()
      }
    } catch (error) {
      this.#rest(error)
    }
    this.#running = undefined
  }

  #rest(error: unknown): void {
    if (this.#closed) return
    this.#options.onError(error)
    this.#isDue = true
    this.#cancelRetry = this.#options.clock.after(RETRY_MS, () => {
      this.#cancelRetry = undefined
      this.kick()
    })
  }
}
