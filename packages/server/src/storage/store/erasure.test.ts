import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { type Kysely, sql } from 'kysely'
import { expect, it } from 'vitest'
import { openTestStore, testStore } from '../../testing/test-store.ts'

const CANARY = 'xcanaryx'

interface Songs {
  songs: { name: string; text: string }
}

function filesWithCanary(directory: string): string[] {
  return readdirSync(directory).filter((file) =>
    readFileSync(join(directory, file)).includes(CANARY),
  )
}

async function songs(database: unknown): Promise<Kysely<Songs>> {
  const songs = database as Kysely<Songs>
  // Its rows are in the pages of an index, and move about when it grows in the middle.
  await sql`CREATE TABLE IF NOT EXISTS songs (name TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID`.execute(
    songs,
  )
  await sql`CREATE INDEX IF NOT EXISTS songs_by_text ON songs (substr(text, 1, 40))`.execute(songs)
  return songs
}

it('leaves nothing in the files of what was deleted, while it is open', async () => {
  const { store, directory } = await testStore()
  const database = await songs(store.database)
  const names = Array.from({ length: 200 }, (_, n) => `${(n * 7919) % 1000}`)
  const text = CANARY.repeat(20)
  await Promise.all(
    names.map((name) => database.insertInto('songs').values({ name, text }).execute()),
  )
  expect(filesWithCanary(directory)).not.toEqual([])
  await database.updateTable('songs').set({ text: 'short' }).where('name', '<', '5').execute()
  await database.deleteFrom('songs').where('name', '>=', '5').execute()
  await expect.poll(() => filesWithCanary(directory), { timeout: 5_000 }).toEqual([])
})

it('leaves no copies where rows moved, whatever comes and goes', async () => {
  const step = fc.record({
    name: fc.integer({ min: 0, max: 150 }),
    size: fc.integer({ min: 1, max: 300 }),
    what: fc.constantFrom('put', 'put', 'delete', 'erase'),
  })
  const property = fc.asyncProperty(
    fc.array(step, { minLength: 300, maxLength: 400, size: 'max' }),
    async (steps) => {
      const made = await openTestStore()
      try {
        let database = await songs(made.store.database)
        for (const [i, { name, size, what }] of steps.entries()) {
          const key = `${name}`
          if (what === 'delete') {
            await database.deleteFrom('songs').where('name', '=', key).execute()
          } else if (what === 'put') {
            const text = CANARY.repeat(size).slice(0, size * 4)
            await sql`REPLACE INTO songs VALUES (${key}, ${text})`.execute(database)
          } else if (i % 7 === 0) database = await songs((await made.reopen()).database)
        }
        await database.updateTable('songs').set({ text: '' }).execute()
        await made.store.close()
        expect(filesWithCanary(made.directory)).toEqual([])
        const again = await songs((await made.reopen()).database)
        const { rows } = await sql`PRAGMA integrity_check`.execute(again)
        expect(rows).toEqual([{ integrity_check: 'ok' }])
      } finally {
        await made.stop()
      }
    },
  )
  await fc.assert(property, { numRuns: 4, endOnFailure: true })
}, 60_000)
