import { BlockList, isIP } from 'node:net'

/**
 * Who an address belongs to. `private`: this machine or a private network. `reserved`: nobody that may be asked, among them
 * link-local addresses and the metadata services of clouds, and every IPv6 address that stands for an IPv4 one.
 */
export type AddressKind = 'public' | 'private' | 'reserved'

/** The kind of an IP address; what is no IP address, or has a zone, is `reserved`. */
export function kindOf(address: string): AddressKind {
  const family = address.includes('%') ? 0 : isIP(address)
  if (family === 0) return 'reserved'
  const type = family === 4 ? 'ipv4' : 'ipv6'
  if (METADATA.check(address, type)) return 'reserved'
  if (family === 4) {
    if (PRIVATE_V4.check(address)) return 'private'
    return RESERVED_V4.check(address) ? 'reserved' : 'public'
  }
  if (PRIVATE_V6.check(address, type)) return 'private'
  return GLOBAL_V6.check(address, type) && !RESERVED_V6.check(address, type) ? 'public' : 'reserved'
}

// Each family has lists of its own: a list with IPv4 rules would apply them to mapped IPv6 addresses, too.

const PRIVATE_V4 = listOf([
  '10.0.0.0/8',
  '100.64.0.0/10', // carrier-grade NAT, also used inside clusters
  '127.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
])

const PRIVATE_V6 = listOf(['::1/128', 'fc00::/7'])

/** IANA IPv4 Special-Purpose Address Registry, without what is private. */
const RESERVED_V4 = listOf([
  '0.0.0.0/8',
  '169.254.0.0/16', // link-local
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24', // relays of 6to4
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4', // multicast
  '240.0.0.0/4',
])

/** All of IPv6 that is routed: mapped, compatible, NAT64, link-local, site-local and multicast addresses lie outside. */
const GLOBAL_V6 = listOf(['2000::/3'])

/** IANA IPv6 Special-Purpose Address Registry, within what is routed. */
const RESERVED_V6 = listOf([
  '2001::/23', // Teredo, benchmarking, ORCHID
  '2001:db8::/32',
  '2002::/16', // 6to4
  '2620:4f:8000::/48',
  '3fff::/20',
])

/** Metadata services of clouds that lie in a private or public range. */
const METADATA = listOf(['100.100.100.200/32', '168.63.129.16/32', 'fd00:ec2::/32', 'fd20:ce::/32'])

function listOf(networks: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits] = network.split('/')
    list.addSubnet(address, Number(bits), isIP(address) === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}
