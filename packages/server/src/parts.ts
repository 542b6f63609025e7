import type http from 'node:http'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Config, Policy } from './config/resolve.ts'
import type { Core } from './core/core.ts'
import type { Broker } from './core/ports/broker.ts'
import type { MemberStore } from './core/ports/members.ts'
import type { Feature, MemberListener } from './handlers.ts'
import {
  attachTo,
  closeServer,
  createHttpServer,
  type HttpHandlers,
  listenOn,
  within,
} from './http-server.ts'
import type { OpsServer } from './observe/ops-server.ts'
import type { Outbound, OutboundOptions } from './outbound/outbound.ts'
import type { Server } from './server.ts'
import type { Certificate } from './tls.ts'
import type { DescribedRoute } from './transports/openapi-routes.ts'
import type { HttpApi } from './transports/http-api.ts'

/** For requests, beside the connections that stay. */
const SPARE_SOCKETS = 1_000
/** Over how long clients are spread when a server that stops sends them away. */
const RECONNECT_SPREAD_MS = 2_000

/** Members, and who is told of their changes. `remove` ends the rights that stood on the membership as well. */
export interface WatchedMembers extends MemberStore {
  watch(listener: MemberListener): () => void
}

/** What a server is made of; `compose.ts` chooses the parts. */
export interface Parts {
  config: Config
  core: Core
  members: WatchedMembers
  features: readonly Feature[]
  tables: (
    feature: string,
    migrations: Readonly<Record<string, Migration>>,
  ) => Promise<Kysely<unknown>>
  /** Brings back what the server kept. Before the first connection. */
  start: () => Promise<void>
  brokerOf: (namespace: string, policy: Policy) => Promise<Broker>
  handlers: HttpHandlers
  /** With it the public port speaks TLS. */
  certificate: Certificate | undefined
  route: HttpApi['route']
  /** Puts a route into /openapi.json. */
  describe: (route: DescribedRoute) => void
  outbound: (options: OutboundOptions) => Outbound
  ops: OpsServer
  /** Resolves when no WebSocket connection is left. */
  idle: () => Promise<void>
  /** Ends by force the connections that did not say goodbye. */
  cut: () => void
  close: () => Promise<void>
}

export interface Addresses {
  /** `http://host:port` of the public port; `https://` with a certificate. */
  url: string
  /** `http://host:port` of metrics and health; absent when `ops.port` is null. */
  opsUrl?: string
}

/** One run of the parts, from setting up to the goodbyes. What its methods promise is written at `Server`. */
export class Run {
  readonly #parts: Parts
  readonly #server: Server
  /** By namespace; features add to them while they set up. */
  readonly #policies: ReadonlyMap<string, Policy>
  #settingUp = true
  #started: Promise<void> | undefined
  #closed: Promise<void> | undefined
  #listening: http.Server | undefined
  readonly #detach: (() => void)[] = []

  constructor(parts: Parts, server: Server, policies: ReadonlyMap<string, Policy>) {
    this.#parts = parts
    this.#server = server
    this.#policies = policies
  }

  /** Whether features may still add namespaces. */
  get settingUp(): boolean {
    return this.#settingUp
  }

  async listen(): Promise<Addresses> {
    try {
      return await this.#listen()
    } catch (error) {
      await this.close()
      throw error
    }
  }

  async attach(server: http.Server): Promise<void> {
    await this.#start()
    this.#detach.push(attachTo(server, this.#parts.handlers))
  }

  close(): Promise<void> {
    this.#closed ??= this.#close()
    return this.#closed
  }

  async #listen(): Promise<Addresses> {
    const { config, handlers, certificate, ops } = this.#parts
    const { max_connections, max_waiting } = config.limits
    await this.#start()
    this.#listening = createHttpServer(handlers, {
      certificate,
      maxConnections: max_connections + max_waiting + SPARE_SOCKETS,
    })
    const url = await listenOn(this.#listening, config.host, config.port)
    if (config.ops.port === null) return { url }
    return { url, opsUrl: await ops.listen({ host: config.ops.host, port: config.ops.port }) }
  }

  #start(): Promise<void> {
    this.#started ??= this.#setUp()
    return this.#started
  }

  async #setUp(): Promise<void> {
    const { core, features, brokerOf, start } = this.#parts
    await start()
    for (const feature of features) await feature.setup(this.#server)
    this.#settingUp = false
    for (const [name, policy] of this.#policies) {
      await core.addNamespace({ name, policy, broker: await brokerOf(name, policy) })
    }
    for (const feature of features) await feature.start?.(this.#server)
  }

  async #close(): Promise<void> {
    const { core, features, ops, config, idle, cut } = this.#parts
    for (const detach of this.#detach) detach()
    await Promise.all(features.map(async (feature) => feature.close?.()))
    const closed = this.#listening && closeServer(this.#listening, config.shutdown_ms, cut)
    await core.stop(RECONNECT_SPREAD_MS)
    await closed
    // On an application's server, which stays open, nothing but this waits for the goodbyes.
    await within(config.shutdown_ms, idle())
    cut()
    await this.#parts.close()
    await ops.close()
  }
}
