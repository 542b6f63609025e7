import { createHash, createHmac, randomBytes } from 'node:crypto'

export type Claims = Record<string, unknown>

export function base64url(value: string | Buffer | object): string {
  if (Buffer.isBuffer(value) || typeof value === 'string') {
    return Buffer.from(value as string).toString('base64url')
  }
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

/** Header and claims with the signature that `sign` makes of them: nothing is checked, so that anything can be made. */
export function jwt(header: object, claims: unknown, sign: (input: string) => Buffer): string {
  const input = `${base64url(header)}.${base64url(JSON.stringify(claims))}`
  return `${input}.${base64url(sign(input))}`
}

export function hmac(secret: string | Buffer, hash = 'sha256') {
  return (input: string): Buffer => createHmac(hash, secret).update(input).digest()
}

export function seconds(fromNow = 0): number {
  return Math.floor(Date.now() / 1000) + fromNow
}

/** A token of the user as an application's backend would sign it, good for an hour. */
export function tokenOf(secret: string, user: string, claims: Claims = {}): string {
  const all = { sub: user, iat: seconds(), exp: seconds(3600), ...claims }
  return jwt({ alg: 'HS256', typ: 'JWT' }, all, hmac(secret))
}

export interface ServerKey {
  /** What the backend holds. */
  key: string
  /** What the configuration holds. */
  entry: { id: string; sha256: string }
}

export function serverKey(id: string): ServerKey {
  const key = `tw_${id}_${randomBytes(32).toString('base64url')}`
  return { key, entry: { id, sha256: createHash('sha256').update(key).digest('hex') } }
}
