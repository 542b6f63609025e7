import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { migrateFeature } from '../../storage/store/migrate.ts'
import { testStore } from '../../testing/test-store.ts'
import { Inbox } from './inbox.ts'
import { Sends } from './sends.ts'
import { type Database, MIGRATIONS } from './tables.ts'

const DAY_MS = 24 * 3_600_000

async function open(keep = 1000) {
  const { store } = await testStore()
  await migrateFeature(store.database, 'notifications', MIGRATIONS)
  const database = store.database as unknown as Database
  const onStored = (): void => undefined
  const sends = new Sends({ database, keep, pushAt: () => undefined, onStored })
  let count = 0
  return {
    database,
    inbox: new Inbox(database),
    send: (users: string[], at: number) => {
      const content = { kind: 'a', title: `${at}`, body: undefined, data: undefined }
      const id = `n${(count += 1)}`
      return sends.add({ id, repeatable: false, at, content, users, quiet: new Set() })
    },
  }
}

async function rows(database: Database, table: string): Promise<number> {
  const found = await sql<{
    rows: number
  }>`SELECT count(*) AS rows FROM ${sql.table(table)}`.execute(database)
  return found.rows[0]!.rows
}

it('what is too old is gone from every inbox, and from the count', async () => {
  const { database, inbox, send } = await open()
  const users = Array.from({ length: 700 }, (_, i) => `u${i}`)
  await send(users, 1 * DAY_MS)
  await send(['u1', 'u2'], 2 * DAY_MS)
  await send(['u1'], 3 * DAY_MS)
  await inbox.prune(3 * DAY_MS)
  expect(await rows(database, 'notifications_inbox')).toBe(1)
  expect(await rows(database, 'notifications_messages')).toBe(1)
  expect(await inbox.list('u1', { limit: 10 })).toMatchObject([
    { id: 'n3', title: `${3 * DAY_MS}` },
  ])
  expect(await Promise.all(['u0', 'u1', 'u2'].map((user) => inbox.countUnread(user)))).toEqual([
    0, 1, 0,
  ])
  // The entries of an inbox are counted on where they ended.
  await send(['u0', 'u1'], 4 * DAY_MS)
  expect(await inbox.list('u1', { limit: 10 })).toMatchObject([{ id: 'n4' }, { id: 'n3' }])
})

it('a message that no inbox keeps any more is gone', async () => {
  const { database, send } = await open(2)
  await send(['ada', 'bob'], 1)
  for (const at of [2, 3, 4]) await send(['ada'], at)
  // Bob has the first one.
  expect(await rows(database, 'notifications_messages')).toBe(3)
  for (const at of [5, 6]) await send(['bob'], at)
  expect(await rows(database, 'notifications_messages')).toBe(4)
})

it('what is sent at the same time shares a transaction, and each has its own answer', async () => {
  const { inbox, send } = await open()
  const stored = await Promise.all([1, 2, 3].map((at) => send(['ada'], at)))
  expect(stored.map(({ recipients }) => recipients)).toEqual([
    [{ user: 'ada', unread: 1 }],
    [{ user: 'ada', unread: 2 }],
    [{ user: 'ada', unread: 3 }],
  ])
  expect(await inbox.list('ada', { limit: 10 })).toMatchObject([
    { id: 'n3' },
    { id: 'n2' },
    { id: 'n1' },
  ])
})
