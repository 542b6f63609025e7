import type { IncomingMessage } from 'node:http'
import { ProtocolError } from '@tidewire/protocol'
import type { Observer } from '../core/ports/observer.ts'
import { Proxies, textOf } from './addresses.ts'
import { type Host, isLocal, parseHost, valuesOf } from './hosts.ts'
import { Origins, type Self } from './origins.ts'
import { pathOf } from './request.ts'

export interface DoorOptions {
  /** Pages that may connect, beside those of the host they ask: `https://app.example.com`, `https://*.example.com`, `*`. */
  origins: readonly string[]
  /** Names that the server answers to. When empty: `local` ones, or without `local` all. */
  hosts: readonly string[]
  /** Addresses and networks of proxies, whose X-Forwarded-… headers are believed. */
  proxies: readonly string[]
  /** Only names that mean this machine count, and the one that it listens on. */
  local?: { host: string } | undefined
  observer: Observer
}

/** Who stands before the door. */
export interface Visitor {
  /** IP address, in its shortest form; that of the client also where a known proxy speaks for it. Empty without one. */
  address: string
  /** Of the page that asks, which may. Absent when none does. */
  origin?: string
}

/** Load balancers ask here by address, and what they learn is no secret. */
const OF_ANY_HOST: ReadonlySet<string> = new Set(['/health', '/ready'])

const SCHEMES: Readonly<Record<string, Self['protocol']>> = {
  http: 'http:',
  ws: 'http:',
  https: 'https:',
  wss: 'https:',
}

/**
 * Looks at every request and every upgrade before anything else does: whether it was meant for this server, and whether the
 * page that sends it may.
 */
export class Door {
  readonly #origins: Origins
  readonly #proxies: Proxies
  readonly #observer: Observer
  readonly #isOurs: (name: string) => boolean

  constructor({ origins, hosts, proxies, local, observer }: DoorOptions) {
    // The page of a front end under development comes from a server of its own.
    this.#origins = new Origins(origins, local !== undefined && origins.length === 0)
    this.#proxies = new Proxies(proxies)
    this.#observer = observer
    if (hosts.length > 0) {
      const names = new Set(hosts.map((name) => parseHost(name)?.name ?? name))
      this.#isOurs = (name) => names.has(name)
    } else if (local !== undefined) {
      const listens = parseHost(local.host)?.name
      this.#isOurs = (name) => isLocal(name) || name === listens
    } else {
      this.#isOurs = () => true
    }
  }

  /** Throws `origin_not_allowed`, or `bad_envelope` for what cannot be told. `transport` is for the audit log. */
  check(request: IncomingMessage, transport: string): Visitor {
    const address = this.addressOf(request)
    try {
      const host = this.#hostOf(request)
      if (!OF_ANY_HOST.has(pathOf(request.url ?? '')))
        this.#checkHost(host, request.headers.host === undefined)
      const origin = this.#originOf(request, host)
      return origin === undefined ? { address } : { address, origin }
    } catch (error) {
      if (error instanceof ProtocolError) {
        this.#observer.refused({ reason: error.reason, action: 'connect', address, transport })
      }
      throw error
    }
  }

  /** As `Visitor.address`, of a request that was let in. */
  addressOf(request: IncomingMessage): string {
    return this.#proxies.clientOf(request)
  }

  #checkHost(host: Host | undefined, isMissing: boolean): void {
    if (host !== undefined ? this.#isOurs(host.name) : this.#isOurs('')) return
    if (host === undefined && isMissing) {
      throw new ProtocolError('bad_envelope', 'The request has no `Host` header. Send one.')
    }
    throw new ProtocolError(
      'origin_not_allowed',
      'This server does not answer to the name in the `Host` header. Add the name to `hosts` of its configuration.',
    )
  }

  #originOf(request: IncomingMessage, host: Host | undefined): string | undefined {
    // Who sends none is no page of another origin. There are no cookies that would let one act for its visitor.
    const [origin, ...others] = valuesOf(request, 'origin')
    if (origin === undefined) return undefined
    const self = host && { ...host, protocol: this.#protocolOf(request) }
    if (others.length === 0 && this.#origins.allow(origin, self)) return origin
    throw new ProtocolError(
      'origin_not_allowed',
      'Pages of this origin may not connect. Add the origin to `origins` of the server’s configuration.',
    )
  }

  #hostOf(request: IncomingMessage): Host | undefined {
    const forwarded = this.#forwarded(request, 'x-forwarded-host')
    if (forwarded !== '') return parseHost(forwarded)
    const [host, ...others] = valuesOf(request, 'host')
    // RFC 9112 §3.2. Whoever stands between may have read the other one.
    if (others.length > 0) {
      throw new ProtocolError('bad_envelope', 'The request has several `Host` headers. Send one.')
    }
    return host === undefined ? undefined : parseHost(host)
  }

  #protocolOf(request: IncomingMessage): Self['protocol'] {
    if (this.#proxies.knows(this.#proxies.peerOf(request))) {
      return SCHEMES[this.#forwarded(request, 'x-forwarded-proto').toLowerCase()]
    }
    // A plain socket may still be one of a proxy that speaks TLS to its clients.
    return 'encrypted' in request.socket ? 'https:' : undefined
  }

  /** What the proxy next to us says; empty when it is none that we know. */
  #forwarded(request: IncomingMessage, name: string): string {
    const header = request.headers[name]
    if (header === undefined || !this.#proxies.knows(this.#proxies.peerOf(request))) return ''
    return textOf(header).split(',').at(-1)!.trim()
  }
}
