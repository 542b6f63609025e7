import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, test } from 'vitest'
import { issueToken, JwtAuthenticator } from './jwt.ts'

const SECRET = 'the secret of this server, long enough'
const NOW = Date.UTC(2026, 10, 20, 12)
const SECONDS = NOW / 1000
const CLAIMS = { sub: 'ada', exp: SECONDS + 60 }
const HEADER = { alg: 'HS256', typ: 'JWT' }

function base64(value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return Buffer.from(text).toString('base64url')
}

/** A token with any header and claims, signed as it should be. */
function signed(
  claims: unknown,
  header: object = HEADER,
  secret = SECRET,
  hash = 'sha256',
): string {
  const content = `${base64(header)}.${base64(claims)}`
  return `${content}.${createHmac(hash, secret).update(content).digest('base64url')}`
}

function withRsa(): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const content = `${base64({ alg: 'RS256' })}.${base64(CLAIMS)}`
  return `${content}.${sign('sha256', Buffer.from(content), privateKey).toString('base64url')}`
}

function tampered(): string {
  const [header, , signature] = signed(CLAIMS).split('.')
  return `${header}.${base64({ ...CLAIMS, sub: 'root' })}.${signature}`
}

async function refusal(token: string, maxAgeMs?: number): Promise<ProtocolError> {
  const authenticator = new JwtAuthenticator({ secret: SECRET, now: () => NOW, maxAgeMs })
  const error: unknown = await authenticator.authenticate(token).then(
    () => new Error('The token was accepted.'),
    (error: unknown) => error,
  )
  if (!(error instanceof ProtocolError)) throw error
  return error
}

describe('a token that was signed with the secret', () => {
  const authenticator = new JwtAuthenticator({ secret: SECRET, now: () => NOW })

  test('names the user and the end', async () => {
    expect(await authenticator.authenticate(signed(CLAIMS))).toEqual({
      kind: 'user',
      user: 'ada',
      expires_at: NOW + 60_000,
    })
  })

  test('brings along when it was issued and its id', async () => {
    const token = signed({ ...CLAIMS, iat: SECONDS - 5, jti: 'one' })
    expect(await authenticator.authenticate(token)).toMatchObject({
      issued_at: NOW - 5000,
      token_id: 'one',
    })
  })

  test('may come from a clock that is a few seconds ahead', async () => {
    const token = signed({ ...CLAIMS, iat: SECONDS + 5, nbf: SECONDS + 5 })
    expect(await authenticator.authenticate(token)).toMatchObject({ user: 'ada' })
  })

  test('is what issueToken makes', async () => {
    const issued = await issueToken({ secret: SECRET, user: 'a.b@c-d_E', ttlMs: 5000, now: NOW })
    const actor = await authenticator.authenticate(issued.token)
    expect(actor).toMatchObject({
      user: 'a.b@c-d_E',
      expires_at: issued.expires_at,
      issued_at: NOW,
    })
    expect(issued.expires_at).toBe(NOW + 5000)
    expect(actor.token_id).toMatch(/^[0-9a-f-]{36}$/)
  })
})

