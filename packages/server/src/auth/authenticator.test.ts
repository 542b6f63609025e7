import { once } from 'node:events'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { EC, ED, pemOf, RSA, SECRET, signed, signer } from '../testing/token-issuers.ts'
import { type AuthenticatorOptions, TokenAuthenticator } from './authenticator.ts'
import { issueToken } from './jwt.ts'
import { createServerKey, serverKeysOf } from './server-keys.ts'

const clock = new FakeClock()
const { key, ...serverKey } = createServerKey('backend')
const server = { kind: 'server', key_id: 'backend' }
const ada = { kind: 'user', user: 'ada' }
const claims = { sub: 'ada', exp: Math.floor(clock.now() / 1000) + 60 }
const byRsa = signed(claims, { by: signer('RS256', RSA.privateKey), header: { alg: 'RS256' } })
const byEd = signed(claims, { by: signer('EdDSA', ED.privateKey), header: { alg: 'EdDSA' } })

function authenticatorWith(options: Partial<AuthenticatorOptions> = {}): TokenAuthenticator {
  return new TokenAuthenticator({ serverKeys: [serverKeysOf([serverKey])], clock, ...options })
}

async function bySecret(): Promise<string> {
  const issued = await issueToken({ secret: SECRET, user: 'ada', ttlMs: 1000, now: clock.now() })
  return issued.token
}

test('user tokens and server keys are told apart', async () => {
  const authenticator = authenticatorWith({ secret: SECRET })
  expect(await authenticator.authenticate(await bySecret())).toMatchObject(ada)
  expect(await authenticator.authenticate(key)).toEqual(server)
})

test('only what is signed with a secret is known at once', async () => {
  const publicKeys = [{ algorithm: 'RS256', pem: pemOf(RSA) }] as const
  const authenticator = authenticatorWith({ secret: SECRET, publicKeys })
  expect(authenticator.authenticateNow(await bySecret())).toMatchObject(ada)
  expect(() => authenticator.authenticateNow('forged')).toThrow('not valid')
  expect(authenticator.authenticateNow(byRsa)).toBeUndefined()
  expect(authenticator.authenticateNow(key)).toBeUndefined()
  expect(authenticatorWith().authenticateNow(await bySecret())).toBeUndefined()
})

test('without secret and keys no user token is accepted, and the message says why', async () => {
  const authenticator = authenticatorWith()
  const refused = authenticator.authenticate(await bySecret())
  await expect(refused).rejects.toThrow('`auth.jwt_secret` is not set')
  expect(await authenticator.authenticate(key)).toEqual(server)
})

test('secret, public keys and a key set count side by side', async () => {
  const keySet = createServer((_, response) => {
    response.end(JSON.stringify({ keys: [ED.publicKey.export({ format: 'jwk' })] }))
  }).listen(0, '127.0.0.1')
  await once(keySet, 'listening')
  onTestFinished(() => void keySet.close())
  const file = join(mkdtempSync(join(tmpdir(), 'tidewire-keys-')), 'rsa.pem')
  writeFileSync(file, pemOf(RSA))
  const authenticator = authenticatorWith({
    secret: SECRET,
    publicKeys: [{ algorithm: 'RS256', file }],
    jwks: {
      url: `http://127.0.0.1:${(keySet.address() as AddressInfo).port}/keys`,
      algorithms: ['EdDSA'],
      refreshMs: 60_000,
      maxStaleMs: 3_600_000,
      allowPrivate: true,
    },
  })
  for (const token of [await bySecret(), byRsa, byEd]) {
    expect(await authenticator.authenticate(token)).toMatchObject(ada)
  }
})

test('a key set on this machine is not asked for keys, unless that is allowed', async () => {
  const errors: unknown[] = []
  const authenticator = authenticatorWith({
    jwks: {
      url: 'http://127.0.0.1:9/keys',
      algorithms: ['EdDSA'],
      refreshMs: 60_000,
      maxStaleMs: 3_600_000,
    },
    onError: (error) => errors.push(error),
  })
  await expect(authenticator.authenticate(byEd)).rejects.toMatchObject({ reason: 'unavailable' })
  expect(String(errors[0])).toContain('must not be asked')
})

test.each<[string, NonNullable<AuthenticatorOptions['publicKeys']>, RegExp]>([
  ['no PEM', [{ algorithm: 'RS256', pem: 'key' }], /public_keys\[0\]` is no public key in PEM/],
  [
    'a private key',
    [
      {
        algorithm: 'RS256',
        pem: RSA.privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(),
      },
    ],
    /is no public key in PEM/,
  ],
  [
    'a broken one',
    [{ algorithm: 'RS256', pem: '-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----' }],
    /cannot be read/,
  ],
  [
    'an RSA key for ES256',
    [
      { algorithm: 'RS256', pem: pemOf(RSA) },
      { algorithm: 'ES256', pem: pemOf(RSA) },
    ],
    /public_keys\[1\]` is no key for ES256/,
  ],
  ['P-256 for ES384', [{ algorithm: 'ES384', pem: pemOf(EC) }], /on secp384r1/],
  ['an EC key for EdDSA', [{ algorithm: 'EdDSA', pem: pemOf(EC) }], /an Ed25519 key/],
  ['no file', [{ algorithm: 'RS256', file: '/nowhere/key.pem' }], /cannot be read: ENOENT/],
])('a public key that is %s is told by its place', (_, publicKeys, message) => {
  expect(() => authenticatorWith({ publicKeys })).toThrow(message)
})
