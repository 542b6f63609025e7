import type { Channel } from '../channel.ts'
import { TidewireError } from '../errors.ts'
import type { Timers } from '../transports/heartbeat.ts'
import type { MessageLog, Page } from './message-log.ts'

const RETRY_MS = 2000
/** Of one search: a page may hold nothing but reactions. */
const MAX_PAGES = 10

export interface HistoryPagerOptions {
  channel: Channel
  pageSize: number
  timers: Timers
  log: () => MessageLog
  onPage: (page: Page) => void
  onChange: () => void
}

/** Reads the history of a room backwards, one search at a time. */
export class HistoryPager {
  readonly #options: HistoryPagerOptions
  #search: AbortController | undefined
  #error: TidewireError | undefined

  constructor(options: HistoryPagerOptions) {
    this.#options = options
  }

  get isLoading(): boolean {
    return this.#search !== undefined
  }

  /** Why the last page could not be had; temporary: it is asked for again by itself. */
  get error(): TidewireError | undefined {
    return this.#error
  }

  /** Fetches pages until `isEnough`, or there are no more, or ten. Never rejects. */
  async load(isEnough: () => boolean): Promise<void> {
    if (this.#search !== undefined || !this.#options.log().hasMore) return
    const search = new AbortController()
    this.#search = search
    this.#error = undefined
    this.#options.onChange()
    for (let pages = 0; pages < MAX_PAGES && this.#options.log().hasMore; pages += 1) {
      // One page needs the offset of the page before it.
      const page = await this.#older(search.signal)
      if (page === undefined || search.signal.aborted) break
      this.#options.onPage(page)
      if (isEnough()) break
    }
    if (this.#search !== search) return
    this.#search = undefined
    this.#options.onChange()
  }

  stop(): void {
    this.#search?.abort()
    this.#search = undefined
  }

  /** The page before the first message; undefined if it cannot be had. */
  async #older(signal: AbortSignal): Promise<Page | undefined> {
    const { channel, pageSize: limit, log, timers } = this.#options
    for (;;) {
      const { first: before, epoch } = log()
      try {
        const page = await channel.history({ epoch, before, limit, signal })
        this.#error = undefined
        return page
      } catch (cause) {
        if (signal.aborted) return undefined
        const error = cause as TidewireError
        this.#error = error
        this.#options.onChange()
        if (!error.temporary) return undefined
        await waitFor(timers, error.retryAfterMs ?? RETRY_MS, signal)
        if (signal.aborted) return undefined
      }
    }
  }
}

function waitFor(timers: Timers, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = timers.set(resolve, ms)
    signal.addEventListener('abort', () => (timers.clear(timer), resolve()), { once: true })
  })
}
