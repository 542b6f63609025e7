import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** What a client may claim to have passed, looked at from our end. */
const MAX_HOPS = 20

/**
 * An IP address in its shortest form: IPv4 inside IPv6 as IPv4, without port, brackets and zone. `undefined` for what is
 * none.
 */
export function shortAddress(text: string): string | undefined {
  const plain = withoutPort(text).replace(/%.*$/, '')
  const family = isIP(plain)
  if (family !== 6) return family === 4 ? plain : undefined
  const short = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(short)
  if (mapped === null) return short
  const bits = parseInt(mapped[1]!, 16) * 65_536 + parseInt(mapped[2]!, 16)
  return [24, 16, 8, 0].map((shift) => (bits >>> shift) & 255).join('.')
}

/** The proxies whose word about a request counts. */
export class Proxies {
  readonly #known: BlockList | undefined

  /** Addresses and networks in CIDR notation. */
  constructor(networks: readonly string[]) {
    if (networks.length > 0) this.#known = blockList(networks)
  }

  /** The address of the socket's other end; empty when it has none. */
  peerOf({ socket }: IncomingMessage): string {
    const { remoteAddress } = socket
    if (remoteAddress === undefined) return ''
    // As the system writes them, but for IPv4 on a socket of IPv6.
    return remoteAddress.includes(':')
      ? (shortAddress(remoteAddress) ?? remoteAddress)
      : remoteAddress
  }

  knows(address: string): boolean {
    return this.#known?.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4') === true
  }

  /**
   * Who sent the request: the peer, or where the peer is a known proxy, the last one in X-Forwarded-For that is not. A list
   * that cannot be read says nothing.
   */
  clientOf(request: IncomingMessage): string {
    const peer = this.peerOf(request)
    if (!this.knows(peer)) return peer
    const hops = textOf(request.headers['x-forwarded-for']).split(',').slice(-MAX_HOPS)
    let client = peer
    for (const hop of hops.toReversed()) {
      const address = shortAddress(hop.trim())
      if (address === undefined) return peer
      client = address
      if (!this.knows(address)) break
    }
    return client
  }
}

/** A header that came several times, as one text. */
export function textOf(header: string | string[] | undefined): string {
  return Array.isArray(header) ? header.join(',') : (header ?? '')
}

function blockList(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}

/** `1.2.3.4:5678`, `[::1]:5678` and `[::1]` without what is around the address. */
function withoutPort(text: string): string {
  const bracketed = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1]
  if (bracketed !== undefined) return isIP(bracketed.replace(/%.*$/, '')) === 6 ? bracketed : ''
  return /^([\d.]+):\d{1,5}$/.exec(text)?.[1] ?? text
}
