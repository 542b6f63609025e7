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
    send: (users: string[], at: number, { expendable = false } = {}) => {
      const content = { kind: 'a', title: `${at}`, body: undefined, data: undefined }
      const id = `n${(count += 1)}`
      return sends.add({
        id,
        repeatable: false,
        at,
        content,
        expendable,
        users,
        quiet: new Set(),
      })
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

it('what users bring about pushes nothing out that the application said, but for half of an inbox', async () => {
  const { database, inbox, send } = await open(6)
  const titles = async (): Promise<string[]> =>
    (await inbox.list('ada', { limit: 10 })).map(({ title }) => title)
  for (const at of [1, 2]) await send(['ada'], at)
  for (let at = 3; at <= 40; at++) await send(['ada', 'bob'], at, { expendable: true })
  expect(await titles()).toEqual(['40', '39', '38', '37', '2', '1'])
  expect(await inbox.countUnread('ada')).toBe(6)
  // Many at once share a transaction.
  await Promise.all([41, 42, 43, 44, 45].map((at) => send(['ada'], at)))
  expect(await titles()).toEqual(['45', '44', '43', '42', '41', '40'])
  await Promise.all([46, 47, 48, 49, 50].map((at) => send(['ada'], at, { expendable: true })))
  expect(await titles()).toEqual(['50', '49', '48', '45', '44', '43'])
  expect(await inbox.countUnread('ada')).toBe(6)
  const counts = await sql`
    SELECT user, entries, expendable FROM notifications_users ORDER BY user`.execute(database)
  expect(counts.rows).toEqual([
    { user: 'ada', entries: 6, expendable: 3 },
    { user: 'bob', entries: 6, expendable: 6 },
  ])
  await inbox.prune(49)
  const pruned = await sql`
    SELECT user, entries, expendable FROM notifications_users ORDER BY user`.execute(database)
  expect(pruned.rows).toEqual([
    { user: 'ada', entries: 2, expendable: 2 },
    { user: 'bob', entries: 0, expendable: 0 },
  ])
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

it('inboxes of before are counted, and what chat sent is known by its kinds', async () => {
  const { store } = await testStore()
  const { '0003-expendable': expendable, ...before } = MIGRATIONS
  expect(expendable).toBeDefined()
  await migrateFeature(store.database, 'notifications', before)
  const database = store.database as unknown as Database
  await sql`INSERT INTO notifications_messages (seq, id, kind, title, created_at)
    VALUES (1, 'n1', 'order', 'a', 1), (2, 'n2', 'direct', 'b', 2), (3, 'n3', 'mention', 'c', 3)
  `.execute(database)
  await sql`INSERT INTO notifications_users (user, newest, unread) VALUES ('ada', 9, 1), ('bob', 0, 0)
  `.execute(database)
  await sql`INSERT INTO notifications_inbox (user, n, message, read)
    VALUES ('ada', 7, 1, 1), ('ada', 8, 2, 0), ('ada', 9, 3, 1)`.execute(database)
  await migrateFeature(store.database, 'notifications', MIGRATIONS)
  const { rows } = await sql`SELECT * FROM notifications_users ORDER BY user`.execute(database)
  expect(rows).toEqual([
    { user: 'ada', newest: 9, unread: 1, entries: 3, expendable: 2 },
    { user: 'bob', newest: 0, unread: 0, entries: 0, expendable: 0 },
  ])
})
