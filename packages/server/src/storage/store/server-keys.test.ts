import { expect, it } from 'vitest'
import { testStore } from '../../testing/test-store.ts'

const key = (id: string, digit = '0') => ({ id, sha256: digit.repeat(64) })

it('finds the keys that count, at once, also after a restart', async () => {
  const made = await testStore()
  expect(made.store.serverKeys.find('billing')).toBeUndefined()
  await made.store.serverKeys.create(key('billing', 'a'))
  expect(made.store.serverKeys.find('billing')).toEqual(key('billing', 'a'))
  const { serverKeys } = await made.reopen()
  expect(serverKeys.find('billing')).toEqual(key('billing', 'a'))
  expect(serverKeys.find('constructor')).toBeUndefined()
})

it('finds no key that was revoked, and tells of it once', async () => {
  const made = await testStore()
  await made.store.serverKeys.create(key('billing'))
  await made.store.serverKeys.create(key('other'))
  expect(await made.store.serverKeys.revoke('billing')).toBe(true)
  expect(made.store.serverKeys.find('billing')).toBeUndefined()
  expect(await made.store.serverKeys.revoke('billing')).toBe(false)
  const { serverKeys } = await made.reopen()
  expect(serverKeys.find('billing')).toBeUndefined()
  expect(serverKeys.find('other')).toEqual(key('other'))
  expect(made.revoked).toEqual(['billing'])
})

it('never gives an id to two keys', async () => {
  const { serverKeys } = (await testStore()).store
  await serverKeys.create(key('billing', 'a'))
  await expect(serverKeys.create(key('billing', 'b'))).rejects.toMatchObject({
    reason: 'conflict',
    message: expect.stringContaining('already') as string,
  })
  expect(serverKeys.find('billing')).toEqual(key('billing', 'a'))
  await serverKeys.revoke('billing')
  await expect(serverKeys.create(key('billing', 'b'))).rejects.toMatchObject({
    reason: 'conflict',
    message: expect.stringContaining('never used again') as string,
  })
  expect(serverKeys.find('billing')).toBeUndefined()
})

it('makes one key of an id that is asked for many times at once', async () => {
  const { serverKeys } = (await testStore()).store
  const digits = ['1', '2', '3', '4', '5']
  const made = await Promise.allSettled(digits.map((d) => serverKeys.create(key('billing', d))))
  expect(made.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
})

it('says that it does not know a key which never was', async () => {
  const { serverKeys } = (await testStore()).store
  await expect(serverKeys.revoke('billing')).rejects.toMatchObject({ reason: 'not_found' })
})

it('lists all keys in the order they were made, and since when they count no longer', async () => {
  const { store, clock } = await testStore()
  const at = clock.now()
  await store.serverKeys.create(key('b'))
  await clock.advance(5)
  await store.serverKeys.create(key('a'))
  await store.serverKeys.revoke('b')
  expect(await store.serverKeys.list()).toEqual([
    { id: 'b', created_at: at, revoked_at: at + 5 },
    { id: 'a', created_at: at + 5, revoked_at: undefined },
  ])
})
