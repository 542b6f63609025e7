import { sign } from 'node:crypto'
import { base64url, type Claims, hmac, jwt, seconds } from '../support/jwt.ts'
import type { Issuer } from './issuers.ts'

/** What a server accepts, and what an attacker may know of it: all but the secret parts. */
export interface Accepted {
  secret: string
  issuer: string
  audience: string
  /** Their public keys are in the configuration. */
  rsa: Issuer
  ec: Issuer
  ed: Issuer
  /** Nobody knows it. */
  stranger: Issuer
  /** Of a server key that exists. */
  keyId: string
}

export interface Forgery {
  what: string
  token: string
  code: 4002 | 4006
}

/** A day is the longest that is accepted. */
export const MAX_AGE_S = 24 * 3600

/** What a good token says. */
export function goodClaims({ issuer, audience }: Accepted): Claims {
  return { sub: 'ada', iss: issuer, aud: audience, iat: seconds(), exp: seconds(3600) }
}

export function goodToken(accepted: Accepted): string {
  return jwt({ alg: 'HS256' }, goodClaims(accepted), hmac(accepted.secret))
}

/** Tokens that somebody made who has no key, or who has one and oversteps it. */
export function forgeries(accepted: Accepted): Forgery[] {
  return [
    ...unsigned(accepted),
    ...confused(accepted),
    ...tampered(accepted),
    ...misdirected(accepted),
    ...overstepping(accepted),
    ...untimely(accepted),
    ...malformed(accepted),
  ].map(([what, token, code = 4002]) => ({ what, token, code }))
}

type Entry = readonly [what: string, token: string, code?: 4002 | 4006]

/** Without a signature, in every spelling. */
function unsigned(accepted: Accepted): Entry[] {
  const claims = goodClaims(accepted)
  const nothing = (): Buffer => Buffer.alloc(0)
  const algorithms: unknown[] = ['none', 'None', 'NONE', 'nOnE', '', null, ['none'], 0]
  return [
    ...algorithms.map((alg): Entry => [
      `alg ${JSON.stringify(alg)}`,
      jwt({ alg }, claims, nothing),
    ]),
    ['no alg', jwt({ typ: 'JWT' }, claims, nothing)],
    ['no signature under HS256', jwt({ alg: 'HS256' }, claims, nothing)],
    ['alg none with a signature', jwt({ alg: 'none' }, claims, hmac(accepted.secret))],
  ]
}

/** A public key, or nothing, used as a secret. */
function confused(accepted: Accepted): Entry[] {
  const claims = goodClaims(accepted)
  const { rsa, ec } = accepted
  const der = rsa.publicKey.export({ type: 'spki', format: 'der' })
  const hs = (secret: string | Buffer): string => jwt({ alg: 'HS256' }, claims, hmac(secret))
  return [
    ['HS256 with the public RSA key as PEM', hs(rsa.pem)],
    ['HS256 with the public RSA key as PEM, trimmed', hs(rsa.pem.trim())],
    ['HS256 with the public RSA key as DER', hs(der)],
    ['HS256 with the public EC key as PEM', hs(ec.pem)],
    ['HS256 with the public key as JWK', hs(JSON.stringify(rsa.jwk('rsa')))],
    ['HS256 with an empty secret', hs('')],
    ['HS256 with a guessed secret', hs('secret')],
    ['HS512 with the right secret', jwt({ alg: 'HS512' }, claims, hmac(accepted.secret, 'sha512'))],
    ['RS256 signed by a key of EC', jwt({ alg: 'RS256' }, claims, ec.sign)],
    ['ES256 signed by a key of RSA', jwt({ alg: 'ES256' }, claims, rsa.sign)],
    ['RS512 where RS256 is accepted', jwt({ alg: 'RS512' }, claims, rsa.sign)],
    ['ES256 with a signature of zeros', jwt({ alg: 'ES256' }, claims, () => Buffer.alloc(64))],
    ['EdDSA with a signature of zeros', jwt({ alg: 'EdDSA' }, claims, () => Buffer.alloc(64))],
  ]
}

/** A good token with something else in it. */
function tampered(accepted: Accepted): Entry[] {
  const [header = '', claims = '', signature = ''] = goodToken(accepted).split('.')
  const other = base64url({ ...goodClaims(accepted), sub: 'root' })
  const bytes = Buffer.from(signature, 'base64url')
  const flipped = Buffer.from(bytes)
  flipped[0]! ^= 1
  return [
    ['another user under the same signature', `${header}.${other}.${signature}`],
    [
      'another header under the same signature',
      `${base64url({ alg: 'HS256', a: 1 })}.${claims}.${signature}`,
    ],
    ['one bit of the signature', `${header}.${claims}.${base64url(flipped)}`],
    ['a shorter signature', `${header}.${claims}.${base64url(bytes.subarray(0, 16))}`],
    ['a longer signature', `${header}.${claims}.${base64url(Buffer.concat([bytes, bytes]))}`],
  ]
}

