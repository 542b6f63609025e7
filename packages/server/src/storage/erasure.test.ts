import * as fc from 'fast-check'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { type Child, runModule } from '../testing/child.ts'
import { openSqliteLog, type SqliteLog } from './sqlite.ts'

// What was deleted or replaced is in no file any more: their bytes are searched for it.

const CANARY = 'canary'
const LATER = 10 * 60_000

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-erasure-'))
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (at = directory): Promise<SqliteLog> => openSqliteLog({ directory: at, now: Date.now })

/** The files in which it sings. */
const filesWithCanary = (at = directory): string[] =>
  readdirSync(at).filter((name) => readFileSync(join(at, name)).includes(CANARY))

/** A few seconds at most. */
async function expectGone(): Promise<void> {
  await expect.poll(() => filesWithCanary(), { timeout: 5000 }).toEqual([])
}

const canaries = (bytes: number) => ({ text: CANARY.repeat(Math.ceil(bytes / CANARY.length)) })
const song = (channel: string, id: number, bytes: number) =>
  draft(channel, `${id}`, { payload: canaries(bytes) })

describe('what was replaced', () => {
  it.each([10, 3000, 100_000])('is in no file seconds later, had it %i bytes', async (bytes) => {
    const log = await open()
    const [at] = await Promise.all([
      log.append(song('chat:a', 1, bytes)),
      log.append(draft('chat:a', '2', { payload: { text: 'stays' } })),
    ])
    expect(filesWithCanary()).not.toEqual([])
    expect(await log.replace('chat:a', at, { deleted: true })).toBe(true)
    await expectGone()
    const { publications } = await log.read('chat:a', { limit: 10 })
    expect(publications.map(({ payload }) => payload)).toEqual([
      { deleted: true },
      { text: 'stays' },
    ])
    await log.close()
    expect(filesWithCanary()).toEqual([])
  })

  it('is in no file when the log is closed', async () => {
    const log = await open()
    await log.replace('chat:a', await log.append(song('chat:a', 1, 100)), {})
    await log.close()
    expect(filesWithCanary()).toEqual([])
  })

  it('is gone again and again, while others are appended', async () => {
    const log = await open()
    for (let round = 0; round < 2; round++) {
      const others = Array.from({ length: 100 }, (_, i) => draft('chat:b', `${round} ${i}`))
      const [at] = await Promise.all([
        log.append(song('chat:a', round, 500)),
        ...others.map((other) => log.append(other)),
      ])
      expect(await log.replace('chat:a', at, {})).toBe(true)
      await expectGone()
    }
    await log.close()
  })
})

describe('what retention trimmed', () => {
  it('is in no file seconds after it was deleted', async () => {
    const log = await open()
    const songs = Array.from({ length: 300 }, (_, i) => song('chat:a', i, i % 7 === 0 ? 9000 : 90))
    await Promise.all(songs.map((one) => log.append(one)))
    await log.append(draft('chat:a', 'stays'))
    await log.trim('chat', { max_entries: 1 }, Date.now() + LATER)
    await expectGone()
    expect(await log.read('chat:a', { limit: 10 })).toMatchObject({ oldest: 301, newest: 301 })
    await log.close()
  })
})

it('leaves no copies in pages that were balanced, whatever grows, shrinks and is trimmed', async () => {
  const size = fc.oneof(
    { arbitrary: fc.integer({ min: 6, max: 300 }), weight: 6 },
    { arbitrary: fc.integer({ min: 300, max: 3500 }), weight: 3 },
    { arbitrary: fc.integer({ min: 3500, max: 12_000 }), weight: 1 },
  )
  const step = fc.record({ offset: fc.integer({ min: 1, max: 200 }), size, close: fc.nat(60) })
  let runs = 0
  const property = fc.asyncProperty(
    fc.array(size, { minLength: 200, maxLength: 200 }),
    fc.array(step, { minLength: 150, maxLength: 250, size: 'max' }),
    async (sizes, steps) => {
      const own = join(directory, `${(runs += 1)}`)
      let log = await open(own)
      const { epoch } = await log.read('chat:a', { limit: 0 })
      await Promise.all(
        sizes.flatMap((bytes, i) => [
          log.append(song('chat:a', i, bytes)),
          // Between them, so that pages are emptied in part.
          log.append(song('short-lived:a', i, bytes)),
          log.append(draft('others:a', `${i}`, { payload: { text: 'x'.repeat(bytes / 9) } })),
        ]),
      )
      for (const [i, { offset, size, close }] of steps.entries()) {
        await log.replace('chat:a', { epoch, offset }, canaries(size))
        if (i % 10 === 0) {
          const max_entries = Math.max(0, 200 - i * 2)
          await log.trim('short-lived', { max_entries }, Date.now() + LATER)
        }
        if (close > 0) continue
        await log.close()
        log = await open(own)
      }
      await log.trim('short-lived', { max_entries: 0 }, Date.now() + LATER)
      const all = sizes.map((_, i) => log.replace('chat:a', { epoch, offset: i + 1 }, {}))
      expect((await Promise.all(all)).every(Boolean)).toBe(true)
      await log.close()
      expect(filesWithCanary(own)).toEqual([])
      // To open it is also to have it checked.
      log = await open(own)
      for (const [channel, newest] of [
        ['chat:a', 200],
        ['others:a', 200],
        ['short-lived:a', 200],
      ] as const) {
        expect(await log.read(channel, { limit: 0 })).toMatchObject({ newest })
      }
      await log.close()
    },
  )
  await expect(fc.assert(property, { numRuns: 3 })).resolves.toBeUndefined()
})

describe('another process', () => {
  /** Appends a page full of canaries, lets one grow so that they move, and replaces them all. */
  function run(): Child {
    const url = JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)
    const child = runModule(`
      import { openSqliteLog } from ${url}
      const log = await openSqliteLog({ directory: ${JSON.stringify(directory)}, now: Date.now })
      const text = ${JSON.stringify(CANARY)}.repeat(30)
      const append = (i) => log.append({ type: 'message', payload: { text }, metadata: {
        message_id: 'm' + i, timestamp: '2026-11-20T12:00:00.000Z', channel: 'chat:a' } })
      const appended = await Promise.all(Array.from({ length: 60 }, (_, i) => append(i)))
      await log.replace('chat:a', appended[9], { text: text.repeat(15) })
      await Promise.all(appended.map((at) => log.replace('chat:a', at, { deleted: true })))
      process.stdout.write('replaced\\n')
      setInterval(() => {}, 1000)`)
    onTestFinished(() => void child.process.kill('SIGKILL'))
    return child
  }

  const expectReplaced = async (log: SqliteLog): Promise<void> => {
    const { publications } = await log.read('chat:a', { limit: 100 })
    expect(publications.map(({ payload }) => payload)).toEqual(
      Array.from({ length: 60 }, () => ({ deleted: true })),
    )
  }

  it('that is killed right after the answer keeps it, and the next start ends the erasure', async () => {
    const { process, lines, ended } = run()
    await expect.poll(() => lines, { timeout: 15_000 }).toEqual(['replaced'])
    process.kill('SIGKILL')
    await ended
    const log = await open()
    await expectReplaced(log)
    await expectGone()
    await expectReplaced(log)
    await log.close()
  })

  it('keeps the database to itself afterwards', async () => {
    const { process, ended, lines } = run()
    await expect.poll(() => lines, { timeout: 15_000 }).toEqual(['replaced'])
    await expectGone()
    await expect(open()).rejects.toThrow(/in use by another process/)
    process.kill('SIGKILL')
    await ended
    const log = await open()
    await expectReplaced(log)
    await log.close()
  })
})
