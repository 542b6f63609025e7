import http from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { ProtocolError } from '@tidewire/protocol'

/** What answers the public port. */
export interface HttpHandlers {
  request(request: http.IncomingMessage, response: http.ServerResponse): void
  upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void
}

const UPGRADE_PATH = '/v1/ws'
const IDLE_LOOK_MS = 50

/** An `http.Server` that gives slow peers little time: headers in 10 s, a whole request in 15 s. */
export function createHttpServer(handlers: HttpHandlers): http.Server {
  const server = http.createServer(
    // Whatever else offers an upgrade (curl and Java's client offer `h2c`) is a request as any other.
    withUpgrades(isOurUpgrade, {
      headersTimeout: 10_000,
      requestTimeout: 15_000,
      connectionsCheckingInterval: 2_000,
      maxHeaderSize: 16 * 1024,
      noDelay: true,
    }),
    (request, response) => {
      // A server that stops keeps no connection for the request after this one.
      if (!server.listening) response.shouldKeepAlive = false
      handlers.request(request, response)
    },
  )
  server.on('clientError', answerMalformed)
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isOurUpgrade(request)) handlers.upgrade(request, socket, head)
    else refuseUpgrade(socket)
  })
  return server
}

/** Puts the handlers before those that an application's server has: they get our paths, the application all others. */
export function attachTo(server: http.Server, handlers: HttpHandlers): () => void {
  const theirs = server.listeners('request') as http.RequestListener[]
  const onRequest = (request: http.IncomingMessage, response: http.ServerResponse): void => {
    if (isOurs(pathOf(request))) handlers.request(request, response)
    else for (const listener of theirs) listener.call(server, request, response as never)
  }
  const onUpgrade = (request: http.IncomingMessage, socket: Duplex, head: Buffer): void => {
    if (isOurUpgrade(request)) handlers.upgrade(request, socket, head)
    else if (server.listenerCount('upgrade') === 1) refuseUpgrade(socket)
  }
  const restoreUpgrades = shareUpgrades(server)
  server.removeAllListeners('request')
  server.on('request', onRequest)
  server.on('upgrade', onUpgrade)
  return () => {
    server.off('request', onRequest)
    server.off('upgrade', onUpgrade)
    restoreUpgrades()
    for (const listener of theirs) server.on('request', listener)
  }
}

/** Resolves with the URL; rejects with what the system says, such as `EADDRINUSE`. */
export async function listenOn(server: http.Server, host: string, port: number): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ host, port, backlog: 4096 }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const { address, port: taken, family } = server.address() as AddressInfo
  const everywhere = address === '0.0.0.0' || address === '::'
  const name = everywhere ? 'localhost' : family === 'IPv6' ? `[${address}]` : address
  return `http://${name}:${taken}`
}

/**
 * Takes no new connections and gives the open ones `graceMs`; then `cut` ends those that are no longer of HTTP. Resolves
 * when all are gone.
 */
export async function closeServer(
  server: http.Server,
  graceMs: number,
  cut: () => void,
): Promise<void> {
  if (!server.listening) return
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  const idle = setInterval(() => server.closeIdleConnections(), IDLE_LOOK_MS)
  server.closeIdleConnections()
  const timer = setTimeout(() => {
    server.closeAllConnections()
    cut()
  }, graceMs)
  await closed
  clearTimeout(timer)
  clearInterval(idle)
}

type ShouldUpgrade = (request: http.IncomingMessage) => boolean

/** Node ≥ 24.9 asks before it takes a request for an upgrade; an older one takes every offer for one. */
interface Upgrades {
  shouldUpgradeCallback?: ShouldUpgrade
}

function withUpgrades(
  shouldUpgradeCallback: ShouldUpgrade,
  options: http.ServerOptions,
): http.ServerOptions & Upgrades {
  return { ...options, shouldUpgradeCallback }
}

/** Our upgrades become ours; about all others the application's server decides as it did without our listener. */
function shareUpgrades(server: http.Server & Upgrades): () => void {
  const theirs = server.shouldUpgradeCallback
  if (theirs === undefined) return () => undefined
  server.shouldUpgradeCallback = (request) =>
    isOurUpgrade(request) || (server.listenerCount('upgrade') > 1 && theirs.call(server, request))
  return () => {
    server.shouldUpgradeCallback = theirs
  }
}

function isOurUpgrade(request: http.IncomingMessage): boolean {
  return pathOf(request) === UPGRADE_PATH && request.headers.upgrade?.toLowerCase() === 'websocket'
}

/** Where Node took a request for an upgrade it can be answered as nothing else: it must be sent again without one. */
function refuseUpgrade(socket: Duplex): void {
  socket.on('error', () => socket.destroy())
  endWith(socket, '400 Bad Request', bad('There is nothing to upgrade to. Leave `Upgrade` out.'))
}

/** What is no HTTP, or comes too slowly, gets an answer of PROTOCOL.md §7 too. */
function answerMalformed(error: NodeJS.ErrnoException, socket: Duplex): void {
  // A request that breaks off says nothing of who sent it: the connection is gone, and no answer means just that.
  if (!socket.writable || BROKEN_OFF.has(error.code ?? '')) {
    socket.destroy()
    return
  }
  const { status, error: refused } = malformed(error.code)
  endWith(socket, status, refused)
}

function endWith(socket: Duplex, status: string, error: ProtocolError): void {
  const body = JSON.stringify(error.toPayload())
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n` +
      `Cache-Control: no-store\r\nConnection: close\r\n\r\n${body}`,
  )
}

const BROKEN_OFF: ReadonlySet<string> = new Set(['ECONNRESET', 'HPE_INVALID_EOF_STATE'])

function malformed(code: string | undefined): { status: string; error: ProtocolError } {
  if (code === 'HPE_HEADER_OVERFLOW') {
    const message =
      'The headers and the address are too large together. Send fewer or shorter ones.'
    return { status: '431 Request Header Fields Too Large', error: bad(message) }
  }
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') {
    const error = new ProtocolError('unavailable', 'The request came too slowly. Send it again.')
    return { status: '408 Request Timeout', error }
  }
  return { status: '400 Bad Request', error: bad('The request is no valid HTTP.') }
}

function bad(message: string): ProtocolError {
  return new ProtocolError('bad_envelope', message)
}

function isOurs(path: string): boolean {
  return path.startsWith('/v1/') || OTHERS.has(path)
}

const OTHERS: ReadonlySet<string> = new Set(['/health', '/ready', '/openapi.json'])

function pathOf({ url = '/' }: http.IncomingMessage): string {
  const end = url.indexOf('?')
  return end < 0 ? url : url.slice(0, end)
}
