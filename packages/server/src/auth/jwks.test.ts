import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Outbound } from '../outbound/outbound.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { EC, ED, OTHER_RSA, RSA, SECRET, signed, signer } from '../testing/token-issuers.ts'
import { Jwks, type JwksOptions } from './jwks.ts'
import { JwtAuthenticator } from './jwt.ts'

const REFRESH_MS = 300_000
const MAX_STALE_MS = 24 * 3_600_000
const COOLDOWN_MS = 30_000
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const

function jwkOf(key: KeyObject, more: object = {}): object {
  return { ...key.export({ format: 'jwk' }), use: 'sig', ...more }
}

const ONE = jwkOf(RSA.publicKey, { kid: 'one', alg: 'RS256' })
const TWO = jwkOf(OTHER_RSA.publicKey, { kid: 'two', alg: 'RS256' })

/** An identity provider that publishes what `reply` says, and somebody who believes it. */
async function start(options: Partial<JwksOptions> = {}) {
  const clock = new FakeClock()
  const errors: unknown[] = []
  const provider = {
    reply: (response: ServerResponse): unknown => response.end(JSON.stringify({ keys: [ONE] })),
    requests: 0,
    publish(...keys: unknown[]) {
      provider.reply = (response) => response.end(JSON.stringify({ keys }))
    },
    fail(status = 500) {
      provider.reply = (response) => response.writeHead(status).end('{"keys":[]}')
    },
  }
  const server = createServer((_, response) => {
    provider.requests += 1
    provider.reply(response)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const outbound = new Outbound({ allowPrivate: true })
  onTestFinished(() => {
    outbound.close()
    server.closeAllConnections()
    server.close()
  })
  const keys = new Jwks({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    algorithms: ALGORITHMS,
    refreshMs: REFRESH_MS,
    maxStaleMs: MAX_STALE_MS,
    outbound,
    steady: () => clock.steady(),
    onError: (error) => errors.push(error),
    ...options,
  })
  const authenticator = new JwtAuthenticator({ sources: [keys], now: () => clock.now() })
  const pairs: Record<string, KeyObject> = { one: RSA.privateKey, two: OTHER_RSA.privateKey }
  return {
    clock,
    errors,
    provider,
    keys,
    /** Shows a token that was signed with the key `kid`; resolves with the user. */
    async show(kid: string, header: object = { alg: 'RS256', kid }): Promise<string | undefined> {
      const by = signer('RS256', pairs[kid] ?? RSA.privateKey)
      const claims = { sub: 'ada', exp: clock.now() / 1000 + 60 }
      return (await authenticator.authenticate(signed(claims, { by, header }))).user
    },
  }
}

const refused = { reason: 'authentication_failed' }
const unavailable = { reason: 'unavailable' }

describe('a key set', () => {
  test('is fetched for the first token, once for all that come together', async () => {
    const { provider, show } = await start()
    expect(provider.requests).toBe(0)
    const users = await Promise.all(Array.from({ length: 50 }, () => show('one')))
    expect(new Set(users)).toEqual(new Set(['ada']))
    expect(provider.requests).toBe(1)
    await show('one')
    expect(provider.requests).toBe(1)
  })

  test('is not fetched for tokens of an algorithm that it is not for', async () => {
    const { provider, show } = await start()
    for (const alg of ['HS256', 'RS512', 'PS256', 'none', 'toString']) {
      await expect(show('one', { alg, kid: 'one' })).rejects.toMatchObject(refused)
    }
    expect(provider.requests).toBe(0)
  })

  test('is fetched again when it is old: keys that are gone no longer count', async () => {
    const { clock, provider, show } = await start()
    provider.publish(ONE, TWO)
    expect(await show('one')).toBe('ada')
    provider.publish(TWO)
    await clock.advance(REFRESH_MS - 1)
    expect(await show('one')).toBe('ada')
    await clock.advance(1)
    await expect(show('one')).rejects.toMatchObject(refused)
    expect(await show('two')).toBe('ada')
    expect(provider.requests).toBe(2)
  })

  test('is fetched again for a kid that it lacks, at most every 30 s', async () => {
    const { clock, provider, show } = await start()
    await show('one')
    await clock.advance(COOLDOWN_MS)
    provider.publish(ONE, TWO)
    const users = await Promise.all(Array.from({ length: 50 }, () => show('two')))
    expect(new Set(users)).toEqual(new Set(['ada']))
    expect(provider.requests).toBe(2)
    for (let i = 0; i < 50; i++) await expect(show(`forged-${i}`)).rejects.toMatchObject(refused)
    expect(provider.requests).toBe(2)
    await clock.advance(COOLDOWN_MS - 1)
    await expect(show('forged')).rejects.toMatchObject(refused)
    expect(provider.requests).toBe(2)
    await clock.advance(1)
    await expect(show('forged')).rejects.toMatchObject(refused)
    expect(provider.requests).toBe(3)
    expect(await show('one')).toBe('ada')
  })
})

describe('while the URL is down', () => {
  test('known keys stay in use, and nobody waits for more than the first request', async () => {
    const { clock, errors, provider, show } = await start()
    await show('one')
    provider.fail()
    await clock.advance(REFRESH_MS)
    expect(await show('one')).toBe('ada')
    expect(errors).toHaveLength(1)
    expect(String(errors[0])).toContain('status 500')
    // From here on the provider does not even answer.
    const hanging: ServerResponse[] = []
    provider.reply = (response) => hanging.push(response)
    for (let minutes = 0; minutes < 10; minutes++) {
      await clock.advance(60_000)
      expect(await show('one')).toBe('ada')
    }
    await expect.poll(() => hanging.length).toBe(1)
    expect(provider.requests).toBe(3)
    // And now it does again.
    provider.publish(TWO)
    for (const response of hanging) response.end(JSON.stringify({ keys: [TWO] }))
    await expect.poll(() => show('two').catch(() => 'nobody')).toBe('ada')
    await expect(show('one')).rejects.toMatchObject(refused)
  })

  test('known keys count until they are a day old, and again when it is back', async () => {
    const { clock, provider, show } = await start()
    await show('one')
    provider.fail()
    await clock.advance(MAX_STALE_MS - 1)
    expect(await show('one')).toBe('ada')
    await clock.advance(COOLDOWN_MS)
    await expect(show('one')).rejects.toMatchObject(unavailable)
    provider.publish(TWO)
    await clock.advance(COOLDOWN_MS)
    expect(await show('two')).toBe('ada')
    await expect(show('one')).rejects.toMatchObject(refused)
  })

  test('it is asked every 30 s', async () => {
    const { clock, errors, provider, show } = await start()
    await show('one')
    provider.fail()
    await clock.advance(REFRESH_MS)
    for (let i = 0; i < 10; i++) await show('one')
    expect(provider.requests).toBe(2)
    await clock.advance(COOLDOWN_MS)
    for (let i = 0; i < 10; i++) await show('one')
    await expect.poll(() => errors.length).toBe(2)
    expect(provider.requests).toBe(3)
  })

  test('a kid that is not known may be a new one: it cannot be told', async () => {
    const { clock, provider, show } = await start()
    await show('one')
    provider.fail()
    await clock.advance(REFRESH_MS)
    await expect(show('two')).rejects.toMatchObject(unavailable)
    await expect(show('two')).rejects.toMatchObject(unavailable)
    expect(await show('one')).toBe('ada')
  })

  test('and never was up, nothing can be told, and it is asked once a second', async () => {
    const { clock, errors, provider, show } = await start()
    provider.fail()
    for (let i = 0; i < 10; i++) await expect(show('one')).rejects.toMatchObject(unavailable)
    expect(provider.requests).toBe(1)
    expect(errors).toHaveLength(1)
    await clock.advance(1000)
    provider.publish(ONE)
    expect(await show('one')).toBe('ada')
    expect(provider.requests).toBe(2)
  })

  test('a forged token of a known kid is still refused', async () => {
    const { clock, provider, show } = await start()
    await show('one')
    provider.fail()
    await clock.advance(REFRESH_MS)
    await expect(show('two', { alg: 'RS256', kid: 'one' })).rejects.toMatchObject(refused)
  })
})

describe('a reply counts as none', () => {
  test.each<[string, (response: ServerResponse) => unknown]>([
    ['that is no JSON', (response) => response.end('<html>')],
    ['that is a list', (response) => response.end(JSON.stringify([ONE]))],
    ['that has no keys', (response) => response.end('{}')],
    ['whose keys are no list', (response) => response.end('{"keys":{"0":{}}}')],
    ['whose list is empty', (response) => response.end('{"keys":[]}')],
    [
      'none of whose keys can be used',
      (response) => response.end('{"keys":[{"kty":"oct","k":"AA"},7,null]}'),
    ],
    ['of 101 keys', (response) => response.end(JSON.stringify({ keys: Array(101).fill(ONE) }))],
    [
      'of 64 KB and more',
      (response) => response.end(JSON.stringify({ keys: [ONE], x: 'x'.repeat(65_536) })),
    ],
    ['of 100,000 brackets', (response) => response.end('['.repeat(60_000))],
    [
      'with another status',
      (response) => response.writeHead(201).end(JSON.stringify({ keys: [ONE] })),
    ],
    ['that redirects', (response) => response.writeHead(302, { location: '/other' }).end()],
    ['that breaks off', (response) => response.writeHead(200).write('{', () => response.destroy())],
  ])('%s', async (_, reply) => {
    const { clock, errors, provider, show } = await start()
    provider.reply = reply
    await expect(show('one')).rejects.toMatchObject(unavailable)
    expect(errors).toHaveLength(1)
    // The same in the place of a good one.
    await clock.advance(1000)
    provider.publish(ONE)
    await show('one')
    provider.reply = reply
    await clock.advance(REFRESH_MS)
    expect(await show('one')).toBe('ada')
    expect(errors).toHaveLength(2)
  })
})

describe('the keys of a set', () => {
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 })
  const p384 = generateKeyPairSync('ec', { namedCurve: 'P-384' })
  const p256k = generateKeyPairSync('ec', { namedCurve: 'secp256k1' })
  const x25519 = generateKeyPairSync('x25519')
  const bare = (key: KeyObject, more: object = {}): object => ({
    ...key.export({ format: 'jwk' }),
    kid: 'one',
    ...more,
  })

  test.each<[string, unknown]>([
    ['symmetric', { kty: 'oct', k: Buffer.from(SECRET).toString('base64url'), kid: 'one' }],
    ['symmetric, and says RS256', { kty: 'oct', k: 'AAAA', kid: 'one', alg: 'RS256' }],
    ['of another use', bare(RSA.publicKey, { use: 'enc' })],
    ['of a use that is a list', bare(RSA.publicKey, { use: ['sig'] })],
    ['of other operations', bare(RSA.publicKey, { key_ops: ['encrypt'] })],
    ['of an algorithm that is not accepted', bare(RSA.publicKey, { alg: 'RS512' })],
    ['of an algorithm of secrets', bare(RSA.publicKey, { alg: 'HS256' })],
    ['of no algorithm at all', bare(RSA.publicKey, { alg: 'none' })],
    ['of an algorithm of another type', bare(RSA.publicKey, { alg: 'ES256' })],
    ['of an algorithm that is a number', bare(RSA.publicKey, { alg: 256 })],
    ['private', bare(RSA.privateKey)],
    ['private by a word', bare(RSA.publicKey, { d: 'AQAB' })],
    ['too short', bare(weak.publicKey)],
    ['much too long', bare(RSA.publicKey, { n: 'A'.repeat(5000) })],
    ['on a curve that nobody signs on', bare(x25519.publicKey)],
    ['on a curve of another algorithm', bare(p384.publicKey, { alg: 'ES256' })],
    ['on a curve that is not accepted', bare(p256k.publicKey)],
    ['off its curve', bare(EC.publicKey, { x: 'AAAA' })],
    ['without its numbers', { kty: 'RSA', kid: 'one' }],
    ['with a number that is none', bare(RSA.publicKey, { n: {} })],
    ['of a kid that is a number', bare(RSA.publicKey, { kid: 1 })],
    ['of a type that nobody knows', { kty: 'XYZ', kid: 'one' }],
    ['a text', 'one'],
    ['null', null],
  ])('that are %s are left out, and the others count', async (_, bad) => {
    const { provider, keys, show } = await start()
    provider.publish(bad, TWO)
    expect(await show('two')).toBe('ada')
    for (const algorithm of [...ALGORITHMS, 'HS256', 'none']) {
      expect(await keys.find(algorithm, 'one')).toEqual([])
    }
    await expect(show('one')).rejects.toMatchObject(refused)
  })

  test('count for the algorithms of their type when they name none', async () => {
    const { provider, keys } = await start({ algorithms: ['RS256', 'PS256', 'ES256', 'EdDSA'] })
    const [rsa, ec, ed] = [RSA, EC, ED].map(({ publicKey }) => bare(publicKey))
    provider.publish({ ...rsa, kid: 'rsa' }, { ...ec, kid: 'ec' }, { ...ed, kid: 'ed' })
    const found = async (id: string) => {
      const algorithms = ['RS256', 'PS256', 'ES256', 'EdDSA', 'HS256']
      const all = await Promise.all(algorithms.map((algorithm) => keys.find(algorithm, id)))
      return all.flat().map(({ algorithm }) => algorithm)
    }
    expect(await found('rsa')).toEqual(['RS256', 'PS256'])
    expect(await found('ec')).toEqual(['ES256'])
    expect(await found('ed')).toEqual(['EdDSA'])
  })

  test('are tried one after the other for a token without a kid, but not all of many', async () => {
    const { provider, keys, show } = await start()
    provider.publish(ONE, TWO)
    expect(await show('two', { alg: 'RS256', kid: undefined })).toBe('ada')
    const many = await start()
    many.provider.publish(...Array.from({ length: 100 }, (_, i) => ({ ...ONE, kid: `key-${i}` })))
    expect(await many.keys.find('RS256', undefined)).toHaveLength(8)
    expect(await many.keys.find('RS256', 'key-99')).toHaveLength(1)
    expect(await keys.find('RS256', 'one')).toHaveLength(1)
  })
})
