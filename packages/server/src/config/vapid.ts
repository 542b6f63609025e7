import { createECDH } from 'node:crypto'
import { readFileSync } from 'node:fs'

/** What a server shows push services that it is the one that browsers subscribed at (RFC 8292). */
export interface VapidPair {
  /** Base64url of the uncompressed point: what browsers call `applicationServerKey`. */
  public_key: string
  private_key: string
}

const CURVE = 'prime256v1'
const KEY_BYTES = 32

export function createVapidPair(): VapidPair {
  const ecdh = createECDH(CURVE)
  ecdh.generateKeys()
  // Without the zeros that it begins with, one time in 256.
  const key = ecdh
    .getPrivateKey()
    .toString('hex')
    .padStart(2 * KEY_BYTES, '0')
  return {
    public_key: ecdh.getPublicKey().toString('base64url'),
    private_key: Buffer.from(key, 'hex').toString('base64url'),
  }
}

/** Whether the two were made together. */
export function isVapidPair({ public_key, private_key }: VapidPair): boolean {
  const key = Buffer.from(private_key, 'base64url')
  if (key.length !== KEY_BYTES) return false
  try {
    const ecdh = createECDH(CURVE)
    ecdh.setPrivateKey(key)
    return ecdh.getPublicKey().toString('base64url') === public_key
  } catch {
    // Zero, or beyond the order of the curve.
    return false
  }
}

/** The pair in a file as `tidewire webpush keys --file` writes it. Throws `TypeError` with what is wrong with it. */
export function readVapidPair(path: string): VapidPair {
  let pair: Partial<Record<string, unknown>> | null
  try {
    pair = JSON.parse(readFileSync(path, 'utf8')) as typeof pair
  } catch (cause) {
    const { code = 'it is not JSON' } = cause as NodeJS.ErrnoException
    throw new TypeError(`${path} cannot be read (${code})`, { cause })
  }
  const { public_key, private_key } = pair ?? {}
  if (typeof public_key === 'string' && typeof private_key === 'string') {
    const found = { public_key, private_key }
    if (isVapidPair(found)) return found
  }
  throw new TypeError(`${path} holds no pair of keys as \`tidewire webpush keys\` makes them`)
}