describe('forged tokens', () => {
  const [header, payload, signature] = signed(CLAIMS).split('.') as [string, string, string]
  const unsigned = `${base64({ alg: 'none' })}.${payload}`
  const { exp, ...noExp } = CLAIMS
  const { sub, ...noSub } = CLAIMS

  test.each<[string, string]>([
    ['nothing', ''],
    ['a word', 'garbage'],
    ['dots', '..'],
    ['four parts', `${header}.${payload}.${signature}.x`],
    ['five parts, as of an encrypted token', 'a.b.c.d.e'],
    ['without signature', `${header}.${payload}.`],
    ['without the last part', `${header}.${payload}`],
    ['alg none', `${unsigned}.`],
    ['alg none with a signature', `${unsigned}.${signature}`],
    ['alg NONE', signed(CLAIMS, { alg: 'NONE' })],
    ['alg nOnE and empty signature', `${base64({ alg: 'nOnE' })}.${payload}.`],
    ['no alg', signed(CLAIMS, { typ: 'JWT' })],
    ['alg null', signed(CLAIMS, { alg: null })],
    ['alg as a list', signed(CLAIMS, { alg: ['HS256'] })],
    ['alg in another case', signed(CLAIMS, { alg: 'hs256' })],
    ['HS384 with the secret', signed(CLAIMS, { alg: 'HS384' }, SECRET, 'sha384')],
    ['HS512 with the secret', signed(CLAIMS, { alg: 'HS512' }, SECRET, 'sha512')],
    ['RS256', withRsa()],
    ['alg RS256 over an HMAC', signed(CLAIMS, { alg: 'RS256' })],
    ['alg ES256 over an HMAC', signed(CLAIMS, { alg: 'ES256' })],
    ['alg EdDSA over an HMAC', signed(CLAIMS, { alg: 'EdDSA' })],
    ['another secret', signed(CLAIMS, HEADER, `${SECRET}!`)],
    ['an empty secret', signed(CLAIMS, HEADER, '')],
    ['tampered claims', tampered()],
    ['tampered header', `${base64({ ...HEADER, kid: 'x' })}.${payload}.${signature}`],
    ['a signature cut short', signed(CLAIMS).slice(0, -2)],
    ['a signature with more behind it', `${signed(CLAIMS)}AAAA`],
    ['a signature of zeros', `${header}.${payload}.${Buffer.alloc(32).toString('base64url')}`],
    ['crit that nobody knows', signed(CLAIMS, { ...HEADER, crit: ['x'], x: 1 })],
    ['crit b64', signed(CLAIMS, { ...HEADER, crit: ['b64'], b64: true })],
    ['b64 false', signed(CLAIMS, { ...HEADER, crit: ['b64'], b64: false })],
    ['empty crit', signed(CLAIMS, { ...HEADER, crit: [] })],
    ['jku', signed(CLAIMS, { ...HEADER, jku: 'https://evil.example/keys' })],
    ['jwk', signed(CLAIMS, { ...HEADER, jwk: { kty: 'oct', k: 'AAAA' } })],
    ['x5u', signed(CLAIMS, { ...HEADER, x5u: 'https://evil.example/cert' })],
    ['no exp', signed(noExp)],
    ['exp as text', signed({ ...CLAIMS, exp: String(exp) })],
    ['exp null', signed({ ...CLAIMS, exp: null })],
    ['exp beyond all numbers', signed(`{"sub":"ada","exp":1e999}`)],
    ['exp beyond all dates', signed({ ...CLAIMS, exp: 1e15 })],
    ['no sub', signed(noSub)],
    ['sub empty', signed({ ...CLAIMS, sub: '' })],
    ['sub as a number', signed({ ...CLAIMS, sub: 7 })],
    ['sub as an object', signed({ ...CLAIMS, sub: { id: sub } })],
    ['sub with a line break', signed({ ...CLAIMS, sub: 'ada\n' })],
    ['sub with a colon', signed({ ...CLAIMS, sub: 'chat:ada' })],
    ['sub that is too long', signed({ ...CLAIMS, sub: 'a'.repeat(129) })],
    ['nbf in the future', signed({ ...CLAIMS, nbf: SECONDS + 31 })],
    ['nbf as text', signed({ ...CLAIMS, nbf: 'now' })],
    ['iat in the future', signed({ ...CLAIMS, iat: SECONDS + 31 })],
    ['iat as text', signed({ ...CLAIMS, iat: 'now' })],
    ['jti as a number', signed({ ...CLAIMS, jti: 7 })],
    ['claims that are a list', signed([])],
    ['claims that are no JSON', signed('{')],
    ['a header that is no JSON', `${base64('{')}.${payload}.${signature}`],
    ['an expired token of another secret', signed({ ...CLAIMS, exp: 1 }, HEADER, 'other')],
    ['oversize', signed({ ...CLAIMS, more: 'x'.repeat(8192) })],
    ['NUL', `${signed(CLAIMS)}\0`],
    ['white space', ` ${signed(CLAIMS)}`],
  ])('are refused: %s', async (_, token) => {
    const error = await refusal(token)
    expect(error.reason).toBe('authentication_failed')
    for (const part of token.split('.').filter((part) => part.length > 8)) {
      expect(error.message).not.toContain(part)
    }
  })
})

describe('time', () => {
  test.each([
    ['a minute ago', SECONDS - 60],
    ['a second ago', SECONDS - 1],
    ['now', SECONDS],
    ['in 1970', 0],
    ['before 1970', -1],
  ])('a token that expired %s is session_expired', async (_, exp) => {
    expect((await refusal(signed({ ...CLAIMS, exp }))).reason).toBe('session_expired')
  })

  test('a token that lives longer than allowed is refused', async () => {
    const token = signed({ ...CLAIMS, exp: SECONDS + 3600 })
    expect((await refusal(token, 60_000)).message).toContain('valid for longer')
  })
})

describe('issueToken', () => {
  test.each(['', 'a b', 'chat:a', 'a'.repeat(129), 'ä'])('refuses the user %j', async (user) => {
    const issued = issueToken({ secret: SECRET, user, ttlMs: 1000, now: NOW })
    await expect(issued).rejects.toMatchObject({ reason: 'bad_envelope' })
  })

  test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e16])(
    'refuses a lifetime of %d ms',
    async (ttlMs) => {
      const issued = issueToken({ secret: SECRET, user: 'ada', ttlMs, now: NOW })
      await expect(issued).rejects.toMatchObject({ reason: 'bad_envelope' })
    },
  )
})
