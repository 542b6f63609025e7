import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { ProtocolError } from '@tidewire/protocol'
import type { Certificate } from './tls.ts'

/** What answers the public port. */
export interface HttpHandlers {
  request(request: http.IncomingMessage, response: http.ServerResponse): void
  upgrade(request: http.IncomingMessage, socket: Duplex, head: Buffer): void
  /** Whether the body may take as long as `streamMs`. */
  isStreamed?(request: http.IncomingMessage): boolean
}

/** What a slow peer is given, in milliseconds. */
export interface Patience {
  /** For a TLS handshake, and for the headers of a request. */
  headersMs: number
  requestMs: number
  /** The same for a request whose body is read as it comes. */
  streamMs: number
  /** For a connection over which nothing moves, such as an answer that is not read. Streams and polls move sooner. */
  idleMs: number
  /** How often it is looked at. */
  checkMs: number
}

export interface HttpServerOptions {
  /** Makes it a server that speaks TLS. */
  certificate?: Certificate | undefined
  /** Sockets, whatever comes over them; more are closed at once. */
  maxConnections?: number
  patience?: Patience
}

const PATIENCE: Patience = {
  headersMs: 10_000,
  requestMs: 15_000,
  streamMs: 600_000,
  idleMs: 120_000,
  checkMs: 500,
}
const MIN_TLS = 'TLSv1.2'
const UPGRADE_PATH = '/v1/ws'
const IDLE_LOOK_MS = 50
/** What a peer that is sent away has to take the answer and go. */
const LINGER_MS = 1_000

/** An `http.Server` that gives slow peers little time: headers in 10 s, a whole request in 15 s. */
export function createHttpServer(
  handlers: HttpHandlers,
  { certificate, maxConnections, patience = PATIENCE }: HttpServerOptions = {},
): http.Server {
  // Whatever else offers an upgrade (curl and Java's client offer `h2c`) is a request as any other.
  const options = withUpgrades(isOurUpgrade, {
    headersTimeout: patience.headersMs,
    // Of all requests; most have less time, see `limitBody`.
    requestTimeout: patience.streamMs,
    connectionsCheckingInterval: patience.checkMs,
    maxHeaderSize: 16 * 1024,
    noDelay: true,
  })
  const onRequest: http.RequestListener = (request, response) => {
    // Not `server.timeout`, which WebSockets would have as well: a timer to be put off with every write and read.
    request.socket.setTimeout(patience.idleMs)
    // A server that stops keeps no connection for the request after this one.
    if (!server.listening) response.shouldKeepAlive = false
    if (!handlers.isStreamed?.(request)) limitBody(request, patience.requestMs)
    handlers.request(request, response)
  }
  const server =
    certificate === undefined
      ? http.createServer(options, onRequest)
      : createTlsServer(
          certificate,
          { ...options, handshakeTimeout: patience.headersMs },
          onRequest,
        )
  if (maxConnections !== undefined) server.maxConnections = maxConnections
  server.on('clientError', answerMalformed)
  server.on('upgrade', (request: http.IncomingMessage, socket: Duplex, head: Buffer) => {
    if (isOurUpgrade(request)) handlers.upgrade(request, socket, head)
    else refuseUpgrade(socket)
  })
  return server
}

/** Answers a body that comes too slowly as Node answers slow headers. */
function limitBody(request: http.IncomingMessage, ms: number): void {
  const { 'transfer-encoding': encoding, 'content-length': length = '0' } = request.headers
  if (encoding === undefined && length === '0') return
  const timer = setTimeout(() => {
    const error = new Error('The body came too slowly.')
    answerMalformed(Object.assign(error, { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), request.socket)
  }, ms)
  const stop = (): void => clearTimeout(timer)
  request.once('end', stop).once('close', stop)
}

function createTlsServer(
  certificate: Certificate,
  options: https.ServerOptions,
  onRequest: http.RequestListener,
): https.Server {
  const tls = { ...certificate.pair, minVersion: MIN_TLS } as const
  const server = https.createServer({ ...options, ...tls }, onRequest)
  // Connections that are open keep the certificate that they began with.
  certificate.follow((pair) => server.setSecureContext({ ...pair, minVersion: MIN_TLS }))
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
  const scheme = server instanceof https.Server ? 'https' : 'http'
  return `${scheme}://${name}:${taken}`
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

/** Resolves with `done`, or without it after `ms`. */
export async function within(ms: number, done: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const passed = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  await Promise.race([done, passed])
  clearTimeout(timer)
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
  if (!socket.writable || BROKEN_OFF.test(error.code ?? '')) {
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
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
}

/** Nor can it be answered where no handshake of TLS came about. */
const BROKEN_OFF = /^(?:ECONNRESET|HPE_INVALID_EOF_STATE|ERR_(?:SSL|TLS)_.*)$/

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
