import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { runModule } from '../testing/child.ts'
import { mountSmallDisk } from '../testing/small-disk.ts'
import { openSqliteLog, type SqliteLog } from './sqlite.ts'
import { isFailedSync, isRefusedWrite } from './sqlite-errors.ts'

const FULL = { reason: 'storage_full', code: 4015 }
const LATER = 10 * 60_000

const sized = (id: number, bytes: number) =>
  draft('chat:a', `${id}`, { payload: { text: 'x'.repeat(bytes) } })

/** Appends until the storage is full; resolves with how many were accepted. */
async function fill(log: SqliteLog, from: number, bytes = 8000): Promise<number> {
  let accepted = from
  const next = async (): Promise<void> => {
    for (;;) {
      await log.append(sized(accepted + 1, bytes))
      accepted += 1
    }
  }
  await expect(next()).rejects.toMatchObject(FULL)
  return accepted
}

/** The ids of the channel, in order. */
async function idsOf(log: SqliteLog): Promise<string[]> {
  const ids: string[] = []
  for (let after = 0; ;) {
    const { publications, more } = await log.read('chat:a', { after, limit: 1000 })
    ids.push(...publications.map(({ metadata }) => metadata.message_id))
    after = publications.at(-1)?.metadata.offset ?? after
    if (!more) return ids
  }
}

