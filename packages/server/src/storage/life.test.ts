import { cpSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { runModule } from '../testing/child.ts'
import { copyOf } from '../testing/data-directory.ts'
import { fenceData } from './fence.ts'
import { isSameFile } from './life.ts'
import { openSqliteLog, type SqliteLog, StorageError } from './sqlite.ts'

let root: string
let directory: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'tidewire-life-'))
  directory = join(root, 'data')
})
afterEach(() => rmSync(root, { recursive: true }))

interface Opened {
  log: SqliteLog
  epoch: string
  newest: number
  /** Why it has another epoch than before. */
  fenced: string | undefined
}

async function open(at = directory): Promise<Opened> {
  let fenced: string | undefined
  const events = { onFenced: (why: string) => (fenced = why) }
  const log = await openSqliteLog({ directory: at, now: Date.now, events })
  const { epoch, newest } = await log.read('chat:a', { limit: 0 })
  return { log, epoch, newest, fenced }
}

/** Opens it, appends `count` publications, closes it. */
async function live(count: number, at = directory): Promise<string> {
  const { log, epoch, newest } = await open(at)
  const ids = Array.from({ length: count }, (_, i) => `${newest + i}`)
  await Promise.all(ids.map((id) => log.append(draft('chat:a', id))))
  await log.close()
  return epoch
}

/** The epoch, the end and the reason for the epoch of what is there now. */
async function look(at = directory): Promise<Omit<Opened, 'log'>> {
  const { log, ...seen } = await open(at)
  await log.close()
  return seen
}

const database = (at = directory): string => join(at, 'tidewire.db')
const generation = (at = directory): string => join(at, 'generation')

