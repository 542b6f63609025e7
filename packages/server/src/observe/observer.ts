import type { Observer } from '../core/ports/observer.ts'
import type { Logger } from './logs.ts'
import type { Metrics } from './metrics.ts'

/** One line a second for each place that fails: a full disk must not fill itself with log lines. */
const QUIET_MS = 1000

/** Counts in metrics and writes to the log what the core tells. */
export class ServerObserver implements Observer {
  readonly #metrics: Metrics
  readonly #logger: Logger
  readonly #now: () => number
  /** By place: when it was last logged and how many failures were only counted since. */
  readonly #failures = new Map<string, { at: number; more: number }>()

  constructor({ metrics, logger, now }: { metrics: Metrics; logger: Logger; now: () => number }) {
    this.#metrics = metrics
    this.#logger = logger
    this.#now = now
  }

  connected(transport: string): void {
    this.#metrics.connected(transport)
    this.#logger.debug({ transport }, 'connection opened')
  }

  disconnected(transport: string, code: number): void {
    this.#metrics.disconnected(transport, code)
    this.#logger.debug({ transport, code }, 'connection closed')
  }

  published(durability: string, duplicate: boolean): void {
    this.#metrics.published(durability, duplicate)
  }

  delivered(count: number): void {
    this.#metrics.delivered(count)
  }

  reset(reason: string): void {
    this.#metrics.reset(reason)
  }

  failed(where: string, error: unknown): void {
    this.#metrics.failed(where)
    const now = this.#now()
    const last = this.#failures.get(where)
    if (last !== undefined && Math.abs(now - last.at) < QUIET_MS) {
      last.more += 1
      return
    }
    this.#failures.set(where, { at: now, more: 0 })
    this.#logger.error({ where, error, more: last?.more ?? 0 }, `failure in ${where}`)
  }
}
