import { chmodSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keepDevSecret, keepDevServerKey, readDevSecret, readDevServerKey } from './secret.ts'

function dataDirectory(): string {
  return join(mkdtempSync(join(tmpdir(), 'tidewire-secret-')), 'data')
}

test('the secret of dev is made once, is kept and is nobody else’s', () => {
  const data = dataDirectory()
  const secret = keepDevSecret(data)
  expect(Buffer.byteLength(secret)).toBeGreaterThanOrEqual(32)
  expect(keepDevSecret(data)).toBe(secret)
  expect(keepDevSecret(dataDirectory())).not.toBe(secret)
  expect(statSync(join(data, 'dev-secret')).mode & 0o777).toBe(0o600)
  expect(readdirSync(data)).toEqual(['dev-secret'])
})

test('programs of the same user find secret and key, and nothing where no dev server was', () => {
  const data = dataDirectory()
  expect(readDevServerKey(data)).toBeUndefined()
  expect(readDevSecret(data)).toBeUndefined()
  const key = keepDevServerKey(data)
  expect(key).toMatch(/^tw_dev_/)
  expect(readDevServerKey(data)).toBe(key)
  expect(readDevSecret(data)).toBeUndefined()
})

test('a secret that others could read is closed to them', () => {
  const data = dataDirectory()
  keepDevSecret(data)
  chmodSync(join(data, 'dev-secret'), 0o644)
  keepDevSecret(data)
  expect(statSync(join(data, 'dev-secret')).mode & 0o777).toBe(0o600)
})

test('an empty file counts as none', () => {
  const data = dataDirectory()
  keepDevSecret(data)
  writeFileSync(join(data, 'dev-secret'), '')
  expect(keepDevSecret(data)).not.toBe('')
})

test('the directory is made, with those above it', () => {
  const data = join(dataDirectory(), 'a', 'b')
  expect(readDevSecret(data)).toBeUndefined()
  expect(keepDevSecret(data)).toBe(readDevSecret(data))
})

test('a directory that cannot be made is told as the file system tells it', () => {
  const data = dataDirectory()
  keepDevSecret(data)
  expect(() => keepDevSecret(join(data, 'dev-secret', 'below'))).toThrow(/ENOTDIR|EEXIST/)
})
