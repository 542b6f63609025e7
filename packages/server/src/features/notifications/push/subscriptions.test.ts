import { sql } from 'kysely'
import { expect, it } from 'vitest'
import { migrateFeature } from '../../../storage/store/migrate.ts'
import { testStore } from '../../../testing/test-store.ts'
import { type Database, MIGRATIONS } from '../tables.ts'
import { Subscriptions } from './subscriptions.ts'

const PHONE = { provider: 'pager', endpoint: '555-1234', keys: {} }

it('a credential that does not say when it was issued counts as of the time of subscribing', async () => {
  const { store } = await testStore()
  await migrateFeature(store.database, 'notifications', MIGRATIONS)
  const database = store.database as unknown as Database
  const subscriptions = new Subscriptions(database)
  const issuedAt = async (): Promise<unknown> => {
    const row = database.selectFrom('notifications_subscriptions').select('issued_at')
    return (await row.executeTakeFirstOrThrow()).issued_at
  }
  await subscriptions.add({ kind: 'user', user: 'ada' }, PHONE, 7_001)
  expect(await issuedAt()).toBe(7_001)
  await subscriptions.add({ kind: 'user', user: 'ada', issued_at: 5_000 }, PHONE, 8_001)
  expect(await issuedAt()).toBe(5_000)
})

it('subscriptions of before credentials were kept count as of when they were made', async () => {
  const { store } = await testStore()
  const { '0001-inbox': first } = MIGRATIONS
  await migrateFeature(store.database, 'notifications', { '0001-inbox': first! })
  await sql`INSERT INTO notifications_subscriptions (user, provider, endpoint, keys, created_at)
    VALUES ('ada', 'pager', '555-1234', '{}', 7001)`.execute(store.database)
  await migrateFeature(store.database, 'notifications', MIGRATIONS)
  const { rows } = await sql`SELECT user, issued_at FROM notifications_subscriptions`.execute(
    store.database,
  )
  expect(rows).toEqual([{ user: 'ada', issued_at: 7001 }])
})
