import type { Publication } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import { Conflation, Conflations } from './conflation.ts'
import { type Batch, ChannelBatch } from './ports/batch.ts'

const INTERVAL_MS = 100

let clock: FakeClock
let conflations: Conflations

beforeEach(() => {
  clock = new FakeClock()
  conflations = new Conflations(clock)
})

/** Publications from `first` on, one of each key. */
function batch(first: number, ...keys: string[]): ChannelBatch {
  const publications = keys.map((key, i): Publication => {
    const metadata = { message_id: '', timestamp: '', channel: 'live:a', offset: first + i }
    return { type: 'price', payload: { key }, metadata }
  })
  return new ChannelBatch('live:a', 'e', publications)
}

function watcher(): { conflation: Conflation; got: Batch[]; offsets: () => unknown[] } {
  const got: Batch[] = []
  const conflation = new Conflation(conflations, INTERVAL_MS, (newest) => got.push(newest))
  const offsets = (): unknown[] =>
    got.map(({ envelopes }) => envelopes.map(({ metadata }) => metadata.offset))
  return { conflation, got, offsets }
}

describe('conflation', () => {
  it('gives those who got the same one batch, made once', async () => {
    const watchers = [watcher(), watcher(), watcher()]
    const add = (added: ChannelBatch): void => {
      for (const { conflation } of watchers) conflation.add(added)
    }
    const first = batch(1, 'a')
    add(first)
    add(batch(2, 'a', 'b', 'a'))
    add(batch(5, 'c'))
    await clock.advance(INTERVAL_MS)
    add(batch(6, 'a'))
    add(batch(7, 'a'))
    await clock.advance(INTERVAL_MS)
    const [one, two, three] = watchers
    expect(one!.offsets()).toEqual([[1], [3, 4, 5], [7]])
    expect(one!.got[0]).toBe(first)
    for (const [i, newest] of one!.got.entries()) {
      expect(two!.got[i]).toBe(newest)
      expect(three!.got[i]).toBe(newest)
    }
  })

  it('gives who came later, or missed something, what is his own', async () => {
    const [early, late, missing] = [watcher(), watcher(), watcher()]
    const batches = [batch(1, 'a'), batch(2, 'a'), batch(3, 'b'), batch(4, 'c')]
    for (const [i, added] of batches.entries()) {
      early.conflation.add(added)
      if (i > 0) late.conflation.add(added)
      if (i !== 2) missing.conflation.add(added)
    }
    await clock.advance(INTERVAL_MS)
    expect(early.offsets()).toEqual([[1], [2, 3, 4]])
    expect(late.offsets()).toEqual([[2], [3, 4]])
    expect(missing.offsets()).toEqual([[1], [2, 4]])
  })

  it('delivers the first after silence at once, and what follows it an interval later', async () => {
    const { conflation, offsets } = watcher()
    conflation.add(batch(1, 'a'))
    await clock.advance(INTERVAL_MS)
    await clock.advance(INTERVAL_MS)
    conflation.add(batch(2, 'a'))
    conflation.add(batch(3, 'a'))
    const before = offsets()
    await clock.advance(INTERVAL_MS - 1)
    expect([before, offsets()]).toEqual([
      [[1], [2]],
      [[1], [2]],
    ])
    await clock.advance(1)
    expect(offsets()).toEqual([[1], [2], [3]])
  })

  it('finds the newest of each key however many came', async () => {
    const { conflation, offsets } = watcher()
    conflation.add(batch(1, 'first'))
    for (let i = 0; i < 500; i++) conflation.add(batch(2 + 2 * i, `key ${i % 10}`, 'same'))
    await clock.advance(INTERVAL_MS)
    const newest = Array.from({ length: 10 }, (_, i) => 982 + 2 * i)
    expect(offsets()).toEqual([[1], [...newest, 1001]])
  })

  it('does not wait with more keys than it holds', () => {
    const { conflation, offsets } = watcher()
    let offset = 1
    while (offsets().length < 2 && offset < 50_000) conflation.add(batch(offset, `${offset++}`))
    const [, early] = offsets() as [unknown, number[]]
    expect(early.length).toBeGreaterThan(10_000)
    expect(early.length).toBeLessThan(25_000)
  })

  it('delivers nothing more once it ended', async () => {
    const { conflation, offsets } = watcher()
    conflation.add(batch(1, 'a'))
    conflation.add(batch(2, 'a'))
    conflation.end()
    await clock.advance(INTERVAL_MS)
    expect(offsets()).toEqual([[1]])
  })
})
