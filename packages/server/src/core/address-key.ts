/**
 * What an IP address is counted by. Who has an IPv6 address has at least 2^64 of them (RFC 6177): a /64 counts as one.
 * IPv4 written as IPv6 (RFC 4291 §2.5.5.2) is IPv4.
 */
export function addressKey(address: string): string {
  if (!address.includes(':')) return address
  const all = groups(address)
  const isMapped = all[5] === 'ffff' && all.slice(0, 5).every((group) => group === '0')
  return isMapped ? all.slice(6).map(dotted).join('.') : `${all.slice(0, 4).join(':')}::/64`
}

/** The eight groups without leading zeros; seven when the last one is a dotted IPv4. A zone (`%eth0`) is none of them. */
function groups(address: string): string[] {
  const [bare = ''] = address.toLowerCase().split('%', 1)
  const [head = '', tail] = bare.split('::', 2)
  const first = head.split(':').filter((group) => group !== '')
  const last = (tail ?? '').split(':').filter((group) => group !== '')
  const given = first.length + last.length + (bare.includes('.') ? 1 : 0)
  const zeros = Array.from({ length: tail === undefined ? 0 : Math.max(0, 8 - given) }, () => '0')
  return [...first, ...zeros, ...last].map((group) => group.replace(/^0+(?=.)/, ''))
}

function dotted(group: string): string {
  if (group.includes('.')) return group
  const value = Number.parseInt(group, 16)
  return `${value >> 8}.${value & 255}`
}
