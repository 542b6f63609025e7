import * as crypto from 'node:crypto'
import { expect, test, vi } from 'vitest'
import { createServerKey, ServerKeyAuthenticator, toServerKey } from './server-keys.ts'

vi.mock('node:crypto', { spy: true })

const { key, ...kept } = createServerKey('billing')
const authenticator = new ServerKeyAuthenticator([
  kept,
  toServerKey('dev', 'tw_dev_0123456789abcdef'),
])

test('a key is known by what the server keeps of it, which is not the key', async () => {
  expect(await authenticator.authenticate(key)).toEqual({ kind: 'server' })
  expect(await authenticator.authenticate('tw_dev_0123456789abcdef')).toEqual({ kind: 'server' })
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

test('an id that could not be told from the rest of the key is refused', () => {
  expect(() => createServerKey('my_id')).toThrow(TypeError)
})
