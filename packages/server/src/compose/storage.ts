import { HotMemory } from '../brokers/hot-memory.ts'
import { LocalBus } from '../brokers/local-bus.ts'
import { LoggedBroker } from '../brokers/logged.ts'
import { MemoryBroker } from '../brokers/memory.ts'
import { UnloggedBroker } from '../brokers/unlogged.ts'
import { systemClock as clock } from '../clock.ts'
import type { Config, Policy } from '../config/resolve.ts'
import type { Broker } from '../core/ports/broker.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { Logger } from '../observe/logs.ts'
import { openSqliteLog, type SqliteLog } from '../storage/sqlite.ts'

export interface StorageOptions {
  config: Config
  newId: () => string
  observer: Observer
  logger: Logger
  onFatal: ((error: Error) => void) | undefined
}

/** The brokers of the namespaces. The database is opened when the first durable one needs it. */
export class Storage {
  readonly #options: StorageOptions
  readonly #bus = new LocalBus()
  readonly #memory: HotMemory
  #opening: Promise<SqliteLog> | undefined
  #log: SqliteLog | undefined

  constructor(options: StorageOptions) {
    this.#options = options
    this.#memory = new HotMemory(options.config.storage.max_memory_bytes)
  }

  unreadiness(): string[] {
    return this.#log?.unreadiness() ?? []
  }

  async brokerOf(namespace: string, { durability, retention }: Policy): Promise<Broker> {
    const bus = this.#bus
    if (durability === 'none') return new UnloggedBroker({ bus })
    if (durability === 'memory') {
      const kept = Object.keys(retention).length > 0 ? { retention } : {}
      const { newId } = this.#options
      return new MemoryBroker({ clock, newId, memory: this.#memory, ...kept })
    }
    this.#opening ??= this.#open()
    this.#log = await this.#opening
    const { observer } = this.#options
    const onError = (where: string, error: unknown): void => observer.failed(where, error)
    return new LoggedBroker({ log: this.#log, bus, clock, namespace, retention, onError })
  }

  #open(): Promise<SqliteLog> {
    const { config, logger, observer, onFatal } = this.#options
    const { min_free_bytes: minFreeBytes, max_bytes: maxBytes } = config.storage
    return openSqliteLog({
      directory: config.data,
      // Ages and the window of repeats, which a step of the wall clock must not touch.
      now: () => clock.steady(),
      minFreeBytes,
      maxBytes,
      events: {
        onFenced: (why) =>
          logger.warn({ data: config.data, why }, 'the database was replaced: it has a new epoch'),
        onFull: (full) => {
          if (full) logger.error({ data: config.data }, 'storage full: publishes are refused')
          else logger.warn({ data: config.data }, 'storage has room again')
        },
        onDeath: (error) => {
          observer.failed('log', error)
          onFatal?.(error)
        },
      },
    })
  }

  async close(): Promise<void> {
    const log = await this.#opening?.catch(() => undefined)
    await log?.close()
    await this.#bus.stop()
  }
}
