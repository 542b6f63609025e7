import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import type { Log } from '../core/ports/log.ts'
import { type Child, runModule } from '../testing/child.ts'
import { openSqliteLog, StorageError } from './sqlite.ts'

let directory: string
let file: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-open-'))
  file = join(directory, 'tidewire.db')
})
afterEach(() => rmSync(directory, { recursive: true }))

const open = (at = directory): Promise<Log> => openSqliteLog({ directory: at, now: Date.now })

/** The sentence with which the log refuses to open. */
async function refusal(at = directory): Promise<string> {
  try {
    await (await open(at)).close()
    return 'it opened'
  } catch (error) {
    return error instanceof StorageError ? error.message : `not a StorageError: ${String(error)}`
  }
}

async function fill(count: number): Promise<void> {
  const log = await open()
  const drafts = Array.from({ length: count }, (_, i) =>
    draft('chat:a', `${i}`, { payload: { text: 'x'.repeat(500) } }),
  )
  await Promise.all(drafts.map((publication) => log.append(publication)))
  await log.close()
}

describe('a data directory', () => {
  it('where none can be made is refused', async () => {
    expect(await refusal('/proc/tidewire')).toContain('/proc/tidewire')
  })

  it('is made when it is not there', async () => {
    const log = await open(join(directory, 'deep', 'down'))
    expect(await log.append(draft('chat:a', '1'))).toMatchObject({ offset: 1 })
    await log.close()
  })

  it('and what is in it is for its owner alone, also where an earlier server was not so careful', async () => {
    const made = join(directory, 'made')
    const files = ['tidewire.db', 'tidewire.db-wal'].map((name) => join(made, name))
    const modes = (): number[] => files.map((path) => statSync(path).mode & 0o777)
    const log = await open(made)
    await log.append(draft('chat:a', '1'))
    expect(statSync(made).mode & 0o777).toBe(0o700)
    expect(modes()).toEqual([0o600, 0o600])
    await log.close()
    chmodSync(files[0]!, 0o644)
    const again = await open(made)
    await again.append(draft('chat:a', '2'))
    expect(modes()).toEqual([0o600, 0o600])
    await again.close()
  })

  it('is refused when it is a file', async () => {
    writeFileSync(join(directory, 'data'), '')
    expect(await refusal(join(directory, 'data'))).toMatch(
      /data directory .*data cannot be written to/,
    )
    expect(await refusal(join(directory, 'data', 'below'))).toMatch(
      /data directory .*below cannot be written to/,
    )
  })

  it('is refused when the database in it is a directory', async () => {
    rmSync(directory, { recursive: true })
    const log = await open(file)
    await log.close()
    expect(await refusal()).toMatch(/cannot be written to/)
  })
})

describe('a database', () => {
  it('is refused when it is something else', async () => {
    writeFileSync(file, 'Dear diary, '.repeat(1000))
    expect(await refusal()).toMatch(/damaged or not a database/)
    expect(readFileSync(file, 'utf8')).toMatch(/^Dear diary/)
  })

  it('is refused when a part of it was overwritten', async () => {
    await fill(500)
    const bytes = readFileSync(file)
    bytes.fill(0x5a, bytes.length / 2, bytes.length / 2 + 8192)
    writeFileSync(file, bytes)
    expect(await refusal()).toMatch(/damaged or not a database/)
  })

  it('is refused when its end is missing', async () => {
    await fill(500)
    const bytes = readFileSync(file)
    writeFileSync(file, bytes.subarray(0, bytes.length / 2))
    expect(await refusal()).toMatch(/damaged or not a database/)
  })

  it('is refused when a newer version wrote it', async () => {
    await fill(1)
    const db = new DatabaseSync(file)
    db.exec('PRAGMA user_version = 1000')
    db.close()
    expect(await refusal()).toMatch(/newer version of Tidewire \(schema 1000/)
  })

  it('is opened once in a process', async () => {
    const log = await open()
    expect(await refusal()).toMatch(/in use by another process/)
    await log.close()
    await (await open()).close()
  })
})

describe('another process', () => {
  let child: ChildProcess | undefined
  afterEach(async () => {
    if (child?.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  })

  /** Runs `script` with `log` open in a process of its own. */
  function run(script: string): Child {
    const running = runModule(`
      import { openSqliteLog } from ${JSON.stringify(new URL('./sqlite.ts', import.meta.url).href)}
      const log = await openSqliteLog({ directory: ${JSON.stringify(directory)}, now: Date.now })
      const print = (line) => process.stdout.write(line + '\\n')
      print('open')
      ${script}`)
    child = running.process
    return running
  }

  it('keeps the database to itself until it is gone, however it goes', async () => {
    const { process, lines, ended } = run('setInterval(() => {}, 1000)')
    await expect.poll(() => lines, { timeout: 15_000 }).toEqual(['open'])
    expect(await refusal()).toMatch(/in use by another process/)
    process.kill('SIGKILL')
    await ended
    await (await open()).close()
  })

  it('loses nothing that it acknowledged when it is killed in the middle', async () => {
    const { process, lines, ended } = run(`
      let id = 0
      const publish = async (channel) => {
        for (;;) {
          const message_id = 'm' + (id += 1)
          const metadata = { message_id, timestamp: '2026-11-20T12:00:00.000Z', channel }
          const { offset } = await log.append({ type: 'message', payload: { message_id }, metadata })
          print([channel, offset, message_id].join(' '))
        }
      }
      await Promise.all(Array.from({ length: 64 }, (_, i) => publish('chat:' + (i % 4))))`)
    await expect.poll(() => lines.length, { timeout: 15_000 }).toBeGreaterThan(2000)
    process.kill('SIGKILL')
    await ended

    const log = await open()
    const acknowledged = lines.slice(1).map((line) => line.split(' '))
    const held = new Map<string, string>()
    for (const channel of ['chat:0', 'chat:1', 'chat:2', 'chat:3']) {
      const { publications, newest } = await log.read(channel, { limit: 1_000_000 })
      expect(publications).toHaveLength(newest)
      for (const { metadata } of publications) {
        held.set(`${channel} ${metadata.offset}`, metadata.message_id)
      }
    }
    const lost = acknowledged.filter(
      ([channel, offset, id]) => held.get(`${channel} ${offset}`) !== id,
    )
    expect(lost).toEqual([])
    const [channel = '', offset, id = ''] = acknowledged.at(-1) ?? []
    const again = draft(channel, id, { payload: { message_id: id } })
    expect(await log.append(again)).toMatchObject({ offset: Number(offset), duplicate: true })
    await log.close()
  })
})
