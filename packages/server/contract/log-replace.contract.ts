import type { Publication } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import type { Appended } from '../src/core/ports/log.ts'
import { draft } from './channel-model.ts'
import type { LogHarness } from './log.contract.ts'

/** The part of the contract of a log that is about `replace`. */
export function replaceContract(harness: () => LogHarness, newChannel: () => string): void {
  const appendAll = (publications: Publication[]): Promise<Appended[]> =>
    Promise.all(publications.map((publication) => harness().log.append(publication)))

  describe('replace', () => {
    const SHORT = { text: 'gone' }

    it('changes the payload and nothing else, over a restart too', async () => {
      const channel = newChannel()
      const drafts = ['a', 'b', 'c'].map((id) => draft(channel, id, { payload: { n: 1 } }))
      const [, at] = await appendAll(drafts)
      const before = await harness().log.read(channel, { limit: 10 })
      expect(await harness().log.replace(channel, at!, SHORT)).toBe(true)
      const [first, second, third] = before.publications
      const publications = [first, { ...second, payload: SHORT }, third]
      expect(await harness().log.read(channel, { limit: 10 })).toEqual({ ...before, publications })
      await harness().reopen()
      expect(await harness().log.read(channel, { limit: 10 })).toEqual({ ...before, publications })
    })

    it('does so once more, by what is shorter and by what is longer', async () => {
      const channel = newChannel()
      await appendAll(['a', 'b', 'c'].map((id) => draft(channel, id, { payload: SHORT })))
      const { epoch } = await harness().log.append(draft(channel, 'd'))
      for (const length of [10, 20_000, 0, 3000, 9000, 3]) {
        const payload = { text: 'ä'.repeat(length) }
        expect(await harness().log.replace(channel, { epoch, offset: 2 }, payload)).toBe(true)
        const { publications } = await harness().log.read(channel, { limit: 10 })
        expect(publications.map((one) => one.payload)).toEqual([SHORT, payload, SHORT, {}])
      }
    })

    it('finds nothing where the log holds nothing, or has another epoch', async () => {
      const channel = newChannel()
      const appended = await appendAll(['a', 'b', 'c'].map((id) => draft(channel, id)))
      const { epoch } = appended[0]!
      await harness().log.trim('chat', { max_entries: 2 }, harness().clock.now())
      const missed = [
        harness().log.replace(channel, { epoch, offset: 0 }, SHORT),
        harness().log.replace(channel, { epoch, offset: 1 }, SHORT),
        harness().log.replace(channel, { epoch, offset: 4 }, SHORT),
        harness().log.replace(channel, { epoch: 'another', offset: 3 }, SHORT),
        harness().log.replace(newChannel(), { epoch, offset: 1 }, SHORT),
      ]
      expect(await Promise.all(missed)).toEqual([false, false, false, false, false])
      const { publications } = await harness().log.read(channel, { limit: 10 })
      expect(publications.map(({ payload }) => payload)).toEqual([{}, {}])
    })

    it('keeps its place among the appends of its turn', async () => {
      const channel = newChannel()
      const { epoch } = await harness().log.append(draft(channel, 'a'))
      const answers = await Promise.all([
        harness().log.replace(channel, { epoch, offset: 2 }, SHORT),
        harness().log.append(draft(channel, 'b')),
        harness().log.replace(channel, { epoch, offset: 2 }, { text: 'replaced again' }),
        harness().log.replace(channel, { epoch, offset: 2 }, SHORT),
        harness().log.append(draft(channel, 'c')),
      ])
      expect(answers).toMatchObject([false, { offset: 2 }, true, true, { offset: 3 }])
      const { publications } = await harness().log.read(channel, { limit: 10 })
      expect(publications.map(({ payload }) => payload)).toEqual([{}, SHORT, {}])
    })

    it('does not keep the payload', async () => {
      const channel = newChannel()
      const at = await harness().log.append(draft(channel, 'a'))
      const payload = { text: 'given' }
      const replaced = harness().log.replace(channel, at, payload)
      payload.text = 'changed'
      await replaced
      const { publications } = await harness().log.read(channel, { limit: 1 })
      expect(publications[0]?.payload).toEqual({ text: 'given' })
    })

    it('makes a duplicate of whatever repeats its message_id, over a restart too', async () => {
      const channel = newChannel()
      const first = draft(channel, 'a', { payload: { text: 'first' } })
      const at = await harness().log.append(first)
      const answers = await Promise.allSettled([
        harness().log.append(draft(channel, 'a', { payload: SHORT })),
        harness().log.replace(channel, at, SHORT),
        harness().log.append(first),
      ])
      await harness().reopen()
      const duplicate = { ...at, duplicate: true }
      expect(answers).toMatchObject([
        { reason: { reason: 'conflict' } },
        { value: true },
        { value: duplicate },
      ])
      for (const again of [first, draft(channel, 'a', { type: 'other', payload: { n: 3 } })]) {
        expect(await harness().log.append(again)).toEqual(duplicate)
      }
    })
  })
}
