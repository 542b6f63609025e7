import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Observer } from '../core/ports/observer.ts'
import type { Metrics } from './metrics.ts'

/** Whether this server should be given connections, and if not, why. */
export type Readiness = { ready: true } | { ready: false; reason: string }

export interface OpsServerOptions {
  metrics: Metrics
  readiness: () => Readiness | Promise<Readiness>
  observer: Pick<Observer, 'failed'>
}

/** `/metrics`, `/health` and `/ready` on the port of operations, which clients do not reach. */
export class OpsServer {
  readonly #server: Server
  readonly #metrics: Metrics
  readonly #readiness: () => Readiness | Promise<Readiness>

  constructor(options: OpsServerOptions) {
    this.#metrics = options.metrics
    this.#readiness = options.readiness
    this.#server = createServer({ headersTimeout: 10_000, requestTimeout: 15_000 }, (req, res) => {
      this.#answer(req, res).catch((error: unknown) => {
        options.observer.failed('ops', error)
        res.destroy()
      })
    })
  }

  /** Resolves with the URL; rejects with what the system says, such as `EADDRINUSE`. */
  async listen({ host, port }: { host: string; port: number }): Promise<string> {
    await new Promise<void>((resolve, reject) => {
      this.#server.on('error', reject)
      this.#server.listen({ host, port }, resolve)
    })
    this.#metrics.watchProcess()
    const { address, port: taken, family } = this.#server.address() as AddressInfo
    return `http://${family === 'IPv6' ? `[${address}]` : address}:${taken}`
  }

  async close(): Promise<void> {
    this.#metrics.close()
    if (!this.#server.listening) return
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url?.split('?', 1)[0]
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return send(response, 405, { message: 'Only GET and HEAD.' })
    }
    if (path === '/health') return send(response, 200, { status: 'ok' })
    if (path === '/ready') {
      const readiness = await this.#readiness()
      return readiness.ready
        ? send(response, 200, { status: 'ready' })
        : send(response, 503, { status: 'unavailable', reason: readiness.reason })
    }
    if (path === '/metrics') {
      const text = await this.#metrics.text()
      response.writeHead(200, { 'content-type': this.#metrics.contentType }).end(text)
      return
    }
    send(response, 404, { message: 'There are /metrics, /health and /ready.' })
  }
}

function send(response: ServerResponse, status: number, body: Record<string, string>): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`)
}
