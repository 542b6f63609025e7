import { describe, expect, test } from 'vitest'
import {
  BY_SECRET,
  CLAIMS,
  hmac,
  ISSUERS,
  NOW,
  refusal,
  SECONDS,
  SECRET,
  signed,
  signedBy,
} from '../testing/token-issuers.ts'
import { issueToken, JwtAuthenticator } from './jwt.ts'
import { fixedKeys, secretKeys } from './keys.ts'

describe.each(Object.entries(ISSUERS))('a token that was signed with %s', (_, issuer) => {
  const authenticator = new JwtAuthenticator({ sources: [issuer.source], now: () => NOW })
  test('names the user and the end', async () => {
    expect(await authenticator.authenticate(signedBy(issuer, CLAIMS))).toEqual({
      kind: 'user',
      user: 'ada',
      expires_at: NOW + 60_000,
    })
  })

  test('brings along when it was issued, its id, its login and what it grants', async () => {
    const channels = { 'chat:*': ['subscribe'], 'orders:42': ['*'] }
    const claims = { ...CLAIMS, iat: SECONDS - 5, jti: 'one', sid: 'login', channels }
    const actor = await authenticator.authenticate(signedBy(issuer, claims))
    expect(actor).toMatchObject({ issued_at: NOW - 5000, token_id: 'one', session: 'login' })
    expect(actor.channels?.get('chat:*')).toEqual(new Set(['subscribe']))
    expect(actor.channels?.get('orders:42')?.size).toBe(5)
  })

  test('may come from a clock that is a few seconds ahead', async () => {
    const token = signedBy(issuer, { ...CLAIMS, iat: SECONDS + 5, nbf: SECONDS + 5 })
    expect(await authenticator.authenticate(token)).toMatchObject({ user: 'ada' })
  })

  test('is good beside other keys', async () => {
    const sources = Object.values(ISSUERS).map(({ source }) => source)
    const all = new JwtAuthenticator({ sources, now: () => NOW })
    expect(await all.authenticate(signedBy(issuer, CLAIMS))).toMatchObject({ user: 'ada' })
  })

  test('needs no kid', async () => {
    const token = signedBy(issuer, CLAIMS, { kid: undefined })
    expect(await authenticator.authenticate(token)).toMatchObject({ user: 'ada' })
  })
})

describe('the algorithms of the secret', () => {
  test.each([
    ['HS384', 384],
    ['HS512', 512],
  ] as const)('%s is good where it is accepted, and only there', async (alg, bits) => {
    const token = signed(CLAIMS, { by: hmac(SECRET, bits), header: { alg } })
    const source = fixedKeys(secretKeys(SECRET, [alg]))
    const authenticator = new JwtAuthenticator({ sources: [source], now: () => NOW })
    expect(await authenticator.authenticate(token)).toMatchObject({ user: 'ada' })
    expect((await refusal(token)).reason).toBe('authentication_failed')
    const other = await refusal(signed(CLAIMS), { sources: [source] })
    expect(other.reason).toBe('authentication_failed')
  })
})

describe('issuer and audience', () => {
  const options = { issuer: 'https://issuer.example', audience: 'tidewire' }

  test.each([
    ['as one', 'tidewire'],
    ['among others', ['shop', 'tidewire']],
  ])('are good when they are those of the server, %s', async (_, aud) => {
    const authenticator = new JwtAuthenticator({
      sources: [BY_SECRET.source],
      now: () => NOW,
      ...options,
    })
    const token = signed({ ...CLAIMS, iss: options.issuer, aud })
    expect(await authenticator.authenticate(token)).toMatchObject({ user: 'ada' })
  })

  test.each([
    ['no iss', { aud: 'tidewire' }],
    ['another iss', { iss: 'https://evil.example', aud: 'tidewire' }],
    ['iss with more behind it', { iss: 'https://issuer.example/', aud: 'tidewire' }],
    ['iss as a list', { iss: ['https://issuer.example'], aud: 'tidewire' }],
    ['no aud', { iss: 'https://issuer.example' }],
    ['another aud', { iss: 'https://issuer.example', aud: 'shop' }],
    ['an empty list as aud', { iss: 'https://issuer.example', aud: [] }],
    ['aud as an object', { iss: 'https://issuer.example', aud: { tidewire: true } }],
    ['aud that only begins like it', { iss: 'https://issuer.example', aud: 'tidewire2' }],
  ])('are refused otherwise: %s', async (_, claims) => {
    const error = await refusal(signed({ ...CLAIMS, ...claims }), options)
    expect(error.reason).toBe('authentication_failed')
    expect(error.message).toMatch(/`(iss|aud)`/)
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
    expect((await refusal(token, { maxAgeMs: 60_000 })).message).toContain('valid for longer')
  })
})

describe('issueToken', () => {
  const authenticator = new JwtAuthenticator({ sources: [BY_SECRET.source], now: () => NOW })

  test('makes a token for a user', async () => {
    const issued = await issueToken({ secret: SECRET, user: 'a.b@c-d_E', ttlMs: 5000, now: NOW })
    const actor = await authenticator.authenticate(issued.token)
    expect(actor).toMatchObject({
      user: 'a.b@c-d_E',
      expires_at: issued.expires_at,
      issued_at: NOW,
    })
    expect(issued.expires_at).toBe(NOW + 5000)
    expect(actor.token_id).toMatch(/^[0-9a-f-]{36}$/)
    expect(actor).not.toHaveProperty('session')
    expect(actor).not.toHaveProperty('channels')
  })

  test('says to the millisecond when it was issued', async () => {
    const now = NOW + 7
    const { token } = await issueToken({ secret: SECRET, user: 'ada', ttlMs: 5000, now })
    expect(await authenticator.authenticate(token)).toMatchObject({ issued_at: now })
  })

  test('makes one that belongs to a login, grants channels, and names issuer and audience', async () => {
    const names = { issuer: 'https://issuer.example', audience: 'tidewire' }
    const { token } = await issueToken({
      secret: SECRET,
      algorithm: 'HS512',
      user: 'ada',
      ttlMs: 5000,
      now: NOW,
      session: 'login',
      channels: { 'chat:*': ['subscribe'] },
      ...names,
    })
    const source = fixedKeys(secretKeys(SECRET, ['HS512']))
    const strict = new JwtAuthenticator({ sources: [source], now: () => NOW, ...names })
    expect(await strict.authenticate(token)).toMatchObject({
      session: 'login',
      channels: new Map([['chat:*', new Set(['subscribe'])]]),
    })
  })

  test.each([{ chat: ['subscribe'] }, { 'chat:*': ['read'] }])(
    'refuses the channels %j',
    async (channels) => {
      const issued = issueToken({ secret: SECRET, user: 'ada', ttlMs: 1000, now: NOW, channels })
      await expect(issued).rejects.toMatchObject({ reason: 'bad_envelope' })
    },
  )

  test('refuses so many channels that the token would be refused', async () => {
    const names = Array.from({ length: 100 }, (_, i) => `chat:${i}${'x'.repeat(90)}`)
    const channels = Object.fromEntries(names.map((name) => [name, ['*']]))
    const issued = issueToken({ secret: SECRET, user: 'ada', ttlMs: 1000, now: NOW, channels })
    await expect(issued).rejects.toThrow('longer than 8 KB')
  })

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
