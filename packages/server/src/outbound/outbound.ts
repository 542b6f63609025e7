import * as http from 'node:http'
import * as https from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import { ProtocolError } from '@tidewire/protocol'
import { type AddressKind, kindOf } from './addresses.ts'
import { Failure, notAllowed } from './failure.ts'
import { guardedLookup, type Resolve, systemResolve } from './lookup.ts'

export interface OutboundOptions {
  /** Also to addresses of this machine and of private networks; never to reserved ones. */
  allowPrivate?: boolean
  /** Of the whole exchange, from the name to the last byte of the reply. */
  timeoutMs?: number
  /** Of the body of a reply. */
  maxBytes?: number
  resolve?: Resolve
}

export interface OutboundRequest {
  method?: 'GET' | 'POST'
  headers?: Readonly<Record<string, string>>
  body?: string | Uint8Array
}

export interface Reply {
  /** Never 3xx: a redirect is an error. */
  status: number
  /** As UTF-8. */
  body: string
  /** The header `Retry-After`, as it came. */
  retryAfter?: string
}

type Agents = Readonly<Record<string, http.Agent>>

/**
 * Requests to addresses that somebody configured, which must not become a way into this machine or its network.
 *
 * Goes by no proxy of the environment and follows no redirect. Connections are kept open for the next request.
 * Failure: rejects with `ProtocolError` `unavailable`. Its message names the origin, never path, query or header.
 */
export class Outbound {
  readonly #timeoutMs: number
  readonly #maxBytes: number
  readonly #isAllowed: (address: string) => boolean
  readonly #kept: Agents
  readonly #fresh: Agents

  constructor(options: OutboundOptions = {}) {
    const { allowPrivate = false, timeoutMs = 5000, maxBytes = 64 * 1024 } = options
    const allowed: readonly AddressKind[] = allowPrivate ? ['public', 'private'] : ['public']
    this.#timeoutMs = timeoutMs
    this.#maxBytes = maxBytes
    this.#isAllowed = (address) => allowed.includes(kindOf(address))
    const lookup = guardedLookup(options.resolve ?? systemResolve, this.#isAllowed)
    this.#kept = agents({ lookup, keepAlive: true })
    this.#fresh = agents({ lookup, keepAlive: false })
  }

  /** Throws as `request` rejects, for what can be known without resolving a name. */
  check(address: string): void {
    const url = parse(address)
    // The guard of names is in the agents. An address that needs no resolving never passes it.
    if (isIP(bare(url)) !== 0 && !this.#isAllowed(bare(url))) throw unavailable(url, notAllowed())
  }

  async request(address: string, request: OutboundRequest = {}): Promise<Reply> {
    this.check(address)
    const url = parse(address)
    const deadline = performance.now() + this.#timeoutMs
    try {
      return await this.#exchange(url, request, this.#kept, deadline).catch((error: unknown) => {
        // The other side closed a connection that we had kept, as it may at any time.
        if (!(error instanceof Failure && error.stale)) throw error
        return this.#exchange(url, request, this.#fresh, deadline)
      })
    } catch (error) {
      throw unavailable(url, error)
    }
  }

  /** Ends the connections that are kept. */
  close(): void {
    for (const agent of Object.values(this.#kept)) agent.destroy()
  }

  #exchange(
    url: URL,
    { method = 'GET', headers = {}, body }: OutboundRequest,
    agents: Agents,
    deadline: number,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      const { request: start } = url.protocol === 'https:' ? https : http
      const request = start({
        method,
        host: bare(url),
        port: url.port,
        path: `${url.pathname}${url.search}`,
        agent: agents[url.protocol],
        headers: { ...headers, host: url.host, accept: 'application/json' },
      })
      const fail = (error: unknown): void => {
        clearTimeout(timer)
        reject(error)
        request.destroy()
      }
      const late = new Failure(`no whole reply within ${this.#timeoutMs} ms`)
      const timer = setTimeout(fail, Math.max(0, deadline - performance.now()), late)
      let replied = false
      request.on('response', (response) => {
        replied = true
        receive(response, this.#maxBytes).then((reply) => {
          clearTimeout(timer)
          resolve(reply)
        }, fail)
      })
      // Without a listener Node closes the connection and tells nobody.
      request.on('upgrade', (_response, socket) => {
        socket.destroy()
        fail(new Failure('it changes the protocol'))
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        const cut = error.code === 'ECONNRESET' || error.code === 'EPIPE'
        fail(asFailure(error, { stale: cut && request.reusedSocket && !replied }))
      })
      request.end(body)
    })
  }
}

async function receive(response: http.IncomingMessage, maxBytes: number): Promise<Reply> {
  const { statusCode: status = 0, headers } = response
  if (status >= 300 && status < 400) throw new Failure('it redirects, which is not followed')
  const tooLarge = new Failure(`its reply is larger than ${maxBytes} bytes`)
  if (Number(headers['content-length']) > maxBytes) throw tooLarge
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw tooLarge
    chunks.push(chunk)
  }
  const retryAfter = headers['retry-after']
  return {
    status,
    body: Buffer.concat(chunks).toString(),
    ...(retryAfter === undefined ? {} : { retryAfter }),
  }
}

function agents(options: http.AgentOptions & { lookup: LookupFunction }): Agents {
  return { 'http:': new http.Agent(options), 'https:': new https.Agent(options) }
}

function parse(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isHttp = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url === undefined || !isHttp || url.username !== '' || url.password !== '') {
    throw new ProtocolError(
      'unavailable',
      'The configured address is no http: or https: URL without user name.',
    )
  }
  return url
}

/** The host as sockets take it: an IPv6 address without brackets. */
function bare({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname
}

/** Messages of Node may name what was asked; its codes do not. */
function asFailure(error: NodeJS.ErrnoException, { stale = false } = {}): Failure {
  return error instanceof Failure ? error : new Failure(error.code ?? 'it failed', { stale })
}

function unavailable({ origin }: URL, error: unknown): ProtocolError {
  const { message } = asFailure(error as Error)
  return new ProtocolError('unavailable', `The request to ${origin} failed: ${message}.`)
}
