import type { Publication } from '@tidewire/protocol'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { logContract } from '../../contract/log.contract.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { openSqliteLog, SqliteLog } from './sqlite.ts'

logContract(
  'sqlite',
  async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidewire-log-'))
    const clock = new FakeClock()
    const open = () => openSqliteLog({ directory, now: () => clock.now() })
    let log = await open()
    return {
      clock,
      get log() {
        return log
      },
      async reopen() {
        await log.close()
        log = await open()
      },
      async stop() {
        await log.close()
        rmSync(directory, { recursive: true })
      },
    }
  },
  { runs: 12 },
)

const sized = (id: number, bytes: number): Publication =>
  draft('chat:a', `${id}`, { payload: { text: 'x'.repeat(bytes) } })

describe('a full disk', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'tidewire-full-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))

  it('refuses appends with `storage_full`, and holds exactly those that it accepted', async () => {
    const log = await openSqliteLog({ directory, now: Date.now, maxBytes: 256 * 1024 })
    let accepted = 0
    await expect(async () => {
      for (;;) {
        await log.append(sized(accepted + 1, 8000))
        accepted += 1
      }
    }).rejects.toMatchObject({ reason: 'storage_full' })
    expect(accepted).toBeGreaterThan(10)
    const held: (number | undefined)[] = []
    for (let more = true; more;) {
      const page = await log.read('chat:a', { after: held.length, limit: 1000 })
      expect(page.newest).toBe(accepted)
      held.push(...page.publications.map(({ metadata }) => metadata.offset))
      more = page.more
    }
    expect(held).toEqual(Array.from({ length: accepted }, (_, i) => i + 1))

    const now = Date.now() + 10 * 60_000
    await log.trim('chat', { max_entries: 1 }, now)
    expect(await log.append(sized(accepted + 1, 8000))).toMatchObject({ offset: accepted + 1 })
    await log.close()
  })
})

describe('the thread of the log', () => {
  const waitsFor = (publications: number, script: string): SqliteLog =>
    new SqliteLog(
      new Worker(
        `const { parentPort } = require('node:worker_threads')
         let left = ${publications}
         parentPort.on('message', () => { if (--left === 0) { ${script} } })`,
        { eval: true },
      ),
      'epoch',
      Date.now,
    )

  it.each([
    ['ends', 'process.exit(1)'],
    ['throws', 'throw new Error("damaged")'],
  ])('makes everything `unavailable` when it %s', async (_, script) => {
    const log = waitsFor(2, script)
    const waiting = [log.append(sized(1, 10)), log.read('chat:a', { limit: 1 })]
    const unavailable = { reason: { reason: 'unavailable' } }
    expect(await Promise.allSettled(waiting)).toMatchObject([unavailable, unavailable])
    const later = [log.append(sized(2, 10)), log.trim('chat', {}, 0)]
    expect(await Promise.allSettled(later)).toMatchObject([unavailable, unavailable])
    await log.close()
  })

  it('may be behind by 64 MiB; further appends are told to come later', async () => {
    const log = waitsFor(2, 'process.exit(1)')
    const accepted = Array.from({ length: 63 }, (_, i) => log.append(sized(i, 1024 * 1024)))
    const answers = Promise.allSettled(accepted)
    await expect(log.append(sized(64, 1024 * 1024))).rejects.toMatchObject({
      reason: 'unavailable',
      retryAfterMs: expect.any(Number),
    })
    await Promise.allSettled([log.read('chat:a', { limit: 1 }), log.read('chat:a', { limit: 1 })])
    expect((await answers).every(({ status }) => status === 'rejected')).toBe(true)
  })
})
