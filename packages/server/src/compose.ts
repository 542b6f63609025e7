import { randomFillSync } from 'node:crypto'
import { uuidv7 } from '@tidewire/protocol'
import { TokenAuthenticator } from './auth/authenticator.ts'
import { issueToken } from './auth/jwt.ts'
import { keepDevSecret, keepDevServerKey } from './auth/secret.ts'
import { type ServerKey, toServerKey } from './auth/server-keys.ts'
import { LocalBus } from './brokers/local-bus.ts'
import { LoggedBroker } from './brokers/logged.ts'
import { MemoryBroker } from './brokers/memory.ts'
import { UnloggedBroker } from './brokers/unlogged.ts'
import { systemClock as clock } from './clock.ts'
import { type Config, type ConfigInput, type Policy, resolveConfig } from './config/resolve.ts'
import { Core } from './core/core.ts'
import type { Broker } from './core/ports/broker.ts'
import type { Observer } from './core/ports/observer.ts'
import { createLogger, type Logger } from './observe/logs.ts'
import { Metrics } from './observe/metrics.ts'
import { ServerObserver } from './observe/observer.ts'
import { OpsServer } from './observe/ops-server.ts'
import { type Parts, Server } from './server.ts'
import { openSqliteLog, type SqliteLog } from './storage/sqlite.ts'
import { Door } from './transports/door.ts'
import { createRequestListener } from './transports/http-api.ts'
import { siteHandler } from './transports/site.ts'
import { WebSocketTransport } from './transports/websocket.ts'

export interface ServerOptions extends ConfigInput {
  /** Where log lines go; JSON on stdout when absent. */
  logger?: Logger
  /** A directory whose files are served at `/`. */
  site?: string
  /**
   * Called when the server can no longer do its work, because its log is gone: end the process and start it again. Until
   * then publishes to durable channels are `unavailable` and `/ready` says no.
   */
  onFatal?: (error: Error) => void
}

const now = (): number => clock.now()
const DEV_TOKEN_MS = 24 * 3600 * 1000

/**
 * A server with everything in it, not listening yet. Throws `ConfigError` for options that cannot be used.
 * `auth.jwt_secret` is taken from `TIDEWIRE_JWT_SECRET` when the options have none.
 */
export function createServer(options: ServerOptions = {}): Server {
  return compose(options, (broker) => broker)
}

/** The same with something between the core and its brokers, for tests. */
export function compose(options: ServerOptions, wrap: (broker: Broker) => Broker): Server {
  const { logger: given, site, onFatal, ...input } = options
  const config = resolveConfig({
    file: input,
    fileName: 'the options of createServer',
    env: input.auth?.jwt_secret === undefined ? secretFrom(process.env) : {},
  })
  const logger = given ?? createLogger({ level: config.log.level })
  const metrics = new Metrics()
  const observer = new ServerObserver({ metrics, logger, now })
  const newId = uuidv7(now, (bytes) => void randomFillSync(bytes))
  const { secret, serverKeys } = credentials(config)
  const core = new Core({
    clock,
    observer,
    newId,
    random: Math.random,
    limits: config.limits,
    heartbeatMs: config.heartbeat_ms,
    revalidateMs: config.auth.revalidate_ms,
    authenticator: new TokenAuthenticator({
      secret,
      serverKeys,
      maxAgeMs: config.auth.token_max_age_ms,
      now,
    }),
  })
  const storage = new Storage({ config, newId, observer, logger, onFatal })
  return new Server(parts({ config, core, observer, metrics, secret, site, storage, wrap }))
}

interface Made {
  config: Config
  core: Core
  observer: Observer
  metrics: Metrics
  secret: string | undefined
  site: string | undefined
  storage: Storage
  wrap: (broker: Broker) => Broker
}

function parts({ config, core, observer, metrics, secret, site, storage, wrap }: Made): Parts {
  const door = new Door()
  const webSocket = new WebSocketTransport({
    door,
    service: core,
    observer,
    frame: config.limits,
    heartbeatMs: config.heartbeat_ms,
  })
  const readiness = (): string[] => [...core.unreadiness(), ...storage.unreadiness()]
  const http = createRequestListener({
    door,
    service: core,
    observer,
    clock,
    frame: config.limits,
    readiness,
    ...(config.dev && secret !== undefined ? { issueDevToken: devTokens(secret) } : {}),
    ...(site === undefined ? {} : { fallback: siteHandler(site) }),
  })
  const ops = new OpsServer({
    metrics,
    readiness: () => {
      const [reason] = readiness()
      return reason === undefined ? { ready: true } : { ready: false, reason }
    },
  })
  return {
    config,
    core,
    brokerOf: async (name, policy) => wrap(await storage.brokerOf(name, policy)),
    handlers: {
      request: http.listener,
      upgrade: (request, socket, head) => void webSocket.upgrade(request, socket, head),
    },
    route: http.route,
    ops,
    idle: () => webSocket.idle(),
    cut: () => webSocket.close(),
    close: async () => {
      http.close()
      await storage.close()
    },
  }
}

interface StorageOptions {
  config: Config
  newId: () => string
  observer: Observer
  logger: Logger
  onFatal: ServerOptions['onFatal']
}

/** The brokers of the namespaces. The database is opened when the first durable one needs it. */
class Storage {
  readonly #options: StorageOptions
  readonly #bus = new LocalBus()
  #opening: Promise<SqliteLog> | undefined
  #log: SqliteLog | undefined

  constructor(options: StorageOptions) {
    this.#options = options
  }

  unreadiness(): string[] {
    return this.#log?.unreadiness() ?? []
  }

  async brokerOf(namespace: string, { durability, retention }: Policy): Promise<Broker> {
    const bus = this.#bus
    if (durability === 'none') return new UnloggedBroker({ bus })
    if (durability === 'memory') {
      const kept = Object.keys(retention).length > 0 ? { retention } : {}
      return new MemoryBroker({ clock, newId: this.#options.newId, ...kept })
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

function credentials(config: Config): { secret: string | undefined; serverKeys: ServerKey[] } {
  const { jwt_secret: secret, server_keys: serverKeys } = config.auth
  if (!config.dev) return { secret, serverKeys }
  return {
    secret: secret ?? keepDevSecret(config.data),
    serverKeys: [...serverKeys, toServerKey('dev', keepDevServerKey(config.data))],
  }
}

function devTokens(secret: string) {
  return (user: string) => issueToken({ secret, user, ttlMs: DEV_TOKEN_MS, now: now() })
}

function secretFrom(env: NodeJS.ProcessEnv): Record<string, string | undefined> {
  const { TIDEWIRE_JWT_SECRET, TIDEWIRE_JWT_SECRET_FILE } = env
  return { TIDEWIRE_JWT_SECRET, TIDEWIRE_JWT_SECRET_FILE }
}
