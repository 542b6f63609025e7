import { describe, expect, it } from 'vitest'
import { brokerContract } from '../../contract/broker.contract.ts'
import { draft } from '../../contract/channel-model.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { HotMemory } from './hot-memory.ts'
import { DEFAULT_MEMORY_LIMITS, MemoryBroker, type MemoryLimits } from './memory.ts'

const RETENTION = { max_entries: 10, max_age_ms: 5 * 60_000 }

brokerContract(
  'memory',
  () => {
    const clock = new FakeClock()
    const broker = new MemoryBroker({ clock, retention: RETENTION, newId: () => 'life' })
    return { broker, clock, retention: RETENTION, stop: () => broker.stop() }
  },
  { keepsLog: true, runs: 100 },
)

async function start(limits: Partial<MemoryLimits> = {}): Promise<{
  broker: MemoryBroker
  clock: FakeClock
}> {
  const clock = new FakeClock()
  const broker = new MemoryBroker({
    clock,
    newId: () => 'life',
    limits: { ...DEFAULT_MEMORY_LIMITS, ...limits },
  })
  await broker.start(() => undefined)
  return { broker, clock }
}

const epochOf = async (broker: MemoryBroker, channel: string): Promise<string> =>
  (await broker.history(channel, { limit: 0 })).epoch

describe('the hot log', () => {
  it('keeps 1,000 entries by default', async () => {
    const { broker } = await start()
    for (let i = 0; i < 2500; i++) await broker.publish(draft('live:a', `${i}`))
    const page = await broker.history('live:a', { limit: 2000 })
    expect(page).toMatchObject({ oldest: 1501, newest: 2500 })
    expect(page.publications.map(({ metadata }) => metadata.offset)).toEqual(
      Array.from({ length: 1000 }, (_, i) => 1501 + i),
    )
  })

  it('keeps entries for five minutes by default', async () => {
    const { broker, clock } = await start()
    await broker.publish(draft('live:a', '1'))
    await clock.advance(60_000)
    await broker.publish(draft('live:a', '2'))
    await clock.advance(4 * 60_000 + 1)
    expect(await broker.history('live:a', { limit: 10 })).toMatchObject({ oldest: 2, newest: 2 })
    await clock.advance(60_000)
    expect(await broker.history('live:a', { limit: 10 })).toMatchObject({ oldest: 3, newest: 2 })
  })

  it('measures a page by the payloads that are there now', async () => {
    const { broker } = await start()
    const payload = { text: 'x'.repeat(100_000) }
    for (const id of ['1', '2', '3']) await broker.publish(draft('live:a', id, { payload }))
    expect((await broker.history('live:a', { limit: 10 })).publications).toHaveLength(2)
    const epoch = await epochOf(broker, 'live:a')
    await broker.replace('live:a', { epoch, offset: 1 }, {})
    await broker.replace('live:a', { epoch, offset: 2 }, {})
    expect((await broker.history('live:a', { limit: 10 })).publications).toHaveLength(3)
  })

  it('replaces nothing that is too old', async () => {
    const { broker, clock } = await start()
    const { epoch = '' } = await broker.publish(draft('live:a', '1'))
    await clock.advance(5 * 60_000)
    expect(await broker.replace('live:a', { epoch, offset: 1 }, {})).toBe(true)
    await clock.advance(1)
    expect(await broker.replace('live:a', { epoch, offset: 1 }, {})).toBe(false)
  })

  it('gives every channel an epoch of its own', async () => {
    const { broker } = await start()
    expect(await epochOf(broker, 'live:a')).not.toBe(await epochOf(broker, 'live:b'))
  })

  it('forgets the channel unused for longest rather than what was just published', async () => {
    const { broker } = await start({ entries: 10 })
    for (let i = 0; i < 8; i++) await broker.publish(draft('live:a', `${i}`))
    for (let i = 0; i < 5; i++) await broker.publish(draft('live:b', `${i}`))
    expect(await broker.history('live:b', { limit: 0 })).toMatchObject({ oldest: 1, newest: 5 })
    expect(await broker.history('live:a', { limit: 0 })).toMatchObject({ oldest: 1, newest: 0 })
  })

  it('drops the oldest of a channel that fills the broker alone', async () => {
    const { broker } = await start({ entries: 10 })
    broker.join('live:a')
    for (let i = 0; i < 15; i++) await broker.publish(draft('live:a', `${i}`))
    expect(await broker.history('live:a', { limit: 0 })).toMatchObject({ oldest: 6, newest: 15 })
  })
})

