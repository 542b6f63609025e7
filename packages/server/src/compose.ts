import { randomFillSync } from 'node:crypto'
import { uuidv7 } from '@tidewire/protocol'
import { applicationAuthorizer, type Authorize } from './auth/application.ts'
import type { HttpHook } from './auth/hook.ts'
import { systemClock as clock } from './clock.ts'
import { certificateOf } from './compose/certificate.ts'
import { featuresOf } from './compose/features.ts'
import { httpOf } from './compose/http.ts'
import { LazyStore } from './compose/lazy-store.ts'
import { Storage } from './compose/storage.ts'
import { watchMembers } from './compose/watched-members.ts'
import { authenticatorOf, type Credentials, credentialsOf, hookOf } from './compose/trust.ts'
import {
  type Config,
  ConfigError,
  type ConfigInput,
  type FeatureName,
  type FeaturesInput,
  resolveConfig,
} from './config/resolve.ts'
import { Core } from './core/core.ts'
import type { Broker } from './core/ports/broker.ts'
import type { Observer } from './core/ports/observer.ts'
import type { AuditSink } from './observe/audit.ts'
import { openAudit } from './observe/audit-file.ts'
import { createLogger, type Logger } from './observe/logs.ts'
import { Metrics } from './observe/metrics.ts'
import { ServerObserver } from './observe/observer.ts'
import { OpsServer } from './observe/ops-server.ts'
import type { Feature } from './handlers.ts'
import { Outbound } from './outbound/outbound.ts'
import type { Parts, WatchedMembers } from './parts.ts'
import { Server, SERVER } from './server.ts'
import type { Certificate } from './tls.ts'

export interface ServerOptions extends Omit<ConfigInput, 'features'> {
  /** Where log lines go; JSON on stdout when absent. */
  logger?: Logger
  /** A directory whose files are served at `/`. */
  site?: string
  /** Those that come with the server, by name or made with options, and your own; or options by name, as in the configuration. */
  features?: FeaturesInput | readonly (FeatureName | Feature)[]
  /** Asked for every message that the rules and the token allow: only `true` lets it pass. */
  authorize?: Authorize
  /**
   * Called when the server can no longer do its work, because its log is gone: end the process and start it again. Until
   * then publishes to durable channels are `unavailable` and `/ready` says no.
   */
  onFatal?: (error: Error) => void
}

const now = (): number => clock.now()

/**
 * A server with everything in it, not listening yet. Throws `ConfigError` for options that cannot be used.
 * `auth.jwt_secret` is taken from `TIDEWIRE_JWT_SECRET` when the options have none.
 */
export function createServer(options: ServerOptions = {}): Server {
  return compose(options, (broker) => broker)
}

/** The same with something between the core and its brokers, for tests. */
export function compose(options: ServerOptions, wrap: (broker: Broker) => Broker): Server {
  const { logger: given, site, authorize, features: wanted, onFatal, ...input } = options
  const { configured, made } = dividedFeatures(wanted)
  const config = resolveConfig({
    file: configured === undefined ? input : { ...input, features: configured },
    fileName: 'the options of createServer',
    env: environment(process.env, input.auth?.jwt_secret === undefined),
  })
  const logger = given ?? createLogger({ level: config.log.level })
  const metrics = new Metrics()
  const observer = observerOf(config, logger, metrics)
  const newId = uuidv7(now, (bytes) => void randomFillSync(bytes))
  const credentials = credentialsOf(config)
  const { core, store, members, hook } = coreOf({ config, observer, newId, credentials, authorize })
  const features = featuresOf(config.features, made)
  const storage = new Storage({ config, newId, observer, logger, onFatal })
  const certificate = certificateOf(config, logger)
  const readiness = (): string[] => [
    ...core.unreadiness(),
    ...storage.unreadiness(),
    ...store.unreadiness(),
  ]
  const { secret } = credentials
  const { refreshTokens } = store
  const http = httpOf({ config, core, observer, members, secret, refreshTokens, site, readiness })
  const ops = opsOf(metrics, observer, readiness)
  return new Server(
    partsOf({
      config,
      core,
      observer,
      storage,
      store,
      members,
      hook,
      features,
      certificate,
      http,
      ops,
      wrap,
    }),
  )
}

