import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import type { Broker, OnPublications, Page, Range, Receipt } from '../core/ports/broker.ts'
import type { Bus } from '../core/ports/bus.ts'
import type { Clock } from '../core/ports/clock.ts'
import type { Appended, Log, Retention } from '../core/ports/log.ts'
import { InFlight } from './in-flight.ts'
import { Joined } from './joined.ts'

export interface LoggedBrokerOptions {
  log: Log
  bus: Bus
  clock: Clock
  /** Whose channels these are, and what is kept of them. */
  namespace: string
  retention: Retention
  /** Told when a trim or a broadcast fails; neither loses anything. */
  onError: (where: string, error: unknown) => void
}

/**
 * Durability `durable`: a log that keeps and a bus that carries. What the log committed together goes to the bus
 * together, a call for each channel.
 *
 * The log and the bus may be shared with other brokers, so whoever made them closes them.
 */
export class LoggedBroker implements Broker {
  readonly #log: Log
  readonly #bus: Bus
  readonly #clock: Clock
  readonly #namespace: string
  readonly #retention: Retention
  readonly #onError: (where: string, error: unknown) => void
  readonly #joined = new Joined()
  /** Appended and not yet broadcast, by channel. All have the epoch of the log's last answer. */
  #landed = new Map<string, Publication[]>()
  #epoch = ''
  readonly #writing = new InFlight()
  #stopped = false
  #cancelTrim: () => void = () => undefined

  constructor({ log, bus, clock, namespace, retention, onError }: LoggedBrokerOptions) {
    this.#log = log
    this.#bus = bus
    this.#clock = clock
    this.#namespace = namespace
    this.#retention = retention
    this.#onError = onError
  }

  async start(onPublications: OnPublications): Promise<void> {
    await this.#bus.start((channel, epoch, publications) => {
      // The other brokers of the bus join channels too.
      if (this.#joined.has(channel)) onPublications(channel, epoch, publications)
    })
    const { max_entries, max_age_ms } = this.#retention
    if (max_entries !== undefined || max_age_ms !== undefined) this.#scheduleTrim()
  }

  publish(draft: Publication): Promise<Receipt> {
    return this.#writing.track(
      this.#log.append(draft).then((appended) => {
        if (!appended.duplicate) this.#land(draft, appended)
        return appended
      }),
    )
  }

  history(channel: string, range: Range): Promise<Page> {
    return this.#log.read(channel, range)
  }

  replace(channel: string, position: Position, payload: JsonObject): Promise<boolean> {
    return this.#writing.track(this.#log.replace(channel, position, payload))
  }

  join(channel: string): Promise<void> | undefined {
    this.#joined.add(channel)
    return this.#bus.join(channel)
  }

  leave(channel: string): Promise<void> {
    this.#joined.delete(channel)
    return this.#bus.leave(channel)
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTrim()
    await this.#writing.idle()
  }

  #land(publication: Publication, { epoch, offset }: Appended): void {
    publication.metadata.offset = offset
    if (epoch !== this.#epoch) {
      this.#broadcast()
      this.#epoch = epoch
    }
    // The answers of one commit come one microtask after the other, and this one after them all.
    if (this.#landed.size === 0) queueMicrotask(() => this.#broadcast())
    const { channel } = publication.metadata
    const others = this.#landed.get(channel)
    if (others === undefined) this.#landed.set(channel, [publication])
    else others.push(publication)
  }

  #broadcast(): void {
    if (this.#landed.size === 0) return
    const landed = this.#landed
    this.#landed = new Map()
    for (const [channel, publications] of landed) {
      this.#bus
        .broadcast(channel, this.#epoch, publications)
        .catch((error: unknown) => this.#onError('broadcast', error))
    }
  }

  #scheduleTrim(): void {
    if (this.#stopped) return
    this.#cancelTrim = this.#clock.after(TRIM_EVERY_MS, () => {
      this.#log
        .trim(this.#namespace, this.#retention, this.#clock.steady())
        .catch((error: unknown) => this.#onError('trim', error))
        .finally(() => this.#scheduleTrim())
    })
  }
}

const TRIM_EVERY_MS = 60_000
