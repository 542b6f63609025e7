import { lookup as systemLookup } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { Failure, notAllowed } from './failure.ts'

export interface Resolved {
  address: string
  family: 4 | 6
}

/** All addresses of a name. */
export type Resolve = (hostname: string) => Promise<readonly Resolved[]>

/** As the operating system resolves names, `/etc/hosts` included. */
export const systemResolve: Resolve = (hostname) =>
  new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error) reject(error)
      else resolve(addresses as Resolved[])
    })
  })

/**
 * Resolves a name for one connection, and hands out its addresses only if every single one is allowed. The connection is made
 * to what was checked: a name that changes its mind in between cannot lead elsewhere.
 */
export function guardedLookup(
  resolve: Resolve,
  isAllowed: (address: string) => boolean,
): LookupFunction {
  return (hostname, options, answer) => {
    const found = resolve(hostname).then((addresses) => {
      if (addresses.length === 0) throw new Failure('its name has no address')
      if (!addresses.every(({ address }) => isAllowed(address))) throw notAllowed()
      return [...addresses]
    })
    found.then(
      (addresses) => {
        if (options.all) return answer(null, addresses)
        const { address, family } = addresses[0] as Resolved
        answer(null, address, family)
      },
      (error: NodeJS.ErrnoException) => answer(error, ''),
    )
  }
}
