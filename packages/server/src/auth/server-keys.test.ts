import * as crypto from 'node:crypto'
import { expect, test, vi } from 'vitest'
import {
  createServerKey,
  ServerKeyAuthenticator,
  serverKeysOf,
  toServerKey,
} from './server-keys.ts'

vi.mock('node:crypto', { spy: true })

const { key, ...kept } = createServerKey('billing')
const authenticator = new ServerKeyAuthenticator([
  serverKeysOf([kept, toServerKey('dev', 'tw_dev_0123456789abcdef')]),
])

test('a key is known by what the server keeps of it, which is not the key', async () => {
  expect(await authenticator.authenticate(key)).toEqual({ kind: 'server', key_id: 'billing' })
  expect(await authenticator.authenticate('tw_dev_0123456789abcdef')).toEqual({
    kind: 'server',
    key_id: 'dev',
  })
  expect(kept.id).toBe('billing')
  expect(kept.sha256).toMatch(/^[0-9a-f]{64}$/)
})

test.each([
  ['the key of another id', key.replace('billing', 'dev')],
  ['an unknown id', key.replace('billing', 'unknown')],
  ['a key with one character more', `${key}x`],
  ['a key with one character less', key.slice(0, -1)],
  ['the digest itself', `tw_billing_${kept.sha256}`],
  ['an id alone', 'tw_billing_'],
  ['a prototype property', 'tw_constructor_0123456789abcdef'],
  ['an endless key', `tw_billing_${'x'.repeat(100_000)}`],
])('refused: %s', async (_, wrong) => {
  const error = await authenticator.authenticate(wrong).catch((error: unknown) => error)
  expect(error).toMatchObject({ reason: 'authentication_failed' })
  expect((error as Error).message).not.toContain('billing')
})

test('known and unknown ids are compared in constant time, digest with digest', async () => {
  const compare = vi.mocked(crypto.timingSafeEqual)
  for (const wrong of [`${key}x`, 'tw_unknown_0123456789abcdef', 'tw_']) {
    compare.mockClear()
    await expect(authenticator.authenticate(wrong)).rejects.toThrow('does not know')
    expect(compare).toHaveBeenCalledTimes(1)
    expect(compare.mock.calls[0]?.map((bytes) => bytes.byteLength)).toEqual([32, 32])
  }
})

test('keys of every source count, from when a source knows them until it no longer does', async () => {
  const { key: added, ...its } = createServerKey('shop')
  const { key: namesake, ...other } = createServerKey('billing')
  const store = new Map([[other.id, other]])
  const both = new ServerKeyAuthenticator([
    serverKeysOf([kept]),
    { find: (id) => store.get(id) },
    serverKeysOf([]),
  ])
  const billing = { kind: 'server', key_id: 'billing' }
  expect(await both.authenticate(key)).toEqual(billing)
  expect(await both.authenticate(namesake)).toEqual(billing)
  await expect(both.authenticate(added)).rejects.toThrow('does not know')
  store.set(its.id, its)
  expect(await both.authenticate(added)).toEqual({ kind: 'server', key_id: 'shop' })
  store.clear()
  await expect(both.authenticate(added)).rejects.toThrow('does not know')
  await expect(both.authenticate(namesake)).rejects.toThrow('does not know')
})

test.each(['', 'short', 'x'.repeat(64), '0'.repeat(63), '0'.repeat(66)])(
  'a source that keeps %j instead of a digest opens to nobody',
  async (sha256) => {
    const broken = new ServerKeyAuthenticator([serverKeysOf([{ id: 'billing', sha256 }])])
    await expect(broken.authenticate(key)).rejects.toThrow('does not know')
  },
)

test('an id that could not be told from the rest of the key is refused', () => {
  expect(() => createServerKey('my_id')).toThrow(TypeError)
})
