import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import * as fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Page, Range } from '../src/core/ports/broker.ts'
import type { Appended, Log, Retention } from '../src/core/ports/log.ts'
import type { FakeClock } from '../src/testing/fake-clock.ts'
import {
  ChannelModel,
  channelCommands,
  draft,
  extentOf,
  interleave,
  isOneOrder,
} from './channel-model.ts'
import { replaceContract } from './log-replace.contract.ts'

/** A log over storage of its own. */
export interface LogHarness {
  readonly clock: FakeClock
  readonly log: Log
  /** Closes the log and opens the same storage again. */
  reopen(): Promise<void>
  /** Takes a copy of the storage, awaits `meanwhile`, closes the log, puts the copy back and opens it. */
  rewind(meanwhile: () => Promise<unknown>): Promise<void>
  stop(): Promise<void>
}

/** What every implementation of `Log` keeps. Each sentence has a channel of its own, so one storage serves them all. */
export function logContract(
  name: string,
  make: () => Promise<LogHarness>,
  { runs }: { runs: number },
): void {
  describe(`${name} as a log`, () => {
    let harness: LogHarness
    let made = 0
    const newChannel = (): string => `chat:${(made += 1)}`
    const appendAll = (publications: Publication[]): Promise<Appended[]> =>
      Promise.all(publications.map((publication) => harness.log.append(publication)))

    beforeAll(async () => {
      harness = await make()
    })
    afterAll(() => harness.stop())

    describe('append', () => {
      it('gives each channel the offsets 1, 2, 3 … in the order of the calls', async () => {
        const [a, b] = [newChannel(), newChannel()]
        const answers = await appendAll([
          draft(a, '1'),
          draft(b, '1'),
          draft(a, '2'),
          draft(a, '3'),
          draft(b, '2'),
        ])
        expect(answers.map(({ offset }) => offset)).toEqual([1, 1, 2, 3, 2])
        expect(new Set(answers.map(({ epoch }) => epoch)).size).toBe(1)
      })

      it('takes more in one turn than one commit holds', async () => {
        const channel = newChannel()
        const drafts = Array.from({ length: 5000 }, (_, i) => draft(channel, `${i}`))
        const answers = await appendAll(drafts)
        expect(answers.map(({ offset }) => offset)).toEqual(drafts.map((_, i) => i + 1))
      })

      it('leaves the draft as it was', async () => {
        const channel = newChannel()
        const given = draft(channel, '1', { payload: { text: 'hi' } })
        await harness.log.append(given)
        expect(given).toEqual(draft(channel, '1', { payload: { text: 'hi' } }))
      })

      it('does not keep the draft', async () => {
        const channel = newChannel()
        const given = draft(channel, '1', { payload: { text: 'hi' } })
        const answered = harness.log.append(given)
        given.payload['text'] = 'changed'
        await answered
        const page = await harness.log.read(channel, { limit: 1 })
        expect(page.publications[0]?.payload).toEqual({ text: 'hi' })
      })
    })

    describe('identity', () => {
      it('answers a repeated message_id with its first offset, also within one commit', async () => {
        const channel = newChannel()
        const answers = await appendAll([
          draft(channel, 'a'),
          draft(channel, 'b'),
          draft(channel, 'a'),
        ])
        const later = await harness.log.append(draft(channel, 'b'))
        expect([...answers, later].map(({ offset, duplicate }) => [offset, duplicate])).toEqual([
          [1, false],
          [2, false],
          [1, true],
          [2, true],
        ])
        expect((await harness.log.read(channel, { limit: 0 })).newest).toBe(2)
      })

      it('refuses another payload or type for it, and nothing else of the commit', async () => {
        const channel = newChannel()
        await harness.log.append(draft(channel, 'a', { payload: { n: 1 } }))
        const answers = await Promise.allSettled([
          harness.log.append(draft(channel, 'b')),
          harness.log.append(draft(channel, 'a', { payload: { n: 2 } })),
          harness.log.append(draft(channel, 'a', { type: 'other', payload: { n: 1 } })),
          harness.log.append(draft(channel, 'c')),
        ])
        expect(answers).toMatchObject([
          { value: { offset: 2 } },
          { reason: { reason: 'conflict' } },
          { reason: { reason: 'conflict' } },
          { value: { offset: 3 } },
        ])
      })

      it('takes a payload whose keys stand in another order for the same, and a list for another', async () => {
        const channel = newChannel()
        const payload = { a: { b: 1, c: [1, 2] }, d: 2 }
        await harness.log.append(draft(channel, 'x', { payload }))
        const again = { d: 2, a: { c: [1, 2], b: 1 } }
        expect(await harness.log.append(draft(channel, 'x', { payload: again }))).toMatchObject({
          offset: 1,
          duplicate: true,
        })
        const other = { ...payload, a: { b: 1, c: [2, 1] } }
        await expect(
          harness.log.append(draft(channel, 'x', { payload: other })),
        ).rejects.toMatchObject({ reason: 'conflict' })
      })

      it('is one of each channel', async () => {
        await harness.log.append(draft(newChannel(), 'same', { payload: { n: 1 } }))
        const other = await harness.log.append(draft(newChannel(), 'same', { payload: { n: 2 } }))
        expect(other).toMatchObject({ offset: 1, duplicate: false })
      })

      it('lasts for five minutes', async () => {
        const channel = newChannel()
        await harness.log.append(draft(channel, 'a'))
        await harness.clock.advance(5 * 60_000)
        expect(await harness.log.append(draft(channel, 'a'))).toMatchObject({ duplicate: true })
        await harness.clock.advance(1)
        expect(await harness.log.append(draft(channel, 'a'))).toMatchObject({
          offset: 2,
          duplicate: false,
        })
      })

      it('lasts over a restart, and after a trim took the publication', async () => {
        const channel = newChannel()
        await harness.log.append(draft(channel, 'a'))
        await harness.log.trim('chat', { max_entries: 0 }, harness.clock.now())
        await harness.reopen()
        expect(await harness.log.append(draft(channel, 'a'))).toMatchObject({
          offset: 1,
          duplicate: true,
        })
        await expect(
          harness.log.append(draft(channel, 'a', { type: 'other' })),
        ).rejects.toMatchObject({ reason: 'conflict' })
      })
    })

    describe('read', () => {
      it('finds an empty log where nothing was appended', async () => {
        expect(await harness.log.read(newChannel(), { limit: 10 })).toMatchObject({
          oldest: 1,
          newest: 0,
          publications: [],
          more: false,
        })
      })

      it('gives back what was appended, with its offset', async () => {
        const channel = newChannel()
        const full = draft(channel, 'ä \u2028 "', {
          type: 'order.created',
          payload: { text: 'Grüße 🌊', list: [1, null, { deep: true }], __proto: 'x' },
        })
        const bare = draft(channel, 'bare')
        delete bare.metadata.client_id
        delete bare.metadata.user
        await appendAll([full, bare])
        full.metadata.offset = 1
        bare.metadata.offset = 2
        const { publications } = await harness.log.read(channel, { limit: 10 })
        expect(publications).toEqual([full, bare])
      })

      it('ends a page early when publications are large', async () => {
        const channel = newChannel()
        const text = 'x'.repeat(50_000)
        await appendAll(
          [1, 2, 3, 4, 5, 6].map((i) => draft(channel, `${i}`, { payload: { text } })),
        )
        const read = (range: Range): Promise<Page> => harness.log.read(channel, range)
        expect(extentOf(await read({ after: 0, limit: 500 }))).toEqual({
          offsets: [1, 2, 3],
          more: true,
        })
        expect(extentOf(await read({ before: 7, limit: 500 }))).toEqual({
          offsets: [4, 5, 6],
          more: true,
        })
      })

      it('keeps the epoch over a restart', async () => {
        const channel = newChannel()
        const { epoch } = await harness.log.append(draft(channel, 'a'))
        expect(epoch).toMatch(/^[A-Za-z0-9_.-]{1,64}$/)
        await harness.reopen()
        expect((await harness.log.read(channel, { limit: 0 })).epoch).toBe(epoch)
        expect((await harness.log.read(newChannel(), { limit: 0 })).epoch).toBe(epoch)
      })
    })

    describe('an older copy of the storage', () => {
      it('is a new epoch that goes on where the copy ends', async () => {
        const channel = newChannel()
        const first = await harness.log.append(draft(channel, 'a'))
        await harness.rewind(() => appendAll([draft(channel, 'lost'), draft(channel, 'too')]))
        const page = await harness.log.read(channel, { limit: 10 })
        expect(extentOf(page)).toEqual({ offsets: [1], more: false })
        expect(page.epoch).not.toBe(first.epoch)
        const next = await harness.log.append(draft(channel, 'b'))
        expect(next).toEqual({ epoch: page.epoch, offset: 2, duplicate: false })
        await harness.reopen()
        expect((await harness.log.read(channel, { limit: 0 })).epoch).toBe(page.epoch)
      })

      it('is one also when a trim took everything before and after it', async () => {
        const channel = newChannel()
        const trimAll = async (): Promise<void> => {
          await harness.clock.advance(10 * 60_000)
          await harness.log.trim('chat', { max_entries: 0 }, harness.clock.now())
        }
        const { epoch } = await harness.log.append(draft(channel, 'a'))
        await trimAll()
        await harness.reopen()
        expect((await harness.log.read(channel, { limit: 0 })).epoch).toBe(epoch)
        await harness.rewind(async () => {
          await harness.log.append(draft(channel, 'lost'))
          await trimAll()
        })
        const after = await harness.log.append(draft(channel, 'b'))
        expect(after.offset).toBe(2)
        expect(after.epoch).not.toBe(epoch)
      })

      it('is the same epoch when nothing was appended since', async () => {
        const channel = newChannel()
        const { epoch } = await harness.log.append(draft(channel, 'a'))
        await harness.rewind(() => Promise.resolve())
        expect((await harness.log.read(channel, { limit: 0 })).epoch).toBe(epoch)
      })
    })

    replaceContract(() => harness, newChannel)

    describe('trim', () => {
      it('keeps the newest entries and goes on counting', async () => {
        const channel = newChannel()
        await appendAll(['a', 'b', 'c', 'd'].map((id) => draft(channel, id)))
        await harness.log.trim('chat', { max_entries: 1 }, harness.clock.now())
        expect(await harness.log.read(channel, { limit: 10 })).toMatchObject({
          oldest: 4,
          newest: 4,
          publications: [{ metadata: { offset: 4 } }],
        })
      })

      it('remembers the last offset of a channel that it emptied, over a restart too', async () => {
        const channel = newChannel()
        await appendAll(['a', 'b', 'c'].map((id) => draft(channel, id)))
        await harness.clock.advance(10 * 60_000)
        expect(
          await harness.log.trim('chat', { max_age_ms: 60_000 }, harness.clock.now()),
        ).toBeGreaterThanOrEqual(3)
        await harness.reopen()
        expect(await harness.log.read(channel, { limit: 10 })).toMatchObject({
          oldest: 4,
          newest: 3,
          publications: [],
          more: false,
        })
        expect(await harness.log.append(draft(channel, 'd'))).toMatchObject({ offset: 4 })
      })

      it('touches no other namespace', async () => {
        const others = ['cha:1', 'chat-2:1', 'chatter:1']
        await appendAll(others.map((channel) => draft(channel, 'a')))
        await harness.log.trim('chat', { max_entries: 0 }, harness.clock.now())
        for (const channel of others) {
          expect(await harness.log.read(channel, { limit: 0 })).toMatchObject({ oldest: 1 })
        }
      })

      it('lets appends and reads pass while it goes through many channels', async () => {
        const channels = Array.from({ length: 500 }, newChannel)
        await appendAll(channels.flatMap((c) => ['a', 'b'].map((id) => draft(c, id))))
        const trimmed = harness.log.trim('chat', { max_entries: 1 }, harness.clock.now())
        const appended = await appendAll(channels.slice(0, 50).map((c) => draft(c, 'c')))
        expect(appended.every(({ offset }) => offset === 3)).toBe(true)
        expect(await trimmed).toBeGreaterThanOrEqual(500)
        expect(await harness.log.read(channels.at(0)!, { limit: 0 })).toMatchObject({ newest: 3 })
      })
    })

    it('behaves as an array does, whatever is asked of it', async () => {
      const property = fc.asyncProperty(
        channelCommands({ trim: true, restart: true }),
        (commands) => {
          // A namespace of its own, so that the count of a trim is that of the channel.
          const namespace = `p${(made += 1)}`
          const channel = `${namespace}:x`
          const { clock } = harness
          const real = {
            clock,
            append: (publication: Publication) => harness.log.append(publication),
            read: (range: Range) => harness.log.read(channel, range),
            replace: (position: Position, payload: JsonObject) =>
              harness.log.replace(channel, position, payload),
            trim: (retention: Retention) => harness.log.trim(namespace, retention, clock.now()),
            restart: () => harness.reopen(),
          }
          return fc.asyncModelRun(() => ({ model: new ChannelModel(channel), real }), commands)
        },
      )
      await expect(fc.assert(property, { numRuns: runs })).resolves.toBeUndefined()
    })

    it('orders two writers, however they interleave', async () => {
      const property = fc.asyncProperty(
        fc.scheduler(),
        fc.tuple(fc.nat(12), fc.nat(12)),
        async (scheduler, counts) => {
          const channel = newChannel()
          const subject = {
            append: (publication: Publication) => harness.log.append(publication),
            read: (range: Range) => harness.log.read(channel, range),
          }
          return isOneOrder(await interleave(scheduler, channel, subject, counts))
        },
      )
      await expect(fc.assert(property, { numRuns: runs })).resolves.toBeUndefined()
    })

    it('answers everything that it accepted before it closes, and refuses what comes later', async () => {
      const channel = newChannel()
      let answered = 0
      const drafts = Array.from({ length: 300 }, (_, i) => draft(channel, `${i}`))
      const answers = drafts.map((publication) =>
        harness.log.append(publication).then(() => (answered += 1)),
      )
      const read = harness.log.read(channel, { limit: 0 })
      const first = harness.log.append(draft(channel, '0'))
      await harness.log.close()
      expect(answered).toBe(300)
      await Promise.all([...answers, read])
      await expect(harness.log.append(draft(channel, 'late'))).rejects.toMatchObject({
        reason: 'unavailable',
      })
      await expect(harness.log.read(channel, { limit: 0 })).rejects.toMatchObject({
        reason: 'unavailable',
      })
      const { epoch } = await first
      await expect(harness.log.replace(channel, { epoch, offset: 1 }, {})).rejects.toMatchObject({
        reason: 'unavailable',
      })
      await harness.reopen()
      expect((await harness.log.read(channel, { limit: 0 })).newest).toBe(300)
    })
  })
}
