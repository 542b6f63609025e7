import { once } from 'node:events'
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Worker } from 'node:worker_threads'
import { sql } from 'kysely'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { runModule } from '../../testing/child.ts'
import { mountSmallDisk } from '../../testing/small-disk.ts'
import { openTestStore, testStore } from '../../testing/test-store.ts'
import { StorageError } from '../storage-error.ts'
import { hasStore } from './store.ts'

const key = (id: string) => ({ id, sha256: '0'.repeat(64) })

function emptyDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-store-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  return directory
}

describe('the files of the store', () => {
  it('are nobody else’s to read', async () => {
    const made = await testStore()
    await made.store.members.add('team:a', 'ada')
    const files = readdirSync(made.directory).filter((name) => name.startsWith('store.db'))
    expect(files).toContain('store.db-wal')
    const modes = (): number[] =>
      files.map((name) => statSync(join(made.directory, name)).mode & 0o777)
    expect(modes()).toEqual(files.map(() => 0o600))
    chmodSync(join(made.directory, 'store.db'), 0o644)
    await made.reopen()
    expect(statSync(join(made.directory, 'store.db')).mode & 0o777).toBe(0o600)
  })

  it('are made with the directories above them', async () => {
    const directory = join(emptyDirectory(), 'a', 'b')
    expect(hasStore(directory)).toBe(false)
    await testStore({ directory })
    expect(hasStore(directory)).toBe(true)
  })

  it('are refused in one sentence when they are no database', async () => {
    const directory = emptyDirectory()
    writeFileSync(join(directory, 'store.db'), 'x'.repeat(8000))
    const refused = openTestStore({ directory })
    await expect(refused).rejects.toBeInstanceOf(StorageError)
    await expect(refused).rejects.toThrow(/store\.db is damaged/)
  })

  it('are refused in one sentence when a newer version wrote them', async () => {
    const directory = emptyDirectory()
    const { store } = await openTestStore({ directory })
    const later = sql`INSERT INTO kysely_migration VALUES ('9999-later', '2030-01-01')`
    await later.execute(store.database)
    await store.close()
    const refused = openTestStore({ directory })
    await expect(refused).rejects.toBeInstanceOf(StorageError)
    await expect(refused).rejects.toThrow(/by a newer version of Tidewire \(9999-later\)/)
  })
})

describe('statements', () => {
  it('bind everything that JavaScript has for a value', async () => {
    const { database } = (await testStore()).store
    const row = await sql`SELECT ${undefined} AS a, ${null} AS b, ${true} AS c, ${false} AS d,
      ${1.5} AS e, ${'ä'} AS f, ${10n} AS g, ${new Uint8Array([1])} AS h`.execute(database)
    expect(row.rows).toEqual([
      { a: null, b: null, c: 1, d: 0, e: 1.5, f: 'ä', g: 10, h: new Uint8Array([1]) },
    ])
    await expect(sql`SELECT ${{}}`.execute(database)).rejects.toThrow(TypeError)
  })

  it('that fail take none of the others of their turn along', async () => {
    const { database } = (await testStore()).store
    const add = (user: string) =>
      database.insertInto('members').values({ channel: 'team:a', user, added_at: 0 }).execute()
    const results = await Promise.allSettled([add('ada'), add('ada'), add('bob')])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { reason: 'unavailable' } })
    const rows = await database.selectFrom('members').select('user').execute()
    expect(rows).toEqual([{ user: 'ada' }, { user: 'bob' }])
  })

  it('wait in a line with an end', async () => {
    const { store } = await testStore()
    const asked = Array.from({ length: 10_050 }, () => store.members.list('team:a', { limit: 1 }))
    const refused = (await Promise.allSettled(asked)).filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(50)
    expect(refused[0]).toMatchObject({ reason: { reason: 'unavailable', retryAfterMs: 250 } })
    expect(await store.members.list('team:a', { limit: 1 })).toEqual([])
  })
})