describe('the memory of all logs', () => {
  const LARGE = { payload: { text: 'x'.repeat(50_000) } }
  const BOUND = 4 * 2 ** 20

  async function brokers(count: number): Promise<{ memory: HotMemory; brokers: MemoryBroker[] }> {
    const memory = new HotMemory(BOUND)
    const all = Array.from({ length: count }, () => {
      return new MemoryBroker({ clock: new FakeClock(), newId: () => 'life', memory })
    })
    for (const broker of all) await broker.start(() => undefined)
    return { memory, brokers: all }
  }

  it('is bounded over the channels that somebody fills, and leaves those that are small', async () => {
    const { memory, brokers: all } = await brokers(2)
    const [small, full] = all
    small!.join('chat:a')
    for (let i = 0; i < 20; i++) await small!.publish(draft('chat:a', `${i}`))
    await small!.publish(draft('chat:idle', '1'))
    full!.join('live:a')
    for (let i = 0; i < 400; i++) {
      await full!.publish(draft(`live:${'abc'[i % 3]}`, `${i}`, LARGE))
      expect(memory.used).toBeLessThanOrEqual(BOUND)
    }
    expect(await small!.history('chat:a', { limit: 0 })).toMatchObject({ oldest: 1, newest: 20 })
    expect(await small!.history('chat:idle', { limit: 0 })).toMatchObject({ oldest: 1, newest: 1 })
    const { publications, oldest, newest } = await full!.history('live:a', { limit: 1 })
    expect(newest).toBe(134)
    expect(oldest).toBeGreaterThan(80)
    expect(publications[0]?.metadata.offset).toBe(oldest)
  })

  it('is bounded over channels that hold one entry each', async () => {
    const { memory, brokers: all } = await brokers(1)
    for (let i = 0; i < 200; i++) {
      all[0]!.join(`live:${i}`)
      await all[0]!.publish(draft(`live:${i}`, '1', LARGE))
    }
    expect(memory.used).toBeLessThanOrEqual(BOUND)
    expect(await all[0]!.history('live:0', { limit: 1 })).toMatchObject({ oldest: 2, newest: 1 })
    expect(await all[0]!.history('live:199', { limit: 1 })).toMatchObject({ oldest: 1, newest: 1 })
  })

  it('is bounded when entries become larger', async () => {
    const { memory, brokers: all } = await brokers(1)
    for (let i = 0; i < 100; i++) await all[0]!.publish(draft('live:a', `${i}`))
    const epoch = await epochOf(all[0]!, 'live:a')
    for (let offset = 1; offset <= 100; offset++) {
      await all[0]!.replace('live:a', { epoch, offset }, LARGE.payload)
    }
    expect(memory.used).toBeLessThanOrEqual(BOUND)
    expect(await all[0]!.history('live:a', { limit: 0 })).toMatchObject({ newest: 100 })
  })

  it('is given back by channels that are forgotten', async () => {
    const { memory, brokers: all } = await brokers(1)
    const clock = new FakeClock()
    const broker = new MemoryBroker({ clock, newId: () => 'life', memory, retention: {} })
    await broker.start(() => undefined)
    await broker.publish(draft('live:a', '1', LARGE))
    await all[0]!.publish(draft('live:b', '1'))
    const before = memory.used
    await clock.advance(2 * 60 * 60_000)
    expect(memory.used).toBeLessThan(before - 50_000)
    expect(memory.used).toBeGreaterThan(0)
  })
})

describe('a channel without subscribers', () => {
  it('is forgotten after an hour without use, and comes back with a new epoch', async () => {
    const { broker, clock } = await start()
    await broker.publish(draft('live:a', '1'))
    const before = await epochOf(broker, 'live:a')
    await clock.advance(59 * 60_000)
    expect(await epochOf(broker, 'live:a')).toBe(before)
    await clock.advance(62 * 60_000)
    const page = await broker.history('live:a', { limit: 0 })
    expect(page).toMatchObject({ oldest: 1, newest: 0 })
    expect(page.epoch).not.toBe(before)
  })

  it('is forgotten sooner when there are too many, the longest unused first', async () => {
    const { broker } = await start({ idle_channels: 2 })
    const epochs = {
      a: (await broker.publish(draft('live:a', '1'))).epoch,
      b: (await broker.publish(draft('live:b', '1'))).epoch,
    }
    await broker.history('live:a', { limit: 0 })
    await broker.publish(draft('live:c', '1'))
    expect(await epochOf(broker, 'live:a')).toBe(epochs.a)
    expect(await epochOf(broker, 'live:b')).not.toBe(epochs.b)
  })

  it('is kept while somebody is subscribed', async () => {
    const { broker, clock } = await start({ idle_channels: 1 })
    broker.join('live:a')
    const before = await epochOf(broker, 'live:a')
    for (const other of ['b', 'c', 'd']) await broker.publish(draft(`live:${other}`, '1'))
    await clock.advance(3 * 60 * 60_000)
    expect(await epochOf(broker, 'live:a')).toBe(before)
  })
})

describe('message ids', () => {
  it('are forgotten in halves above the bound of a channel', async () => {
    const { broker } = await start({ ids_per_channel: 10 })
    for (let i = 0; i < 25; i++) await broker.publish(draft('live:a', `${i}`))
    expect(await broker.publish(draft('live:a', '24'))).toMatchObject({ duplicate: true })
    expect(await broker.publish(draft('live:a', '10'))).toMatchObject({ duplicate: true })
    expect(await broker.publish(draft('live:a', '9'))).toMatchObject({ duplicate: false })
  })

  it('are forgotten sooner when all channels together remember too many', async () => {
    const { broker } = await start({ ids: 10 })
    for (let i = 0; i < 10; i++) await broker.publish(draft('live:a', `${i}`))
    await broker.publish(draft('live:a', 'next'))
    await broker.publish(draft('live:a', 'after next'))
    expect(await broker.publish(draft('live:a', 'after next'))).toMatchObject({ duplicate: true })
    expect(await broker.publish(draft('live:a', '0'))).toMatchObject({ duplicate: false })
  })
})
