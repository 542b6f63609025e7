import { systemClock as clock } from '../clock.ts'
import type { Config } from '../config/resolve.ts'
import type { Core } from '../core/core.ts'
import type { Observer } from '../core/ports/observer.ts'
import type { RefreshTokenStore } from '../core/ports/refresh-tokens.ts'
import type { Parts, WatchedMembers } from '../parts.ts'
import { Door } from '../transports/door.ts'
import { createRequestListener } from '../transports/http-api.ts'
import type { DescribedRoute } from '../transports/openapi-routes.ts'
import { siteHandler } from '../transports/site.ts'
import { Turnstile } from '../transports/turnstile.ts'
import { WebSocketTransport } from '../transports/websocket.ts'
import { devTokensOf, tokenIssuerOf } from './trust.ts'

export interface HttpOptions {
  config: Config
  core: Core
  observer: Observer
  members: WatchedMembers
  /** What tokens are signed with; without it none are made. */
  secret: string | undefined
  refreshTokens: RefreshTokenStore
  /** A directory whose files are served at `/`. */
  site: string | undefined
  readiness: () => readonly string[]
}

type HttpParts = Pick<Parts, 'handlers' | 'route' | 'describe' | 'idle' | 'cut'>

/** The public port: the transports, and what stands before them. `close` stops the timers. */
export function httpOf(options: HttpOptions): HttpParts & { close: () => void } {
  const { config, core, observer, members, secret, refreshTokens, site, readiness } = options
  const { origins, hosts, proxies, limits } = config
  const local = config.dev ? { host: config.host } : undefined
  const door = new Door({ origins, hosts, proxies, local, observer })
  const turnstile = new Turnstile({
    maxWaiting: limits.max_waiting,
    random: Math.random,
    observer,
  })
  const shared = { door, turnstile, service: core, observer, frame: limits }
  const webSocket = new WebSocketTransport({
    ...shared,
    heartbeatMs: config.heartbeat_ms,
    compression: config.compression,
  })
  const described: DescribedRoute[] = []
  const http = createRequestListener({
    ...shared,
    clock,
    readiness,
    members,
    described: () => described,
    tokens: tokenIssuerOf(config, secret, refreshTokens, (session) =>
      core.rights.revoke({ session }),
    ),
    ...(config.dev && secret !== undefined ? { issueDevToken: devTokensOf(config, secret) } : {}),
    ...(site === undefined ? {} : { fallback: siteHandler(site) }),
  })
  return {
    handlers: {
      request: http.listener,
      isStreamed: http.isStreamed,
      upgrade: (request, socket, head) => void webSocket.upgrade(request, socket, head),
    },
    route: http.route,
    describe: (route) => void described.push(route),
    idle: () => webSocket.idle(),
    cut: () => {
      turnstile.close()
      webSocket.close()
    },
    close: () => http.close(),
  }
}