const idsUpTo = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`)

/** The texts of the channel's first publications, as they are read. */
async function textsOf(log: SqliteLog, limit: number): Promise<unknown[]> {
  const { publications } = await log.read('chat:a', { after: 0, limit })
  return publications.map(({ payload }) => payload['text'])
}

/** What can be replaced while the storage is full: what is no larger. */
async function expectReplaceable(log: SqliteLog): Promise<void> {
  const { epoch } = await log.read('chat:a', { limit: 0 })
  const replace = (offset: number, text: string): Promise<boolean> =>
    log.replace('chat:a', { epoch, offset }, { text })
  expect(await replace(1, '')).toBe(true)
  expect(await replace(2, 'y'.repeat(8000))).toBe(true)
  expect(await replace(3, 'z'.repeat(5000))).toBe(true)
  expect(await Promise.all([replace(4, '4'), replace(0, ''), replace(5, '5')])).toEqual([
    true,
    false,
    true,
  ])
  await expect(replace(6, 'x'.repeat(8001))).rejects.toMatchObject(FULL)
  const texts = ['', 'y'.repeat(8000), 'z'.repeat(5000), '4', '5', 'x'.repeat(8000)]
  expect(await textsOf(log, 6)).toEqual(texts)
}

/** Everything that holds while the storage is full, with `accepted` publications in it. */
async function expectFull(log: SqliteLog, accepted: number): Promise<void> {
  expect(log.unreadiness()).toEqual(['storage full'])
  const smallest = draft('chat:b', 'tiny', { payload: {} })
  await expect(log.append(smallest)).rejects.toMatchObject(FULL)
  await expect(log.append(smallest)).rejects.toMatchObject(FULL)
  expect(await log.append(sized(accepted, 8000))).toMatchObject({
    offset: accepted,
    duplicate: true,
  })
  await expect(log.append(sized(accepted, 7000))).rejects.toMatchObject({ reason: 'conflict' })
  expect(await idsOf(log)).toEqual(idsUpTo(accepted))
}

describe('a database at its bound', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidewire-full-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  const open = (events = {}): Promise<SqliteLog> =>
    openSqliteLog({ directory, now: Date.now, maxBytes: 2 * 1024 * 1024, events })

  it('refuses all appends until a trim made room, and reads and repeats meanwhile', async () => {
    const changes: boolean[] = []
    const log = await open({ onFull: (full: boolean) => changes.push(full) })
    const accepted = await fill(log, 0)
    expect(accepted).toBeGreaterThan(100)
    await expectFull(log, accepted)
    await log.trim('chat', { max_entries: 1 }, Date.now() + LATER)
    expect(await log.append(sized(accepted + 1, 8000))).toMatchObject({ offset: accepted + 1 })
    expect(log.unreadiness()).toEqual([])
    expect(changes).toEqual([true, false])
    await log.close()
  })

  it('is full again after a restart', async () => {
    const first = await open()
    const accepted = await fill(first, 0)
    await first.close()
    const log = await open()
    await expectFull(log, accepted)
    expect(await log.read('chat:a', { limit: 0 })).toMatchObject({ newest: accepted })
    await log.close()
  })

  it('still replaces by what is no larger, and keeps that', async () => {
    const first = await open()
    const accepted = await fill(first, 0)
    await expectReplaceable(first)
    await first.close()
    const log = await open()
    expect((await textsOf(log, 5)).slice(3)).toEqual(['4', '5'])
    expect(await log.append(sized(1, 8000))).toMatchObject({ offset: 1, duplicate: true })
    expect(await log.read('chat:a', { limit: 0 })).toMatchObject({ newest: accepted })
    await log.close()
  })

  it('replaces a large payload by one that is hardly smaller', async () => {
    const log = await open()
    const { epoch } = await log.append(sized(1, 400_000))
    await fill(log, 1)
    const text = 'y'.repeat(390_000)
    expect(await log.replace('chat:a', { epoch, offset: 1 }, { text })).toBe(true)
    expect(await textsOf(log, 1)).toEqual([text])
    await log.close()
  })

  it('does not open up for the little that a small trim makes room for', async () => {
    const log = await open()
    const accepted = await fill(log, 0)
    await log.trim('chat', { max_entries: accepted - 20 }, Date.now() + LATER)
    await expect(log.append(sized(accepted + 1, 10))).rejects.toMatchObject(FULL)
    await log.trim('chat', { max_entries: 100 }, Date.now() + LATER)
    expect(await log.append(sized(accepted + 1, 10))).toMatchObject({ offset: accepted + 1 })
    await log.close()
  })

  it('refuses what is too large for it, and comes back', async () => {
    const log = await open()
    await expect(log.append(sized(1, 3 * 1024 * 1024))).rejects.toMatchObject(FULL)
    await expect(log.append(sized(2, 10))).rejects.toMatchObject(FULL)
    await expect.poll(() => log.unreadiness(), { timeout: 10_000 }).toEqual([])
    expect(await log.append(sized(3, 10))).toMatchObject({ offset: 1 })
    await log.close()
  })
})

describe('what others need of the disk', () => {
  it('is left to them', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidewire-free-'))
    const minFreeBytes = Number.MAX_SAFE_INTEGER
    const log = await openSqliteLog({ directory, now: Date.now, minFreeBytes })
    expect(await log.read('chat:a', { limit: 1 })).toMatchObject({ newest: 0 })
    await expect(log.append(sized(1, 1))).rejects.toMatchObject(FULL)
    expect(log.unreadiness()).toEqual(['storage full'])
    await log.close()
    rmSync(directory, { recursive: true })
  })
})

/** Root gets a disk of 16 MB. Elsewhere these are reported as skipped, and the bound above stands for the end of the disk. */
const disk = mountSmallDisk(16)
afterAll(() => disk.remove())
describe.runIf(disk.mounted)('a full disk', () => {
  const { directory: root, fill: fillDisk, free, freeBytes } = disk
  let used = 0
  let directory: string
  beforeEach(() => {
    directory = join(root, `data-${(used += 1)}`)
  })
  afterEach(() => {
    free()
    rmSync(directory, { recursive: true })
  })

  const open = (): Promise<SqliteLog> => openSqliteLog({ directory, now: Date.now })

  it('is noticed before it is full, and holds exactly what was accepted', async () => {
    const log = await open()
    const accepted = await fill(log, 0)
    expect(accepted).toBeGreaterThan(500)
    await expectFull(log, accepted)
    expect(freeBytes()).toBeGreaterThan(256 * 1024)
    expect(existsSync(join(directory, 'reserve'))).toBe(true)
    await log.trim('chat', { max_entries: 1 }, Date.now() + LATER)
    expect(await log.append(sized(accepted + 1, 8000))).toMatchObject({ offset: accepted + 1 })
    await log.close()
  })

  it('that others filled up refuses appends, still trims, and takes them again when it has space', async () => {
    const log = await open()
    const drafts = idsUpTo(200).map((id) => sized(Number(id), 8000))
    await Promise.all(drafts.map((publication) => log.append(publication)))
    fillDisk()
    const accepted = await fill(log, 200)
    fillDisk()
    await expectFull(log, accepted)
    const trimmed = await log.trim('chat', { max_entries: 10 }, Date.now() + LATER)
    expect(trimmed).toBe(accepted - 10)
    fillDisk()
    await expect(log.append(sized(accepted + 1, 10))).rejects.toMatchObject(FULL)
    expect(await log.read('chat:a', { limit: 0 })).toMatchObject({ oldest: accepted - 9 })

    free()
    await expect.poll(() => log.unreadiness(), { timeout: 10_000 }).toEqual([])
    expect(await log.append(sized(accepted + 1, 10))).toMatchObject({ offset: accepted + 1 })
    expect(existsSync(join(directory, 'reserve'))).toBe(true)
    await log.close()
  })

  it('that others filled up still lets payloads be replaced by what is no larger', async () => {
    const log = await open()
    const drafts = idsUpTo(200).map((id) => sized(Number(id), 8000))
    await Promise.all(drafts.map((publication) => log.append(publication)))
    fillDisk()
    await fill(log, 200)
    fillDisk()
    await expectReplaceable(log)
    expect(log.unreadiness()).toEqual(['storage full'])
    await log.close()
  })

  it('does not keep the log from opening, nor from trimming then', async () => {
    const first = await open()
    const accepted = await fill(first, 0)
    await first.close()
    fillDisk()
    const log = await open()
    await expectFull(log, accepted)
    expect(await log.trim('chat', { max_entries: 1 }, Date.now() + LATER)).toBe(accepted - 1)
    await log.close()
  })

  it('costs nothing that was acknowledged when the server is killed there', async () => {
    const url = JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)
    const child = runModule(`
      import { openSqliteLog } from ${url}
      const log = await openSqliteLog({ directory: ${JSON.stringify(directory)}, now: Date.now })
      const print = (line) => process.stdout.write(line + '\\n')
      let refused = 0
      const publish = async (id) => {
        const metadata = {
          message_id: 'm' + id, timestamp: '2026-11-20T12:00:00.000Z', channel: 'chat:a',
        }
        const payload = { text: 'x'.repeat(2000) }
        await log.append({ type: 'message', payload, metadata }).then(
          ({ offset }) => print(offset + ' m' + id),
          ({ reason }) => ++refused === 100 && print(reason),
        )
      }
      for (let id = 0; ; id += 32) {
        await Promise.all(Array.from({ length: 32 }, (_, i) => publish(id + i)))
      }`)
    onTestFinished(() => void child.process.kill('SIGKILL'))
    await expect.poll(() => child.lines.length, { timeout: 15_000 }).toBeGreaterThan(100)
    fillDisk()
    await expect.poll(() => child.lines.at(-1), { timeout: 15_000 }).toBe('storage_full')
    child.process.kill('SIGKILL')
    await child.ended
    free()

    const log = await open()
    const ids = await idsOf(log)
    const acknowledged = child.lines.slice(0, -1).map((line) => line.split(' '))
    const lost = acknowledged.filter(([offset, id]) => ids[Number(offset) - 1] !== id)
    expect(lost).toEqual([])
    expect(acknowledged.length).toBeGreaterThan(100)
    await log.close()
  })
})

describe('an error of the disk', () => {
  const sqlite = (errcode: number): Error => Object.assign(new Error('disk'), { errcode })
  const system = (code: string): Error => Object.assign(new Error('disk'), { code })

  it.each([
    ['SQLITE_FULL', sqlite(13)],
    ['SQLITE_IOERR_WRITE', sqlite(778)],
    ['ENOSPC', system('ENOSPC')],
    ['EDQUOT', system('EDQUOT')],
  ])('%s means that nothing was written', (_, error) => {
    expect(isRefusedWrite(error)).toBe(true)
    expect(isFailedSync(error)).toBe(false)
  })

  it.each([
    ['SQLITE_IOERR_FSYNC', sqlite(1034)],
    ['SQLITE_IOERR_DIR_FSYNC', sqlite(1290)],
  ])('%s means that nobody knows', (_, error) => {
    expect(isRefusedWrite(error)).toBe(false)
    expect(isFailedSync(error)).toBe(true)
  })

  it.each([
    ['SQLITE_IOERR_READ', sqlite(266)],
    ['SQLITE_CORRUPT', sqlite(11)],
    ['EACCES', system('EACCES')],
    ['nothing of the disk', 'SQLITE_FULL'],
  ])('%s is another', (_, error) => {
    expect([isRefusedWrite(error), isFailedSync(error)]).toEqual([false, false])
  })
})
