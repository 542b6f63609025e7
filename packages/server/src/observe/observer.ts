import type { Observer, Refusal } from '../core/ports/observer.ts'
import { Audit, type AuditSink, auditToLog } from './audit.ts'
import type { Logger } from './logs.ts'
import type { Metrics } from './metrics.ts'

/** One line a second for each place that fails: a full disk must not fill itself with log lines. */
const QUIET_MS = 1000

export interface ServerObserverOptions {
  metrics: Metrics
  logger: Logger
  now: () => number
  /** Gets the refusals; the log when absent. */
  audit?: AuditSink
}

/** Counts in metrics and writes to the log what the core tells. */
export class ServerObserver implements Observer {
  readonly #metrics: Metrics
  readonly #logger: Logger
  readonly #now: () => number
  readonly #audit: Audit
  /** By place: when it was last logged and how many failures were only counted since. */
  readonly #failures = new Map<string, { at: number; more: number }>()

  constructor({ metrics, logger, now, audit = auditToLog(logger) }: ServerObserverOptions) {
    this.#metrics = metrics
    this.#logger = logger
    this.#now = now
    this.#audit = new Audit({ sink: audit, now })
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

  refused(refusal: Refusal): void {
    this.#metrics.refused(refusal.reason)
    this.#audit.refused(refusal)
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

  /** Resolves when every refusal that was told of is written down. */
  close(): Promise<void> {
    return this.#audit.close()
  }
}
