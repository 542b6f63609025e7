import * as fc from 'fast-check'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryBroker } from '../brokers/memory.ts'
import {
  ADA,
  CoreHarness,
  Counting,
  frame,
  Lossy,
  message,
  Paged,
  Shuffled,
} from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import type { Core } from './core.ts'

let harness: CoreHarness
let clock: FakeClock
let core: Core

beforeEach(async () => {
  harness = await CoreHarness.start()
  clock = harness.clock
  core = harness.core
})

describe('a subscription', () => {
  it('does not deliver to who subscribed later in the turn what its marker already covers', async () => {
    const writer = harness.connect()
    const early = harness.connect()
    early.session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    writer.session.receive(message('x', 'm1'))
    const late = harness.connect()
    late.session.receive(frame('subscribe', { channel: 'chat:a' }))
    writer.session.receive(message('x', 'm2'))
    await clock.settle()
    const start = late.connection.of('subscribed')[0]?.payload['offset'] as number
    const expected = [1, 2].filter((offset) => offset > start)
    expect(late.connection.offsets).toEqual(expected)
    expect(early.connection.offsets).toEqual([1, 2])
  })

  it('recovers what was missed since a position', async () => {
    await harness.publishMany(5)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a', since: { epoch, offset: 2 } }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({ offset: 2, recovered: true })
    expect(connection.offsets).toEqual([3, 4, 5])
  })

  it.each([
    ['expired', (epoch: string) => ({ epoch, offset: 2 })],
    ['epoch_changed', () => ({ epoch: 'another', offset: 140 })],
  ])('says `%s` when it cannot recover', async (reason, since) => {
    await harness.publishMany(150)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a', since: since(epoch) }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({
      offset: 150,
      recovered: false,
      reason,
      oldest: 51,
    })
    expect(connection.offsets).toEqual([])
  })

  it('starts after a told gap for who may not read the history', async () => {
    await harness.publishMany(3)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    await harness.add('chat', harness.broker, { history: 'server' })
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a', since: { epoch, offset: 1 } }))
    session.receive(frame('subscribe', { channel: 'chat:b', last: 1 }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({
      offset: 3,
      recovered: false,
      reason: 'expired',
    })
    expect(connection.offsets).toEqual([])
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4011 })
  })

  it('begins with the last ones when asked', async () => {
    await harness.publishMany(5)
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a', last: 2 }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({ offset: 3, recovered: false })
    expect(connection.offsets).toEqual([4, 5])
  })

  it('stops delivering after unsubscribed', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    session.receive(frame('unsubscribe', { channel: 'chat:a' }))
    session.receive(message('x', 'm1'))
    await clock.settle()
    expect(connection.of('unsubscribed')).toHaveLength(1)
    expect(connection.of('message')).toHaveLength(0)
  })

  it('reads history only while the connection has room', async () => {
    await harness.publishMany(50)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    await harness.add('paged', new Paged(harness.broker, 10))
    const { session, connection } = harness.connect()
    connection.waiting = 501
    session.receive(frame('subscribe', { channel: 'paged:a', since: { epoch, offset: 0 } }))
    session.receive(frame('history', { channel: 'chat:a' }))
    await clock.settle()
    const before = connection.frames.length
    connection.drain()
    await clock.settle()
    expect(connection.frames.slice(0, before).map(({ type }) => type)).toEqual([
      'connection_established',
    ])
    expect(connection.offsets).toHaveLength(50)
    expect(connection.of('history')).toHaveLength(1)
  })

  it('reads one page at a time, however many are asked for at once', async () => {
    const counting = new Counting(harness.broker)
    await harness.add('counted', counting)
    const { session, connection } = harness.connect()
    for (let i = 0; i < 20; i++) session.receive(frame('history', { channel: 'counted:a' }))
    await clock.settle()
    expect(connection.of('history')).toHaveLength(20)
    expect(counting.most).toBe(1)
  })
})

describe('mode latest', () => {
  it('delivers the newest of each key once in an interval', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a', mode: 'latest', interval_ms: 100 }))
    await clock.settle()
    for (let i = 0; i < 10; i++) {
      await core.publish(ADA, {
        channel: 'chat:a',
        type: 'price',
        payload: { key: `k${i % 2}`, i },
      })
      await clock.settle()
    }
    expect(connection.of('price')).toHaveLength(1)
    await clock.advance(100)
    expect(connection.offsets).toEqual([1, 9, 10])
    await clock.advance(1_000)
    expect(connection.offsets).toEqual([1, 9, 10])
  })

  it('delivers before a reset what it held back, and nothing older after it', async () => {
    const log = new MemoryBroker({ clock, newId: () => 'x', retention: { max_entries: 1 } })
    await harness.add('tiny', new Lossy(log))
    await harness.publishMany(2, 'tiny:a')
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'tiny:a', mode: 'latest', interval_ms: 100 }))
    await clock.settle()
    // 3 leaves at once, 4 waits for the interval, 5 is lost on the bus and in the log.
    for (let i = 0; i < 5; i++) {
      await harness.publishMany(1, 'tiny:a')
      await clock.settle()
    }
    await clock.advance(1_000)
    const told = connection.frames.slice(2).map(({ type, payload, metadata }) => {
      return type === 'reset' ? payload : metadata.offset
    })
    expect(told).toMatchObject([3, 4, { offset: 6, reason: 'expired' }, 7])
  })
})

