import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Broker, Range } from '../src/core/ports/broker.ts'
import type { Retention } from '../src/core/ports/log.ts'
import type { FakeClock } from '../src/testing/fake-clock.ts'
import {
  ChannelModel,
  channelCommands,
  draft,
  extentOf,
  interleave,
  isOneOrder,
} from './channel-model.ts'

/** A broker that was not started yet. */
export interface BrokerHarness {
  readonly broker: Broker
  readonly clock: FakeClock
  /** What the broker keeps of a channel at any moment, where it does not wait for a trim. */
  readonly retention?: Retention
  /** Stops the broker and closes its storage; resolves with one over the same data that was not started yet. */
  restart?(): Promise<Broker>
  stop(): Promise<void>
}

/** One publication as it was delivered. */
interface Delivery {
  channel: string
  epoch: string | undefined
  publication: Publication
  /** As JSON, where the broker had that at hand. */
  text: string | undefined
}

const soon = (condition: () => void): Promise<void> =>
  vi.waitFor(condition, { timeout: 10_000, interval: 5 })

/** What every implementation of `Broker` keeps. */
export function brokerContract(
  name: string,
  make: () => BrokerHarness | Promise<BrokerHarness>,
  /** A broker that keeps no log owes only what `it` says. `runs`: of the properties. */
  { keepsLog, runs }: { keepsLog: boolean; runs: number },
): void {
  const itWithLog = keepsLog ? it : () => undefined
  const describeLog = keepsLog ? describe : () => undefined
  let harness: BrokerHarness
  let broker: Broker
  let delivered: Delivery[]

  /** The offsets that came for the channel, in the order in which they came. */
  const offsetsOf = (channel: string): (number | undefined)[] =>
    delivered
      .filter((delivery) => delivery.channel === channel)
      .map(({ publication }) => publication.metadata.offset)
  const idsOf = (channel: string): string[] =>
    delivered
      .filter((delivery) => delivery.channel === channel)
      .map(({ publication }) => publication.metadata.message_id)

  const start = (next: Broker): Promise<void> => {
    broker = next
    return broker.start((channel, epoch, publications, texts) => {
      for (const [i, publication] of publications.entries()) {
        delivered.push({ channel, epoch, publication, text: texts?.[i] })
      }
    })
  }

  describe(`${name} as a broker`, () => {
    beforeEach(async () => {
      harness = await make()
      delivered = []
      await start(harness.broker)
    })
    afterEach(() => harness.stop())

    describeLog('order', () => {
      it('gives each channel the offsets 1, 2, 3 … in the order of the calls', async () => {
        const answers = await Promise.all(
          [
            ['chat:a', '1'],
            ['chat:b', '1'],
            ['chat:a', '2'],
            ['chat:a', '3'],
            ['chat:b', '2'],
          ].map(async ([channel, id]) => broker.publish(draft(channel ?? '', id ?? ''))),
        )
        expect(answers.map(({ offset }) => offset)).toEqual([1, 1, 2, 3, 2])
        expect(answers.every(({ duplicate }) => !duplicate)).toBe(true)
      })

      it('orders two writers, however they interleave', async () => {
        let channels = 0
        const property = fc.asyncProperty(
          fc.scheduler(),
          fc.tuple(fc.nat(5), fc.nat(5)),
          async (scheduler, counts) => {
            const channel = `chat:${(channels += 1)}`
            await broker.join(channel)
            const subject = {
              append: async (publication: Publication) => broker.publish(publication),
              read: (range: Range) => broker.history(channel, range),
            }
            const seen = await interleave(scheduler, channel, subject, counts)
            const all = Array.from({ length: counts[0] + counts[1] }, (_, i) => i + 1)
            await soon(() => expect(offsetsOf(channel)).toEqual(all))
            return isOneOrder(seen)
          },
        )
        await expect(fc.assert(property, { numRuns: runs })).resolves.toBeUndefined()
      })
    })

    describe('delivery', () => {
      it('brings publications to those who joined, in order, as they were published', async () => {
        await broker.join('chat:a')
        const ids = Array.from({ length: 100 }, (_, i) => `${i}`)
        await Promise.all(ids.map(async (id) => broker.publish(draft('chat:a', id))))
        await soon(() => expect(idsOf('chat:a')).toEqual(ids))
        const { publication } = delivered.at(0)!
        const { offset, ...metadata } = publication.metadata
        expect({ ...publication, metadata }).toEqual(draft('chat:a', '0'))
        expect(offset === undefined || offset === 1).toBe(true)
      })

      itWithLog('brings the epoch and the offset that the publisher is told', async () => {
        await broker.join('chat:a')
        const { epoch, offset } = await broker.publish(draft('chat:a', '1'))
        await soon(() => expect(delivered).toHaveLength(1))
        expect(delivered.at(0)).toMatchObject({ epoch, publication: { metadata: { offset } } })
        expect(epoch).toMatch(/^[A-Za-z0-9_.-]{1,64}$/)
      })

      it('says as JSON, where it has that at hand, what it brings', async () => {
        await broker.join('chat:a')
        const payload = { text: 'a "quoted" \u2028 🌊 \ud800', list: [null, 1.5, { a: true }] }
        const publication = draft('chat:a', '1', { payload })
        publication.metadata.client_id = 'c'
        await broker.publish(publication)
        await soon(() => expect(delivered).toHaveLength(1))
        const { text, publication: brought } = delivered.at(0)!
        expect(text ?? JSON.stringify(brought)).toBe(JSON.stringify(brought))
      })

      it('brings nothing of channels that nobody joined', async () => {
        await broker.join('chat:b')
        await broker.publish(draft('chat:a', '1'))
        await broker.publish(draft('chat:b', '1'))
        await soon(() => expect(idsOf('chat:b')).toEqual(['1']))
        expect(idsOf('chat:a')).toEqual([])
      })

      it('brings each once after a second join, and none after one leave', async () => {
        await broker.join('chat:a')
        await broker.join('chat:a')
        await broker.join('chat:b')
        await broker.publish(draft('chat:a', '1'))
        await soon(() => expect(idsOf('chat:a')).toEqual(['1']))
        await broker.leave('chat:a')
        await broker.leave('chat:a')
        await broker.publish(draft('chat:a', '2'))
        await broker.publish(draft('chat:b', '1'))
        await soon(() => expect(idsOf('chat:b')).toEqual(['1']))
        expect(idsOf('chat:a')).toEqual(['1'])
      })

      it('brings all channels of a namespace that was joined as `namespace:*`', async () => {
        await broker.join('chat:*')
        await broker.join('chat:b')
        for (const id of ['1', '2']) {
          for (const channel of ['chat:a', 'chat:b']) await broker.publish(draft(channel, id))
        }
        await soon(() => expect(delivered).toHaveLength(4))
        await broker.leave('chat:*')
        for (const channel of ['chat:a', 'chat:b']) await broker.publish(draft(channel, '3'))
        await soon(() => expect(idsOf('chat:b')).toEqual(['1', '2', '3']))
        expect(idsOf('chat:a')).toEqual(['1', '2'])
      })

      itWithLog('comes after the log holds the publication', async () => {
        await harness.stop()
        harness = await make()
        broker = harness.broker
        const newest: Promise<number>[] = []
        await broker.start((channel) => {
          newest.push(broker.history(channel, { limit: 0 }).then((page) => page.newest))
        })
        await broker.join('chat:a')
        await broker.publish(draft('chat:a', '1'))
        await soon(() => expect(newest).toHaveLength(1))
        expect(await newest.at(0)).toBe(1)
      })
    })

    describeLog('identity', () => {
      it('answers a repeated message_id with its first offset and delivers nothing', async () => {
        await broker.join('chat:a')
        const first = await broker.publish(draft('chat:a', 'x'))
        const [again, next] = await Promise.all([
          broker.publish(draft('chat:a', 'x')),
          broker.publish(draft('chat:a', 'y')),
        ])
        expect(again).toEqual({ ...first, duplicate: true })
        expect(next).toMatchObject({ offset: 2, duplicate: false })
        await soon(() => expect(offsetsOf('chat:a')).toEqual([1, 2]))
      })

      it('refuses another payload or type for it, and nothing beside it', async () => {
        await broker.join('chat:a')
        const answers = await Promise.allSettled([
          broker.publish(draft('chat:a', 'x', { payload: { n: 1 } })),
          broker.publish(draft('chat:a', 'x', { payload: { n: 2 } })),
          broker.publish(draft('chat:a', 'x', { type: 'other', payload: { n: 1 } })),
          broker.publish(draft('chat:a', 'y')),
        ])
        expect(answers).toMatchObject([
          { value: { offset: 1 } },
          { reason: { reason: 'conflict' } },
          { reason: { reason: 'conflict' } },
          { value: { offset: 2 } },
        ])
        await soon(() => expect(offsetsOf('chat:a')).toEqual([1, 2]))
      })

      it('takes a payload whose keys stand in another order for the same, and a list for another', async () => {
        await broker.join('chat:a')
        const payload = { a: { b: 1, c: [1, 2] }, d: 2 }
        await broker.publish(draft('chat:a', 'x', { payload }))
        const again = { d: 2, a: { c: [1, 2], b: 1 } }
        expect(await broker.publish(draft('chat:a', 'x', { payload: again }))).toMatchObject({
          offset: 1,
          duplicate: true,
        })
        const other = { ...payload, a: { b: 1, c: [2, 1] } }
        await expect(
          broker.publish(draft('chat:a', 'x', { payload: other })),
        ).rejects.toMatchObject({ reason: 'conflict' })
      })

      it('is one of each channel', async () => {
        await broker.publish(draft('chat:a', 'x', { payload: { n: 1 } }))
        const other = await broker.publish(draft('chat:b', 'x', { payload: { n: 2 } }))
        expect(other).toMatchObject({ offset: 1, duplicate: false })
      })

      it('lasts for five minutes', async () => {
        await broker.publish(draft('chat:a', 'x'))
        await harness.clock.advance(5 * 60_000)
        const again = await broker.publish(draft('chat:a', 'x'))
        await harness.clock.advance(1)
        const anew = await broker.publish(draft('chat:a', 'x'))
        expect([again, anew]).toMatchObject([
          { offset: 1, duplicate: true },
          { offset: 2, duplicate: false },
        ])
      })
    })

    describeLog('replace', () => {
      const TOMBSTONE = { deleted: true }

      it('gives history another payload and delivers nothing', async () => {
        await broker.join('chat:a')
        const published = draft('chat:a', 'x', { type: 'order.created', payload: { n: 1 } })
        const { epoch = '', offset = 0 } = await broker.publish(published)
        expect(await broker.replace('chat:a', { epoch, offset }, TOMBSTONE)).toBe(true)
        await broker.publish(draft('chat:a', 'y'))
        await soon(() => expect(offsetsOf('chat:a')).toEqual([1, 2]))
        // What was delivered stays what it was.
        expect(delivered.at(0)?.publication.payload).toEqual({ n: 1 })
        const { publications } = await broker.history('chat:a', { limit: 1 })
        expect(publications).toEqual([{ ...delivered[0]!.publication, payload: TOMBSTONE }])
      })

      it('leaves a page that was read before as it was', async () => {
        const { epoch = '' } = await broker.publish(draft('chat:a', 'x', { payload: { n: 1 } }))
        const before = await broker.history('chat:a', { limit: 1 })
        await broker.replace('chat:a', { epoch, offset: 1 }, TOMBSTONE)
        expect(before.publications[0]?.payload).toEqual({ n: 1 })
      })

      it('finds nothing where the log holds nothing, or has another epoch', async () => {
        const { epoch = '' } = await broker.publish(draft('chat:a', 'x'))
        const missed = [
          broker.replace('chat:a', { epoch, offset: 0 }, TOMBSTONE),
          broker.replace('chat:a', { epoch, offset: 2 }, TOMBSTONE),
          broker.replace('chat:a', { epoch: 'another', offset: 1 }, TOMBSTONE),
          broker.replace('chat:b', { epoch, offset: 1 }, TOMBSTONE),
        ]
        expect(await Promise.all(missed)).toEqual([false, false, false, false])
        expect(await broker.history('chat:b', { limit: 0 })).toMatchObject({ newest: 0 })
      })

      it('makes a duplicate of whatever repeats its message_id', async () => {
        const first = await broker.publish(draft('chat:a', 'x', { payload: { n: 1 } }))
        const { epoch = '' } = first
        await broker.replace('chat:a', { epoch, offset: 1 }, TOMBSTONE)
        for (const payload of [{ n: 1 }, { n: 2 }, TOMBSTONE]) {
          expect(await broker.publish(draft('chat:a', 'x', { payload }))).toEqual({
            ...first,
            duplicate: true,
          })
        }
        await broker.publish(draft('chat:a', 'y', { payload: { n: 1 } }))
        await expect(
          broker.publish(draft('chat:a', 'y', { payload: { n: 2 } })),
        ).rejects.toMatchObject({ reason: 'conflict' })
      })
    })

    describeLog('history', () => {
      it('is empty where nobody published, of the epoch that the first publish has', async () => {
        await broker.join('chat:a')
        const { texts: _, ...page } = await broker.history('chat:a', { limit: 10 })
        const { epoch } = await broker.publish(draft('chat:a', '1'))
        expect(page).toEqual({ epoch, oldest: 1, newest: 0, publications: [], more: false })
      })

      it('holds what was delivered', async () => {
        await broker.join('chat:a')
        await broker.publish(draft('chat:a', '1', { payload: { text: 'Grüße 🌊' } }))
        await broker.publish(draft('chat:a', '2', { type: 'order.created' }))
        await soon(() => expect(delivered).toHaveLength(2))
        const { publications } = await broker.history('chat:a', { limit: 10 })
        expect(publications).toEqual(delivered.map(({ publication }) => publication))
      })

      it('comes in pages that end early when publications are large', async () => {
        const text = 'x'.repeat(50_000)
        for (let i = 1; i <= 6; i++)
          await broker.publish(draft('chat:a', `${i}`, { payload: { text } }))
        expect(extentOf(await broker.history('chat:a', { after: 0, limit: 500 }))).toEqual({
          offsets: [1, 2, 3],
          more: true,
        })
        expect(extentOf(await broker.history('chat:a', { before: 7, limit: 500 }))).toEqual({
          offsets: [4, 5, 6],
          more: true,
        })
      })

      it('behaves as an array does, whatever is asked of it', async () => {
        let channels = 0
        const restart = harness.restart?.bind(harness)
        const property = fc.asyncProperty(
          channelCommands({ trim: false, restart: restart !== undefined }),
          async (commands) => {
            const channel = `chat:${(channels += 1)}`
            await broker.join(channel)
            const real = {
              clock: harness.clock,
              append: async (publication: Publication) => broker.publish(publication),
              read: (range: Range) => broker.history(channel, range),
              replace: (position: Position, payload: JsonObject) =>
                broker.replace(channel, position, payload),
              ...(restart && {
                restart: async () => {
                  await start(await restart())
                  await broker.join(channel)
                },
              }),
            }
            const model = new ChannelModel(channel, harness.retention)
            await fc.asyncModelRun(() => ({ model, real }), commands)
            const all = model.entries.map((_, i) => i + 1)
            await soon(() => expect(offsetsOf(channel)).toEqual(all))
          },
        )
        await expect(fc.assert(property, { numRuns: runs })).resolves.toBeUndefined()
      })
    })

    describe('stop', () => {
      it('waits until every accepted publish was answered', async () => {
        let answered = 0
        const publish = async (id: string): Promise<void> => {
          await broker.publish(draft('chat:a', id))
          answered += 1
        }
        for (let i = 0; i < 100; i++) void publish(`${i}`)
        await broker.stop()
        expect(answered).toBe(100)
      })

      itWithLog('waits until every accepted replacement was answered', async () => {
        const { epoch = '' } = await broker.publish(draft('chat:a', 'x'))
        let answered = false
        void broker.replace('chat:a', { epoch, offset: 1 }, {}).then(() => (answered = true))
        await broker.stop()
        expect(answered).toBe(true)
      })
    })
  })
}