/** Those of the configuration, and those that the application made itself. */
function dividedFeatures(wanted: ServerOptions['features']): {
  configured: FeaturesInput | undefined
  made: readonly Feature[]
} {
  if (!Array.isArray(wanted)) return { configured: wanted as FeaturesInput | undefined, made: [] }
  const all = wanted as readonly (FeatureName | Feature)[]
  return {
    configured: all.filter((feature) => typeof feature === 'string'),
    made: all.filter((feature) => typeof feature !== 'string'),
  }
}

interface CoreOptions {
  config: Config
  observer: Observer
  newId: () => string
  credentials: Credentials
  authorize: Authorize | undefined
}

interface Asked {
  store: LazyStore
  members: WatchedMembers
  hook: HttpHook | undefined
}

/** The core, and what it asks. */
function coreOf(options: CoreOptions): Asked & { core: Core } {
  const { config, observer, newId, credentials, authorize } = options
  const store: LazyStore = new LazyStore({
    directory: config.data,
    now,
    onKeyRevoked: (id) =>
      void core
        .disconnect(SERVER, { key_id: id }, { revoke: true })
        .catch((error: unknown) => observer.failed('revocation', error)),
    onError: (error) => observer.failed('store', error),
  })
  const members = watchMembers(store.members, {
    recheck: (user, channel) => core.recheck(user, channel),
    onError: (error) => observer.failed('members', error),
  })
  const hook = hookOf(config, observer)
  const core: Core = new Core({
    clock,
    observer,
    newId,
    random: Math.random,
    limits: config.limits,
    noLimits: config.no_limits,
    heartbeatMs: config.heartbeat_ms,
    revalidateMs: config.auth.revalidate_ms,
    authenticator: authenticatorOf(config, credentials, store.serverKeys, observer),
    members,
    revocations: store.revocations,
    refreshTokens: store.refreshTokens,
    hook,
    authorize: authorize && applicationAuthorizer(authorize),
  })
  return { core, store, members, hook }
}

interface Made extends Asked {
  config: Config
  core: Core
  observer: ServerObserver
  storage: Storage
  features: readonly Feature[]
  certificate: Certificate | undefined
  http: ReturnType<typeof httpOf>
  ops: OpsServer
  wrap: (broker: Broker) => Broker
}

function partsOf(made: Made): Parts {
  const { config, core, observer, storage, store, members, hook, certificate, wrap } = made
  const { close: closeHttp, ...http } = made.http
  const outbounds = new Set<Outbound>()
  return {
    ...http,
    config,
    core,
    members,
    features: made.features,
    certificate,
    ops: made.ops,
    tables: (feature, migrations) => store.tables(feature, migrations),
    start: async () => {
      await store.start()
      await core.loadRevocations()
    },
    brokerOf: async (name, policy) => wrap(await storage.brokerOf(name, policy)),
    outbound: (options) => {
      const outbound = new Outbound(options)
      outbounds.add(outbound)
      return outbound
    },
    close: async () => {
      certificate?.close()
      closeHttp()
      await storage.close()
      await store.close()
      hook?.close()
      for (const outbound of outbounds) outbound.close()
      await observer.close()
    },
  }
}

function opsOf(metrics: Metrics, observer: Observer, readiness: () => string[]): OpsServer {
  return new OpsServer({
    metrics,
    observer,
    readiness: () => {
      const [reason] = readiness()
      return reason === undefined ? { ready: true } : { ready: false, reason }
    },
  })
}

/** Throws `ConfigError` when the audit log cannot be written. */
function observerOf({ audit: { file } }: Config, logger: Logger, metrics: Metrics): ServerObserver {
  const observer: ServerObserver = new ServerObserver({
    metrics,
    logger,
    now,
    ...(file === undefined ? {} : { audit: auditOf(file) }),
  })
  return observer

  function auditOf(path: string): AuditSink {
    try {
      return openAudit(path, (error) => observer.failed('audit', error))
    } catch (cause) {
      throw new ConfigError((cause as Error).message, { cause })
    }
  }
}

/** What a server takes from the environment by itself: whether this is production, and its secret where none is given. */
function environment(
  { NODE_ENV, TIDEWIRE_JWT_SECRET, TIDEWIRE_JWT_SECRET_FILE }: NodeJS.ProcessEnv,
  withSecret: boolean,
): Record<string, string | undefined> {
  return withSecret ? { NODE_ENV, TIDEWIRE_JWT_SECRET, TIDEWIRE_JWT_SECRET_FILE } : { NODE_ENV }
}