/** Headers that name a key of the sender's choice. */
function misdirected(accepted: Accepted): Entry[] {
  const claims = goodClaims(accepted)
  const { stranger, secret } = accepted
  const own = (header: object): string => jwt({ alg: 'RS256', ...header }, claims, stranger.sign)
  const signed = (header: object): string => jwt({ alg: 'HS256', ...header }, claims, hmac(secret))
  return [
    ['RS256 signed by a stranger', own({})],
    ['signed by a stranger with the kid of a known key', own({ kid: 'rsa' })],
    ['a key in the header', own({ jwk: stranger.jwk('own') })],
    ['an address of keys in the header', own({ jku: 'http://127.0.0.1:9/jwks' })],
    ['an address of a certificate in the header', own({ x5u: 'http://127.0.0.1:9/cert' })],
    ['a certificate in the header', own({ x5c: [stranger.pem] })],
    ['a path as kid', own({ kid: '../../../../dev/null' })],
    ['SQL as kid', own({ kid: "' UNION SELECT 'key" })],
    ['a prototype as kid', own({ kid: '__proto__' })],
    ['critical extensions, well signed', signed({ crit: ['exp'], exp: seconds(60) })],
    ['a key in the header, well signed', signed({ jwk: stranger.jwk('own') })],
    ['an unencoded payload, well signed', signed({ b64: false, crit: ['b64'] })],
  ]
}

/** Well signed, with claims that are not for here. */
function overstepping(accepted: Accepted): Entry[] {
  const good = goodClaims(accepted)
  const claiming = (claims: Claims): string => {
    return jwt({ alg: 'HS256' }, { ...good, ...claims }, hmac(accepted.secret))
  }
  const subjects: unknown[] = [
    undefined,
    '',
    7,
    ['ada'],
    { id: 'ada' },
    'a b',
    'ada\n',
    'ad\u00e1',
    'a'.repeat(129),
  ]
  return [
    ...subjects.map((sub): Entry => [
      `sub ${JSON.stringify(sub)?.slice(0, 20)}`,
      claiming({ sub }),
    ]),
    ['another issuer', claiming({ iss: 'https://evil.example' })],
    ['no issuer', claiming({ iss: undefined })],
    ['issuers in a list', claiming({ iss: [accepted.issuer] })],
    ['another audience', claiming({ aud: 'another' })],
    ['no audience', claiming({ aud: undefined })],
    ['other audiences', claiming({ aud: ['another', 'one more'] })],
    ['channels in a list', claiming({ channels: ['*'] })],
    ['channels as a text', claiming({ channels: '*' })],
    ['channels with an unknown action', claiming({ channels: { 'chat:a': ['own'] } })],
    ['channels with a pattern that is none', claiming({ channels: { 'c*t:a': ['subscribe'] } })],
    ['a list of claims', jwt({ alg: 'HS256' }, [good], hmac(accepted.secret))],
  ]
}

/** Well signed, at another time. */
function untimely(accepted: Accepted): Entry[] {
  const claiming = (claims: Claims): string => {
    return jwt({ alg: 'HS256' }, { ...goodClaims(accepted), ...claims }, hmac(accepted.secret))
  }
  return [
    ['expired', claiming({ exp: seconds(-3600) }), 4006],
    ['expired at the beginning of time', claiming({ exp: 0 }), 4006],
    ['without an end', claiming({ exp: undefined })],
    ['an end that is a text', claiming({ exp: String(seconds(3600)) })],
    ['an end that is null', claiming({ exp: null })],
    ['an end that is later than is accepted', claiming({ exp: seconds(MAX_AGE_S + 3600) })],
    ['an end that no clock can tell', claiming({ exp: 1e300 })],
    ['not yet valid', claiming({ nbf: seconds(3600) })],
    ['issued in the future', claiming({ iat: seconds(1800) })],
  ]
}

/** No token, or more than one. */
function malformed(accepted: Accepted): Entry[] {
  const good = goodToken(accepted)
  const [header, claims, signature] = good.split('.')
  const der = sign('sha256', Buffer.from(`${header}.${claims}`), accepted.stranger.privateKey)
  return [
    ['one part', 'token'],
    ['two parts', `${header}.${claims}`],
    ['four parts', `${good}.${signature}`],
    ['five parts, as of an encrypted one', `${good}.${claims}.${signature}`],
    ['empty parts', '..'],
    ['a signature of another kind', `${header}.${claims}.${base64url(der)}`],
    ['a header that is no JSON', `${base64url('{alg')}.${claims}.${signature}`],
    ['claims that are no JSON', jwtOf(header!, base64url('{"sub":'), accepted)],
    ['as long as a token may be', `${good}${'A'.repeat(8192 - good.length)}`],
    ['a key that does not exist', `tw_nobody_${'A'.repeat(43)}`],
    ['another secret for a key that exists', `tw_${accepted.keyId}_${'A'.repeat(43)}`],
    ['a key without a secret', `tw_${accepted.keyId}_`],
    ['the digest of a key', `tw_${accepted.keyId}_${'0'.repeat(64)}`],
  ]
}

function jwtOf(header: string, claims: string, { secret }: Accepted): string {
  return `${header}.${claims}.${base64url(hmac(secret)(`${header}.${claims}`))}`
}