describe('a transaction', () => {
  const row = (user: string) => ({ channel: 'team:a', user, added_at: 0 })

  it('is written whole, and statements of others wait for its end', async () => {
    const { store } = await testStore()
    let others: Promise<readonly string[]> | undefined
    await store.database.transaction().execute(async (transaction) => {
      await transaction.insertInto('members').values(row('ada')).execute()
      others = store.members.list('team:a', { limit: 10 })
      await transaction.insertInto('members').values(row('bob')).execute()
    })
    expect(await others).toEqual(['ada', 'bob'])
  })

  it('leaves nothing behind when it fails', async () => {
    const { store } = await testStore()
    const failing = store.database.transaction().execute(async (transaction) => {
      await transaction.insertInto('members').values(row('ada')).execute()
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    expect(await store.members.list('team:a', { limit: 10 })).toEqual([])
  })

  it('writes nothing when one of its statements was no SQL, though nobody minded', async () => {
    const { store } = await testStore()
    const failing = store.database.transaction().execute(async (transaction) => {
      await transaction.insertInto('members').values(row('ada')).execute()
      await sql`NONSENSE`.execute(transaction).catch(() => undefined)
      await transaction.insertInto('members').values(row('bob')).execute()
    })
    await expect(failing).rejects.toMatchObject({ reason: 'unavailable' })
    expect(await store.members.list('team:a', { limit: 10 })).toEqual([])
    expect(await store.members.add('team:a', 'carl')).toBe(true)
  })

  it('is one of many that come at once, each after the other', async () => {
    const { store } = await testStore()
    const count = async (): Promise<void> => {
      await store.database.transaction().execute(async (transaction) => {
        const rows = await transaction.selectFrom('members').select('user').execute()
        await transaction
          .insertInto('members')
          .values(row(`${rows.length}`))
          .execute()
      })
    }
    await Promise.all(Array.from({ length: 20 }, count))
    expect(await store.members.list('team:a', { limit: 100 })).toHaveLength(20)
  })
})

describe('two processes with one store', () => {
  const module = JSON.stringify(new URL('./store.ts', import.meta.url).href)
  const inChild = (directory: string, work: string) =>
    runModule(`
      import { openStore } from ${module}
      const store = await openStore({
        directory: ${JSON.stringify(directory)}, now: Date.now, onKeyRevoked() {}, onError: console.error,
      })
      ${work}
      await store.close()
    `)

  it('see each other’s keys and members and learn of a revocation', async () => {
    const made = await testStore()
    const { serverKeys, members } = made.store
    await serverKeys.create(key('old'))
    expect(await members.has('team:a', 'ada')).toBe(false)
    const child = inChild(
      made.directory,
      `await store.serverKeys.create({ id: 'new', sha256: '1'.repeat(64) })
       await store.serverKeys.revoke('old')
       await store.members.add('team:a', 'ada')
       console.log('done')`,
    )
    await vi.waitUntil(() => child.lines.includes('done'), 10_000)
    await vi.waitUntil(() => serverKeys.find('new') !== undefined, 5000)
    await vi.waitUntil(() => serverKeys.find('old') === undefined, 5000)
    expect(made.revoked).toEqual(['old'])
    expect(await members.has('team:a', 'ada')).toBe(true)
    await child.ended
    expect(made.errors).toEqual([])
  })

  it('may make it at the same time, and write at the same time', async () => {
    const directory = emptyDirectory()
    const write = (name: string) =>
      `for (let i = 0; i < 50; i++) await store.members.add('team:a', '${name}-' + i)
       console.log('done')`
    const children = ['a', 'b', 'c'].map((name) => inChild(directory, write(name)))
    await Promise.all(children.map(({ ended }) => ended))
    expect(children.map(({ lines }) => lines)).toEqual([['done'], ['done'], ['done']])
    const { store } = await testStore({ directory })
    expect(await store.members.list('team:a', { limit: 1000 })).toHaveLength(150)
  })
})

describe('the thread of the store', () => {
  it('is missed at once when it is gone, and not when the store is closed', async () => {
    const closed = await openTestStore()
    await closed.stop()
    expect(closed.errors).toEqual([])
    await expect(closed.store.members.add('team:a', 'ada')).rejects.toMatchObject({
      reason: 'unavailable',
    })

    const started = once(process, 'worker') as Promise<[Worker]>
    const made = await testStore()
    const [worker] = await started
    await made.store.serverKeys.create(key('billing'))
    expect(made.store.unreadiness()).toEqual([])
    const waiting = Promise.allSettled([
      made.store.members.add('team:a', 'ada'),
      made.store.refreshTokens.use('none'),
      made.store.database.transaction().execute(() => new Promise(() => undefined)),
    ])
    await worker.terminate()
    const unavailable = { reason: { reason: 'unavailable' } }
    expect((await waiting).slice(0, 2)).toMatchObject([unavailable, unavailable])
    expect(made.errors).toEqual([
      new StorageError('The store stopped working (its thread ended): start the server again.'),
    ])
    expect(made.store.unreadiness()).toEqual(['store stopped'])
    expect(made.store.serverKeys.find('billing')).toEqual(key('billing'))
    await expect(made.store.revocations.all()).rejects.toMatchObject({ reason: 'unavailable' })
  })
})

describe('a full disk', () => {
  it('refuses what would be written with `storage_full`, reads on, and recovers', async (test) => {
    const disk = mountSmallDisk(8)
    onTestFinished(() => disk.remove())
    test.skip(!disk.mounted, 'this user may not mount a disk')
    const { store } = await testStore({ directory: disk.directory })
    await store.members.add('team:a', 'ada')
    disk.fill()
    const name = (i: number): string => `${i}-${'x'.repeat(2000)}`
    const fill = async (): Promise<void> => {
      for (let i = 0; ; i++) await store.members.add('team:b', name(i))
    }
    await expect(fill()).rejects.toMatchObject({ reason: 'storage_full' })
    expect(await store.members.list('team:a', { limit: 10 })).toEqual(['ada'])
    expect(await store.members.has('team:a', 'ada')).toBe(true)
    disk.free()
    expect(await store.members.add('team:a', 'bob')).toBe(true)
  })
})
