import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import { expect, it, onTestFinished, vi } from 'vitest'
import { createServerKey } from '../auth/server-keys.ts'
import { openStore } from '../storage/store/store.ts'
import { LazyStore } from './lazy-store.ts'

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-compose-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  return data
}

function lazyStore(directory: string) {
  const errors: unknown[] = []
  const store = new LazyStore({
    directory,
    now: Date.now,
    onKeyRevoked: () => undefined,
    onError: (error) => errors.push(error),
  })
  onTestFinished(() => store.close())
  return { store, errors }
}

it('leaves no file behind as long as nothing is kept', async () => {
  const directory = dataDirectory()
  const { store } = lazyStore(directory)
  await store.start()
  expect(store.members.has('chat:a', 'ada')).toBe(false)
  expect(await store.members.list('chat:a', { limit: 10 })).toEqual([])
  expect(await store.members.count('chat:a')).toBe(0)
  expect(await store.members.channels('ada', { namespace: 'chat', limit: 10 })).toEqual([])
  expect(await store.members.remove('chat:a', 'ada')).toBe(false)
  expect(await store.revocations.all()).toEqual([])
  expect(store.serverKeys.find('tests')).toBeUndefined()
  expect(store.unreadiness()).toEqual([])
  expect(readdirSync(directory)).toEqual([])
})

it('is made once when several things are to be kept at the same time, and is there after a restart', async () => {
  const directory = dataDirectory()
  const { store } = lazyStore(directory)
  await store.start()
  const added = await Promise.all([
    store.members.add('chat:a', 'ada'),
    store.members.add('chat:a', 'bob'),
    store.tables('notes', {
      '0001': { up: (db) => sql`CREATE TABLE notes (n)`.execute(db) as never },
    }),
  ])
  expect(added.slice(0, 2)).toEqual([true, true])
  expect(existsSync(join(directory, 'store.db'))).toBe(true)
  await store.close()
  const { store: again } = lazyStore(directory)
  await again.start()
  expect(await again.members.list('chat:a', { limit: 10 })).toEqual(['ada', 'bob'])
})

it('finds a key that another process made meanwhile', async () => {
  const directory = dataDirectory()
  const { store } = lazyStore(directory)
  await store.start()
  const { key: _, ...made } = createServerKey('later')
  const other = await openStore({
    directory,
    now: Date.now,
    onKeyRevoked: () => undefined,
    onError: () => undefined,
  })
  await other.serverKeys.create(made)
  await other.close()
  await expect.poll(() => store.serverKeys.find('later')?.id, { timeout: 5_000 }).toBe('later')
})

const NO_DATABASE = 'no database, and longer than its header'.repeat(50)

it('says what is wrong with a store that cannot be opened, and tries again when asked', async () => {
  const directory = dataDirectory()
  const { store, errors } = lazyStore(directory)
  await store.start()
  writeFileSync(join(directory, 'store.db'), NO_DATABASE)
  for (let n = 1; n <= 2; n++) {
    await expect(store.members.add('chat:a', 'ada')).rejects.toMatchObject({
      reason: 'unavailable',
    })
    expect(errors.map(String)).toEqual(Array(n).fill(expect.stringContaining('store.db')))
  }
})

it('looks again by itself after it could not be opened', async () => {
  const directory = dataDirectory()
  const { store } = lazyStore(directory)
  await store.start()
  writeFileSync(join(directory, 'store.db'), NO_DATABASE)
  await expect(store.members.add('chat:a', 'ada')).rejects.toThrow(/cannot be opened/)
  for (const file of readdirSync(directory)) rmSync(join(directory, file))
  const { store: other } = lazyStore(directory)
  await other.members.add('chat:a', 'bob')
  await other.close()
  await expect.poll(() => store.members.has('chat:a', 'bob'), { timeout: 5_000 }).toBe(true)
})

it('that cannot be opened at the start is not looked for again', async () => {
  const directory = dataDirectory()
  writeFileSync(join(directory, 'store.db'), NO_DATABASE)
  const { store } = lazyStore(directory)
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  onTestFinished(() => void vi.useRealTimers())
  await expect(store.start()).rejects.toThrow(/store\.db/)
  expect(vi.getTimerCount()).toBe(0)
})
