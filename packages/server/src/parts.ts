import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Config, Policy } from './config/resolve.ts'
import type { Core } from './core/core.ts'
import type { Broker } from './core/ports/broker.ts'
import type { MemberStore } from './core/ports/members.ts'
import type { Feature, MemberListener } from './handlers.ts'
import type { HttpHandlers } from './http-server.ts'
import type { OpsServer } from './observe/ops-server.ts'
import type { Outbound, OutboundOptions } from './outbound/outbound.ts'
import type { Certificate } from './tls.ts'
import type { DescribedRoute } from './transports/openapi-routes.ts'
import type { HttpApi } from './transports/http-api.ts'

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
