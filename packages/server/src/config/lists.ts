import { isIP } from 'node:net'
import { z } from 'zod'

/** Of a variable or a flag: commas or blanks between the items. */
export function parseList(given: string): string[] {
  return given.split(/[\s,]+/).filter((word) => word !== '')
}

const ORIGIN_ERROR =
  'must be an origin such as https://app.example.com or https://*.example.com, in lower case and without a path'

/** `scheme://host[:port]`; a leading `*.` stands for one or more labels. `*` alone lets every page in. */
export const origin = z
  .string({ error: ORIGIN_ERROR })
  .refine((value) => value === '*' || isOrigin(value), { error: ORIGIN_ERROR })

function isOrigin(value: string): boolean {
  const plain = value.replace(/^([a-z][a-z0-9+.-]*:\/\/)\*\./, '$1')
  if (/[*\s]/.test(plain) || !/^[a-z][a-z0-9+.-]*:\/\/[^/?#@]+$/.test(plain)) return false
  if (!URL.canParse(plain)) return false
  const { protocol, host } = new URL(plain)
  return plain === `${protocol}//${host}` && !host.endsWith('.')
}

const HOST_ERROR = 'must be a host name as browsers send it, such as live.example.com'

/** A host name without port. */
export const hostName = z
  .string({ error: HOST_ERROR })
  .regex(/^(\[[0-9a-f:.]+\]|[a-z0-9_]([a-z0-9._-]{0,251}[a-z0-9_])?)$/, { error: HOST_ERROR })

const NETWORK_ERROR = 'must be an IP address or a network such as 10.0.0.0/8'

/** An address, or a network in CIDR notation. */
export const network = z
  .string({ error: NETWORK_ERROR })
  .refine(isNetwork, { error: NETWORK_ERROR })

function isNetwork(value: string): boolean {
  const [address = '', bits, ...rest] = value.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (bits === undefined) return true
  return /^\d{1,3}$/.test(bits) && Number(bits) <= (family === 4 ? 32 : 128)
}