describe('the epoch', () => {
  it('is none that was given before when the database is new, and no reason to warn', async () => {
    const { epoch, fenced } = await look()
    expect(fenced).toBeUndefined()
    rmSync(directory, { recursive: true })
    const wiped = await look()
    expect(wiped).toMatchObject({ newest: 0, fenced: undefined })
    expect(wiped.epoch).not.toBe(epoch)
  })

  it('stays over restarts, and when the directory is moved', async () => {
    const epoch = await live(3)
    expect(await live(3)).toBe(epoch)
    renameSync(directory, join(root, 'moved'))
    expect(await look(join(root, 'moved'))).toEqual({ epoch, newest: 6, fenced: undefined })
  })

  const FENCES: [string, RegExp, () => Promise<void> | void][] = [
    [
      'a copy of before the last start',
      /older than its last start/,
      async () => {
        const copy = copyOf(directory)
        await live(0)
        copy.putBack()
      },
    ],
    [
      'a copy taken while it ran',
      /lacks 2 publications/,
      async () => {
        const { log } = await open()
        await log.append(draft('chat:a', 'in the copy'))
        const copy = copyOf(directory)
        await Promise.all(['x', 'y'].map((id) => log.append(draft('chat:a', id))))
        await log.close()
        copy.putBack()
      },
    ],
    [
      'a copy of the whole directory',
      /file is a copy/,
      () => {
        cpSync(directory, join(root, 'copy'), { recursive: true, preserveTimestamps: true })
        renameSync(directory, join(root, 'away'))
        renameSync(join(root, 'copy'), directory)
      },
    ],
    [
      'a copy of its file',
      /file is a copy/,
      () => {
        cpSync(database(), join(root, 'copy'), { preserveTimestamps: true })
        renameSync(join(root, 'copy'), database())
      },
    ],
    [
      'the database of another server',
      /belongs to another database/,
      async () => {
        await live(9, join(root, 'other'))
        renameSync(database(join(root, 'other')), database())
      },
    ],
    [
      'the generation of another server',
      /belongs to another database/,
      async () => {
        await live(3, join(root, 'other'))
        cpSync(generation(join(root, 'other')), generation())
      },
    ],
    [
      'an older generation',
      /`generation` is older/,
      async () => {
        const older = readFileSync(generation())
        await live(1)
        await live(1)
        writeFileSync(generation(), older)
      },
    ],
    ['no generation', /missing/, () => rmSync(generation())],
    ['an empty generation', /cannot be read/, () => writeFileSync(generation(), '')],
    [
      'a torn generation',
      /cannot be read/,
      () => {
        writeFileSync(generation(), readFileSync(generation()).subarray(0, 30))
      },
    ],
    ['the word of the operator', /missing/, () => fenceData(directory)],
  ]
  it.each(FENCES)('is a new one for %s, and stays from then on', async (_, why, change) => {
    const epoch = await live(3)
    await change()
    const fenced = await look()
    expect(fenced.fenced).toMatch(why)
    expect(fenced.epoch).not.toBe(epoch)
    expect(await look()).toEqual({ ...fenced, fenced: undefined })
    const { log, newest } = await open()
    expect(await log.append(draft('chat:a', 'next'))).toMatchObject({ offset: newest + 1 })
    await log.close()
  })

  it('is a new one when the write-ahead log was lost', async () => {
    const epoch = await live(3)
    const child = runModule(`${IMPORTS}
      await openSqliteLog({ directory: ${JSON.stringify(directory)}, now: Date.now })
      process.kill(process.pid, 'SIGKILL')`)
    await child.ended
    rmSync(`${database()}-wal`)
    const { fenced, ...after } = await look()
    expect(fenced).toMatch(/older than its last start/)
    expect(after.epoch).not.toBe(epoch)
  })

  it('stays when the file lags behind the database, as it may where the power failed', async () => {
    const { log, epoch } = await open()
    const lagging = readFileSync(generation())
    await log.append(draft('chat:a', '1'))
    await log.close()
    expect(readFileSync(generation())).not.toEqual(lagging)
    writeFileSync(generation(), lagging)
    expect(await look()).toEqual({ epoch, newest: 1, fenced: undefined })
  })

  it.each([
    ['is itself', '7 100', '7 100', true],
    ['is itself where births are unknown', '7 0', '7 0', true],
    ['is itself when births become known', '7 0', '7 100', true],
    ['is not one of another inode', '7 100', '8 100', false],
    ['is not one of another inode where births are unknown', '7 0', '8 0', false],
    ['is not one that took over the inode', '7 100', '7 101', false],
  ])('a file %s', (_, stored, found, same) => {
    expect(isSameFile(stored, found)).toBe(same)
  })
})

describe('fence', () => {
  it('refuses a directory without a database', () => {
    expect(() => fenceData(root)).toThrow(StorageError)
  })
})

const IMPORTS = `
  import fs from 'node:fs'
  import { syncBuiltinESMExports } from 'node:module'
  const { openSqliteLog } = await import(${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)})
  const { openDatabase } = await import(${JSON.stringify(new URL('./sqlite-open.ts', import.meta.url).href)})`

describe('kill -9', () => {
  const POINTS: [string, string][] = [
    ['before the file is opened', `die('openSync', (path) => String(path).endsWith('generation'))`],
    ['before the file is written', `die('writeSync', () => true)`],
    ['before the file is synced', `die('fsyncSync', () => true)`],
    ['after the file is synced', `die('fsyncSync', () => ++synced > 1)`],
    ['at the end of the start', `start(), kill()`],
  ]
  it.each(POINTS)('%s changes no epoch, however often it comes', async (_, point) => {
    const epoch = await live(3)
    for (let times = 0; times < 2; times++) {
      const child = runModule(`${IMPORTS}
        let synced = 0
        const kill = () => process.kill(process.pid, 'SIGKILL')
        const start = () => openDatabase(${JSON.stringify(directory)}, undefined)
        const die = (name, when) => {
          const real = fs[name]
          fs[name] = (...args) => (when(...args) ? kill() : real(...args))
          syncBuiltinESMExports()
          start()
        }
        ${point}`)
      await child.ended
      expect(child.process.signalCode).toBe('SIGKILL')
    }
    expect(await look()).toEqual({ epoch, newest: 3, fenced: undefined })
  })
})
