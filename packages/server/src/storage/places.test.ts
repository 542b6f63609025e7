import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import type { Range } from '../core/ports/broker.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { MIGRATIONS } from './migrations/index.ts'
import { openSqliteLog, type SqliteLog } from './sqlite.ts'

// A row of `places` holds 64 publications; what is not placed reaches back 65,536.

const LATER = 10 * 60_000

let directory: string
let clock: FakeClock
let log: SqliteLog
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-places-'))
  clock = new FakeClock()
  log = await open()
})
afterEach(async () => {
  await log.close()
  rmSync(directory, { recursive: true })
})

const open = (): Promise<SqliteLog> => openSqliteLog({ directory, now: () => clock.now() })

async function reopen(): Promise<void> {
  await log.close()
  log = await open()
}

/** What the closed database holds. */
async function query(sql: string): Promise<Record<string, unknown>[]> {
  await log.close()
  const db = new DatabaseSync(join(directory, 'tidewire.db'), { readOnly: true })
  const rows = db.prepare(sql).all()
  db.close()
  log = await open()
  return rows
}

async function append(channel: string, from: number, to: number): Promise<void> {
  const drafts = Array.from({ length: to - from + 1 }, (_, i) =>
    draft(channel, `${channel} ${from + i}`, { payload: { n: from + i } }),
  )
  await Promise.all(drafts.map((each) => log.append(each)))
}

/** The numbers that a range of the channel holds, which are its offsets. */
async function read(channel: string, range: Range): Promise<unknown[]> {
  const { publications } = await log.read(channel, range)
  for (const { payload, metadata } of publications) expect(payload['n']).toBe(metadata.offset)
  return publications.map(({ metadata }) => metadata.offset)
}

const numbers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe.each([
  ['while the log is open', async () => undefined],
  ['after it was opened again', reopen],
])('the publications of a channel, %s', (_, next) => {
  it('are found wherever a range begins and ends', async () => {
    await append('chat:a', 1, 200)
    await append('chat:b', 1, 100)
    await append('chat:a', 201, 300)
    await next()
    for (const edge of [1, 63, 64, 65, 128, 199, 200, 255, 256, 257, 299, 300]) {
      const up = { after: edge - 1, limit: 70 }
      expect(await read('chat:a', up)).toEqual(numbers(edge, Math.min(300, edge + 69)))
      const down = { before: edge + 1, limit: 70 }
      expect(await read('chat:a', down)).toEqual(numbers(Math.max(1, edge - 69), edge))
    }
    expect(await read('chat:b', { limit: 500 })).toEqual(numbers(1, 100))
  })

  it('get the offsets behind those that there are', async () => {
    await append('chat:a', 1, 130)
    await next()
    await append('chat:a', 131, 140)
    expect(await read('chat:a', { after: 120, limit: 500 })).toEqual(numbers(121, 140))
  })

  it('are trimmed and deleted in the middle of a row, and go on', async () => {
    await append('chat:a', 1, 300)
    await next()
    await clock.advance(LATER)
    expect(await log.trim('chat', { max_entries: 200 }, clock.now())).toBe(100)
    await next()
    expect(await read('chat:a', { limit: 500 })).toEqual(numbers(101, 300))
    expect(await log.trim('chat', { max_entries: 5 }, clock.now())).toBe(195)
    await append('chat:a', 301, 301)
    await next()
    expect(await read('chat:a', { limit: 500 })).toEqual(numbers(296, 301))
    expect(await query('SELECT min(offset) AS first FROM publications')).toEqual([{ first: 296 }])
  })

  it('are replaced, wherever they are', async () => {
    await append('chat:a', 1, 150)
    await next()
    const { epoch } = await log.read('chat:a', { limit: 0 })
    for (const offset of [1, 64, 65, 128, 129, 150]) {
      expect(await log.replace('chat:a', { epoch, offset }, { n: offset, new: true })).toBe(true)
      const { publications } = await log.read('chat:a', { after: offset - 1, limit: 1 })
      expect(publications[0]?.payload).toEqual({ n: offset, new: true })
    }
  })
})

it('a channel that fell silent is placed when others have gone on for long, and its end is still known', async () => {
  for (let i = 0; i < 50; i++) await append(`chat:silent${i}`, 1, 3)
  for (let from = 1; from <= 80_000; from += 4000) await append('chat:busy', from, from + 3999)
  const silent = await query(`SELECT count(*) AS count FROM places JOIN channels ON channel = id
    WHERE name LIKE 'chat:silent%'`)
  expect(silent).toEqual([{ count: 50 }])
  const [mark] = await query("SELECT value FROM meta WHERE key = 'placed'")
  expect(Number(mark?.['value'])).toBeGreaterThan(80_150 - 65_536 - 8192)
  await append('chat:silent7', 4, 4)
  expect(await read('chat:silent7', { limit: 10 })).toEqual([1, 2, 3, 4])
  expect(await read('chat:busy', { after: 79_990, limit: 100 })).toEqual(numbers(79_991, 80_000))
})

it('a database of before goes on, with all that it holds', async () => {
  await log.close()
  rmSync(directory, { recursive: true })
  directory = mkdtempSync(join(tmpdir(), 'tidewire-places-'))
  const db = new DatabaseSync(join(directory, 'tidewire.db'))
  db.exec(`PRAGMA page_size = 4096; ${MIGRATIONS.slice(0, 2).join(';')}; PRAGMA user_version = 2`)
  db.exec("INSERT INTO channels (id, name) VALUES (1, 'chat:a'), (2, 'chat:b')")
  const insert = db.prepare(`INSERT INTO publications
    (channel, offset, at, message_id, type, payload, timestamp) VALUES (?, ?, ?, ?, 'm', ?, '')`)
  for (const n of numbers(1, 200)) {
    for (const channel of [1, 2]) insert.run(channel, n, clock.now(), `${n}`, `{"n":${n}}`)
  }
  db.close()
  log = await open()
  expect(await read('chat:a', { after: 0, limit: 500 })).toEqual(numbers(1, 200))
  await append('chat:b', 201, 300)
  expect(await read('chat:b', { before: 260, limit: 150 })).toEqual(numbers(110, 259))
})