describe('a bus that takes time to join', () => {
  class Slow extends Lossy {
    joined: () => void = () => undefined

    override join(): Promise<void> {
      return new Promise((resolve) => {
        this.joined = resolve
      })
    }
  }

  it.each(['none', 'memory'] as const)(
    'does not bring back a subscription that was left meanwhile, with durability `%s`',
    async (durability) => {
      const bus = new Slow(harness.broker)
      await harness.add('slow', bus, { durability })
      const { session, connection } = harness.connect()
      session.receive(frame('subscribe', { channel: 'slow:a' }, { message_id: 's' }))
      session.receive(frame('unsubscribe', { channel: 'slow:a' }))
      bus.joined()
      await clock.settle()
      await harness.publishMany(1, 'slow:a')
      await clock.settle()
      expect(connection.frames.slice(1)).toMatchObject([
        { type: 'unsubscribed' },
        { type: 'error', payload: { code: 4013 }, metadata: { correlation_id: 's' } },
      ])
    },
  )
})

describe('what is missed while the log is read', () => {
  it('is read before the subscription goes live', async () => {
    const reads: (() => void)[] = []
    class Late extends Lossy {
      override async history(...args: Parameters<Lossy['history']>): ReturnType<Lossy['history']> {
        const page = await super.history(...args)
        await new Promise<void>((resolve) => reads.push(resolve))
        return page
      }

      // Nothing comes over the bus.
      protected override pass(): void {
        this.dropped += 1
      }
    }
    await harness.add('late', new Late(harness.broker))
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'late:a' }))
    await clock.settle()
    await harness.publishMany(1, 'late:a')
    await clock.advance(5_000)
    // Missed by now, and the page that is still on its way was read before it.
    for (let i = 0; i < 3; i++) {
      for (const read of reads.splice(0)) read()
      await clock.settle()
    }
    expect(connection.offsets).toEqual([1])
  })
})

describe('a gap on the bus', () => {
  it('is healed from the log without a reset', async () => {
    const lossy = new Lossy(harness.broker)
    await harness.add('lossy', lossy)
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'lossy:a' }))
    await clock.settle()
    for (let i = 0; i < 10; i++) {
      await core.publish(ADA, { channel: 'lossy:a', type: 'message', payload: { i } })
      await clock.settle()
    }
    expect(lossy.dropped).toBeGreaterThan(0)
    expect(connection.of('reset')).toHaveLength(0)
    expect(connection.offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('is healed whatever the bus does: any order, doubles and losses', async () => {
    const faults = fc.array(
      fc.record({ copies: fc.constantFrom(0, 1, 1, 1, 2), later: fc.nat(4) }),
      { minLength: 1, maxLength: 30 },
    )
    let channels = 0
    const property = fc.asyncProperty(faults, async (plan) => {
      const shuffled = new Shuffled(harness.broker, plan)
      await harness.add('shuffled', shuffled)
      const channel = `shuffled:${(channels += 1)}`
      const { session, connection } = harness.connect()
      session.receive(frame('subscribe', { channel }))
      await clock.settle()
      for (let i = 0; i < plan.length; i++) {
        await harness.publishMany(1, channel)
        shuffled.step()
        await clock.settle()
      }
      shuffled.stepToEnd()
      await clock.advance(5_000)
      session.closed(1000)
      expect(connection.offsets).toEqual(plan.map((_, i) => i + 1))
      expect(connection.of('reset')).toHaveLength(0)
    })
    await expect(fc.assert(property, { numRuns: 300 })).resolves.toBeUndefined()
  })

  it('is found within five seconds when nothing follows it', async () => {
    await harness.add('lossy', new Lossy(harness.broker))
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'lossy:a' }))
    await clock.settle()
    await harness.publishMany(2, 'lossy:a')
    await clock.settle()
    const before = connection.offsets
    await clock.advance(5_000)
    expect(before).toEqual([1])
    expect(connection.offsets).toEqual([1, 2])
    expect(connection.of('reset')).toHaveLength(0)
  })

  it('becomes a reset when the log no longer holds it', async () => {
    const lossy = new Lossy(
      new MemoryBroker({ clock, newId: () => 'x', retention: { max_entries: 1 } }),
    )
    await harness.add('tiny', lossy)
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'tiny:a' }))
    await clock.settle()
    for (let i = 0; i < 4; i++) {
      await core.publish(ADA, { channel: 'tiny:a', type: 'message', payload: { i } })
      await clock.settle()
    }
    const reset = connection.of('reset')[0]
    expect(reset?.payload).toMatchObject({ channel: 'tiny:a', reason: 'expired' })
    const after = connection.frames.slice(connection.frames.indexOf(reset!) + 1)
    expect(
      after.every(({ metadata }) => metadata.offset! > (reset!.payload['offset'] as number)),
    ).toBe(true)
  })
})
