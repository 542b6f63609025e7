import { statSync } from 'node:fs'
import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks'
import { type ErrorReason, reasonOf } from '@tidewire/protocol'
import { collectDefaultMetrics, Counter, Gauge, Registry } from 'prom-client'

const TRANSPORTS = new Set(['websocket', 'sse', 'poll'])
/** Close codes of RFC 6455 §7.4.1; all others that are not ours are made up by peers. */
const STANDARD_CODES = new Set([1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1011, 1012])
const EVENT_LOOP_QUANTILES = [0.5, 0.99, 1]
/** How often the event loop is looked at. */
const EVENT_LOOP_MS = 10
/** What `tidewire_event_loop_delay_seconds` says, from a histogram and a timer of their own. */
const OF_THE_EVENT_LOOP = [
  'nodejs_eventloop_lag_seconds',
  'nodejs_eventloop_lag_min_seconds',
  'nodejs_eventloop_lag_max_seconds',
  'nodejs_eventloop_lag_mean_seconds',
  'nodejs_eventloop_lag_stddev_seconds',
  'nodejs_eventloop_lag_p50_seconds',
  'nodejs_eventloop_lag_p90_seconds',
  'nodejs_eventloop_lag_p99_seconds',
]
/** Each scrape of one of these would walk over every connection there is: 10 ms with 5,000, in which nobody is served. */
const OF_EVERY_CONNECTION = [
  'process_open_fds',
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
]

/**
 * What this server counts, for Prometheus: `tidewire_<subsystem>_<what>_<unit|total>`.
 * Labels come from fixed sets: nothing that a client can choose becomes one.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #open = this.#gauge('connections_open', 'Connections that are open.', ['transport'])
  readonly #opened = this.#counter('connections_opened_total', 'Connections that were opened.', [
    'transport',
  ])
  readonly #closed = this.#counter('connections_closed_total', 'Connections that ended, by code.', [
    'transport',
    'code',
  ])
  // Numbers on the hot path: they become metrics when somebody asks.
  readonly #published = new Map<string, { first: number; duplicate: number }>()
  #delivered = 0
  readonly #resets = this.#counter('resets_total', 'Gaps that subscribers were told of.', [
    'reason',
  ])
  readonly #refused = this.#counter('refused_total', 'What clients were refused, by reason.', [
    'reason',
  ])
  readonly #errors = this.#counter('errors_total', 'Failures no client is to blame for.', ['where'])
  #eventLoop: IntervalHistogram | undefined

  constructor() {
    const publications = this.#counter(
      'publications_total',
      'Publishes that were accepted.',
      ['durability', 'duplicate'],
      () => {
        publications.reset()
        for (const [durability, { first, duplicate }] of this.#published) {
          publications.inc({ durability, duplicate: 'false' }, first)
          publications.inc({ durability, duplicate: 'true' }, duplicate)
        }
      },
    )
    const deliveries = this.#counter(
      'deliveries_total',
      'Publications handed to connections.',
      [],
      () => {
        deliveries.reset()
        deliveries.inc(this.#delivered)
      },
    )
  }

  connected(transport: string): void {
    const label = knownTransport(transport)
    this.#open.inc({ transport: label })
    this.#opened.inc({ transport: label })
  }

  disconnected(transport: string, code: number): void {
    const label = knownTransport(transport)
    this.#open.dec({ transport: label })
    this.#closed.inc({ transport: label, code: knownCode(code) })
  }

  published(durability: string, duplicate: boolean): void {
    let counts = this.#published.get(durability)
    if (counts === undefined) {
      this.#published.set(durability, (counts = { first: 0, duplicate: 0 }))
    }
    if (duplicate) counts.duplicate += 1
    else counts.first += 1
  }

  delivered(count: number): void {
    this.#delivered += count
  }

  reset(reason: string): void {
    this.#resets.inc({ reason })
  }

  refused(reason: ErrorReason): void {
    this.#refused.inc({ reason })
  }

  failed(where: string): void {
    this.#errors.inc({ where })
  }

  /** Adds what is known of the process: memory, garbage collection, delay of the event loop. Call once. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.#registry })
    for (const name of [...OF_EVERY_CONNECTION, ...OF_THE_EVENT_LOOP]) {
      this.#registry.removeSingleMetric(name)
    }
    this.#countOpenFiles()
    const histogram = monitorEventLoopDelay({ resolution: EVENT_LOOP_MS })
    histogram.enable()
    this.#eventLoop = histogram
    const delay = this.#gauge(
      'event_loop_delay_seconds',
      'Delay of the event loop since the last scrape, by quantile.',
      ['quantile'],
      () => {
        for (const quantile of EVENT_LOOP_QUANTILES) {
          delay.set({ quantile }, delaySeconds(histogram.percentile(quantile * 100)))
        }
        histogram.reset()
      },
    )
  }

  get contentType(): string {
    return this.#registry.contentType
  }

  /** All metrics in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics()
  }

  close(): void {
    this.#eventLoop?.disable()
    this.#registry.clear()
  }

  /** Linux ≥ 6.2 tells the number without a list of them; elsewhere there is no such metric. */
  #countOpenFiles(): void {
    const size = statSync('/proc/self/fd', { throwIfNoEntry: false })?.size ?? 0
    if (size === 0) return
    const gauge: Gauge = new Gauge({
      name: 'process_open_fds',
      help: 'Number of open file descriptors.',
      registers: [this.#registry],
      collect: () => gauge.set(statSync('/proc/self/fd').size),
    })
  }

  #counter<T extends string>(
    name: string,
    help: string,
    labelNames: T[],
    collect: () => void = () => {},
  ): Counter<T> {
    const registers = [this.#registry]
    return new Counter({ name: `tidewire_${name}`, help, labelNames, registers, collect })
  }

  #gauge<T extends string>(
    name: string,
    help: string,
    labelNames: T[],
    collect: () => void = () => {},
  ): Gauge<T> {
    const registers = [this.#registry]
    return new Gauge({ name: `tidewire_${name}`, help, labelNames, registers, collect })
  }
}

/** By how much the event loop was late, of the nanoseconds from one look at it to the next. */
export function delaySeconds(betweenLooks: number): number {
  return Math.max(0, betweenLooks - EVENT_LOOP_MS * 1e6) / 1e9
}

function knownTransport(transport: string): string {
  return TRANSPORTS.has(transport) ? transport : 'other'
}

function knownCode(code: number): string {
  return STANDARD_CODES.has(code) || reasonOf(code) !== undefined ? String(code) : 'other'
}
