import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createServer, type ServerOptions } from '../compose.ts'
import { issueToken } from '../auth/jwt.ts'
import type { Server } from '../server.ts'

// The parts of a server, for those who put one together in a world of their own.
export { LoggedBroker } from '../brokers/logged.ts'
export { MemoryBroker } from '../brokers/memory.ts'
export { compose } from '../compose.ts'
export { Core } from '../core/core.ts'
export type { Actor } from '../core/ports/actor.ts'
export type { Batch } from '../core/ports/batch.ts'
export type { Broker, OnPublications, Page, Range, Receipt } from '../core/ports/broker.ts'
export type { Bus } from '../core/ports/bus.ts'
export type { Connection } from '../core/ports/connection.ts'
export type { Appended, Log, Retention } from '../core/ports/log.ts'
export type { SessionHandle } from '../core/ports/service.ts'
export { LIMITS } from './core-harness.ts'
export { FakeClock } from './fake-clock.ts'
export { FakeConnection } from './fake-connection.ts'
export { PushService } from './push-service.ts'

export interface TestServer {
  server: Server
  /** `http://127.0.0.1:port` */
  url: string
  readonly token: (user: string) => Promise<string>
  /** Closes the server and removes its data. */
  readonly close: () => Promise<void>
}

const SECRET = 'a secret of the tests, long enough for HS256'
const SILENT = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
}

/** A development server on a free port with a data directory of its own. */
export async function startTestServer(options: ServerOptions = {}): Promise<TestServer> {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-test-'))
  const server = createServer({
    dev: true,
    host: '127.0.0.1',
    port: 0,
    ops: { port: null },
    data,
    shutdown_ms: 500,
    logger: SILENT,
    ...options,
    auth: { jwt_secret: SECRET, ...options.auth },
  })
  const { url } = await server.listen()
  return {
    server,
    url,
    token: async (user) => {
      const secret = options.auth?.jwt_secret ?? SECRET
      return (await issueToken({ secret, user, ttlMs: 3_600_000, now: Date.now() })).token
    },
    close: async () => {
      await server.close()
      rmSync(data, { recursive: true, force: true })
    },
  }
}
