import {
  constants,
  createHmac,
  generateKeyPairSync,
  type KeyObject,
  type KeyPairKeyObjectResult,
  sign,
} from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import { Jwks } from '../auth/jwks.ts'
import { JwtAuthenticator, type JwtOptions } from '../auth/jwt.ts'
import {
  fixedKeys,
  type KeySource,
  type PublicAlgorithm,
  publicKeys,
  secretKeys,
} from '../auth/keys.ts'

export const SECRET = 'the secret of this server, long enough'
export const NOW = Date.UTC(2026, 10, 20, 12)
export const SECONDS = NOW / 1000
export const CLAIMS = { sub: 'ada', exp: SECONDS + 60 }

export const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const OTHER_RSA = generateKeyPairSync('rsa', { modulusLength: 2048 })
export const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const OTHER_EC = generateKeyPairSync('ec', { namedCurve: 'P-256' })
export const ED = generateKeyPairSync('ed25519')
const OTHER_ED = generateKeyPairSync('ed25519')

export function base64(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return Buffer.from(text).toString('base64url')
}

/** Signs what it is given, as an issuer with that key does. */
export type Sign = (content: string) => Buffer

export const hmac =
  (secret: string | Buffer = SECRET, bits = 256): Sign =>
  (content) =>
    createHmac(`sha${bits}`, secret).update(content).digest()

export function signer(algorithm: string, key: KeyObject): Sign {
  const hash = algorithm === 'EdDSA' ? null : `sha${algorithm.slice(2)}`
  return (content) =>
    sign(hash, Buffer.from(content), {
      key,
      dsaEncoding: 'ieee-p1363',
      ...(algorithm.startsWith('PS')
        ? {
            padding: constants.RSA_PKCS1_PSS_PADDING,
            saltLength: constants.RSA_PSS_SALTLEN_DIGEST,
          }
        : {}),
    })
}

export function pemOf({ publicKey }: KeyPairKeyObjectResult): string {
  return publicKey.export({ format: 'pem', type: 'spki' }).toString()
}

export function fromPem(
  algorithm: PublicAlgorithm,
  pair: KeyPairKeyObjectResult,
  id?: string,
): KeySource {
  const key = { algorithm, pem: pemOf(pair), ...(id === undefined ? {} : { id }) }
  return fixedKeys(publicKeys([key]))
}

export function fromKeySet(algorithm: PublicAlgorithm, pair: KeyPairKeyObjectResult): KeySource {
  const body = JSON.stringify({
    keys: [{ ...pair.publicKey.export({ format: 'jwk' }), kid: 'one' }],
  })
  return new Jwks({
    url: 'https://issuer.example/keys',
    algorithms: [algorithm],
    refreshMs: 60_000,
    maxStaleMs: 3_600_000,
    outbound: { request: async () => ({ status: 200, body }) },
    steady: () => NOW,
    onError: (error) => {
      throw error
    },
  })
}

/** Somebody who signs tokens that a server accepts. */
export interface Issuer {
  source: KeySource
  header: Readonly<Record<string, unknown>>
  sign: Sign
  /** Of the same kind, but not the server's. */
  stranger: Sign
}

const byKey = (
  algorithm: PublicAlgorithm,
  pair: KeyPairKeyObjectResult,
  other: KeyPairKeyObjectResult,
  source: KeySource,
  kid?: string,
): Issuer => ({
  source,
  header: { alg: algorithm, typ: 'JWT', ...(kid === undefined ? {} : { kid }) },
  sign: signer(algorithm, pair.privateKey),
  stranger: signer(algorithm, other.privateKey),
})

export const ISSUERS: Readonly<Record<string, Issuer>> = {
  'the secret': {
    source: fixedKeys(secretKeys(SECRET, ['HS256'])),
    header: { alg: 'HS256', typ: 'JWT' },
    sign: hmac(),
    stranger: hmac(`${SECRET}!`),
  },
  'RS256, PEM': byKey('RS256', RSA, OTHER_RSA, fromPem('RS256', RSA)),
  'PS256, PEM': byKey('PS256', RSA, OTHER_RSA, fromPem('PS256', RSA)),
  'ES256, PEM with a kid': byKey('ES256', EC, OTHER_EC, fromPem('ES256', EC, 'one'), 'one'),
  'EdDSA, PEM': byKey('EdDSA', ED, OTHER_ED, fromPem('EdDSA', ED)),
  'RS256, key set': byKey('RS256', RSA, OTHER_RSA, fromKeySet('RS256', RSA), 'one'),
  'ES256, key set': byKey('ES256', EC, OTHER_EC, fromKeySet('ES256', EC), 'one'),
  'EdDSA, key set': byKey('EdDSA', ED, OTHER_ED, fromKeySet('EdDSA', ED), 'one'),
}
export const BY_SECRET = ISSUERS['the secret'] as Issuer

/** A token with any header and claims, signed as it should be when nothing else is said. */
export function signed(
  claims: unknown,
  { header = {}, by = BY_SECRET.sign }: { header?: object; by?: Sign } = {},
  issuer: Issuer = BY_SECRET,
): string {
  const content = `${base64({ ...issuer.header, ...header })}.${base64(claims)}`
  return `${content}.${by(content).toString('base64url')}`
}

export function signedBy(issuer: Issuer, claims: unknown = CLAIMS, header: object = {}): string {
  return signed(claims, { header, by: issuer.sign }, issuer)
}

export async function refusal(
  token: string,
  options: Partial<JwtOptions> = {},
): Promise<ProtocolError> {
  const { source } = BY_SECRET
  const authenticator = new JwtAuthenticator({ sources: [source], now: () => NOW, ...options })
  const error: unknown = await authenticator.authenticate(token).then(
    () => new Error('The token was accepted.'),
    (error: unknown) => error,
  )
  if (!(error instanceof ProtocolError)) throw error
  const atOnce = refusalNow(authenticator, token)
  if (atOnce !== undefined && atOnce !== error.message) throw new Error(`At once: ${atOnce}`)
  return error
}

/** What it says at once; undefined where it has to wait. */
function refusalNow(authenticator: JwtAuthenticator, token: string): string | undefined {
  try {
    if (authenticator.authenticateNow(token) === undefined) return undefined
    return 'The token was accepted.'
  } catch (error) {
    return (error as Error).message
  }
}
