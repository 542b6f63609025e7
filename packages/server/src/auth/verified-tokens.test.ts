import { describe, expect, test } from 'vitest'
import { BY_SECRET, CLAIMS, ISSUERS, NOW, SECONDS, signedBy } from '../testing/token-issuers.ts'
import { JwtAuthenticator } from './jwt.ts'
import { type KeySource, toSecretKey, type VerificationKey } from './keys.ts'
import { VerifiedTokens } from './verified-tokens.ts'

const refused = { reason: 'authentication_failed' }

describe.each(Object.entries(ISSUERS))('a token by %s that was shown before', (_, issuer) => {
  const shown = async (claims: object) => {
    const time = { now: NOW }
    const authenticator = new JwtAuthenticator({ sources: [issuer.source], now: () => time.now })
    const token = signedBy(issuer, claims)
    const show = () => authenticator.authenticate(token)
    return { time, show, first: await show() }
  }

  test('says the same again', async () => {
    const { show, first } = await shown({ ...CLAIMS, channels: { 'chat:*': ['publish'] } })
    expect(await show()).toEqual(first)
  })

  test('is over at its end', async () => {
    const { time, show } = await shown(CLAIMS)
    time.now += 59_999
    expect(await show()).toMatchObject({ user: 'ada' })
    time.now += 1
    await expect(show()).rejects.toMatchObject({ reason: 'session_expired' })
  })

  test('has not begun yet when the clock goes back', async () => {
    const { time, show } = await shown({ ...CLAIMS, nbf: SECONDS })
    time.now -= 3_600_000
    await expect(show()).rejects.toMatchObject(refused)
  })
})

describe('a token whose key', () => {
  const KEY: VerificationKey = { algorithm: 'HS256', key: toSecretKey('x'.repeat(32)) }

  const show = async (later: readonly VerificationKey[]): Promise<unknown> => {
    let keys = await BY_SECRET.source.find('HS256', undefined)
    const source: KeySource = { algorithms: new Set(['HS256']), find: () => keys }
    const authenticator = new JwtAuthenticator({ sources: [source], now: () => NOW })
    const token = signedBy(BY_SECRET)
    await authenticator.authenticate(token)
    keys = later
    return authenticator.authenticate(token)
  }

  test('is no longer there counts no longer', async () => {
    await expect(show([])).rejects.toMatchObject(refused)
  })

  test('was replaced by another counts no longer', async () => {
    await expect(show([KEY])).rejects.toMatchObject(refused)
  })
})

test('no more tokens are remembered than there is room for, the oldest are forgotten', () => {
  const tokens = new VerifiedTokens()
  const key = toSecretKey('x'.repeat(32))
  const verified = { alg: 'HS256', kid: undefined, claims: {}, key, at: NOW }
  for (let i = 0; i <= 4096; i++) tokens.add(`${i}`, verified)
  expect(tokens.get('0')).toBeUndefined()
  expect(tokens.get('1')).toBeDefined()
  expect(tokens.get('4096')).toBeDefined()
})
