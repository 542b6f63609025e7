import type { Publication } from '@tidewire/protocol'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { draft } from '../../contract/channel-model.ts'
import { logContract } from '../../contract/log.contract.ts'
import { copyOf } from '../testing/data-directory.ts'
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
      async rewind(meanwhile) {
        const copy = copyOf(directory)
        await meanwhile()
        await log.close()
        copy.putBack()
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

describe('the thread of the log', () => {
  const waitsFor = (publications: number, script: string): SqliteLog =>
    new SqliteLog({
      worker: new Worker(
        `const { parentPort } = require('node:worker_threads')
         let left = ${publications}
         parentPort.on('message', () => { if (--left === 0) { ${script} } })`,
        { eval: true },
      ),
      epoch: 'epoch',
      full: false,
      now: Date.now,
      events: {},
    })

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

  it('is missed at once when it is gone, and not when the log is closed', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'tidewire-log-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    const deaths: string[] = []
    const events = { onDeath: (error: Error) => deaths.push(error.message) }
    const closed = await openSqliteLog({ directory, now: Date.now, events })
    await closed.close()
    expect(deaths).toEqual([])
    expect(closed.unreadiness()).toEqual([])

    const started = once(process, 'worker') as Promise<[Worker]>
    const log = await openSqliteLog({ directory, now: Date.now, events })
    const [worker] = await started
    expect(log.unreadiness()).toEqual([])
    await worker.terminate()
    expect(log.unreadiness()).toEqual(['log stopped'])
    expect(deaths).toEqual(['The log stopped working (its thread ended): start the server again.'])
    await log.close()
    expect(deaths).toHaveLength(1)
  })
})
