import { sql } from 'kysely'
import { beforeEach, expect, it } from 'vitest'
import { migrateFeature } from '../../storage/store/migrate.ts'
import { FakeClock } from '../../testing/fake-clock.ts'
import { testStore } from '../../testing/test-store.ts'
import type { Server } from '../../server.ts'
import { LastSeen } from './last-seen.ts'

let clock: FakeClock
let online: number
let failures: unknown[]
let open: () => Promise<LastSeen>
let lastAlive: () => Promise<number>
let breakTable: (name: string, to: string) => Promise<void>

beforeEach(async () => {
  const { store } = await testStore()
  clock = new FakeClock()
  online = 0
  failures = []
  // What it needs of a server, over a real store.
  const server = {
    clock,
    failed: (_: string, error: unknown) => void failures.push(error),
    tables: async (feature: string, migrations: Parameters<Server['tables']>[1]) => {
      await migrateFeature(store.database, feature, migrations)
      return store.database
    },
  } as unknown as Server
  open = () => LastSeen.open(server, () => online)
  lastAlive = async () => {
    const { rows } = await sql<{ at: number }>`SELECT at FROM last_alive`.execute(store.database)
    return rows[0]?.at ?? 0
  }
  breakTable = (name, to) => store.database.schema.alterTable(name).renameTo(to).execute()
})

/** A killed server says nothing at its end: the next one is opened beside it. */
const nextLife = (): Promise<LastSeen> => open()

it('knows at once, and after a restart, when users were last there', async () => {
  const seen = await open()
  seen.note('ada', false)
  const at = clock.now()
  expect(await seen.of(['ada', 'bob'])).toEqual(new Map([['ada', at]]))
  await clock.advance(60_000)
  await seen.close()
  expect(await (await nextLife()).of(['ada', 'bob'])).toEqual(new Map([['ada', at]]))
})

it('knows of who was connected when it was killed that it was there until then', async () => {
  const seen = await open()
  online = 1
  seen.note('ada', true)
  const started = clock.now()
  // It goes on writing that it is alive, for those who are connected.
  const written = async (): Promise<number> => {
    await clock.advance(2_000)
    return lastAlive()
  }
  await expect.poll(written).toBeGreaterThan(started + 10_000)
  const alive = await lastAlive()
  expect(await (await nextLife()).of(['ada'])).toEqual(new Map([['ada', alive]]))
})

it('writes again what could not be written', async () => {
  const seen = await open()
  await breakTable('last_seen', 'moved_away')
  seen.note('ada', false)
  const at = clock.now()
  await clock.advance(2_000)
  await expect.poll(() => failures.length).toBe(1)
  expect(await seen.of(['ada'])).toEqual(new Map([['ada', at]]))
  await breakTable('moved_away', 'last_seen')
  await seen.close()
  expect(await (await nextLife()).of(['ada'])).toEqual(new Map([['ada', at]]))
})
