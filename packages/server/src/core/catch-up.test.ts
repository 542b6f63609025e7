import type { Publication } from '@tidewire/protocol'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Held, judge, lostReason, startOfLast } from './catch-up.ts'
import { ChannelBatch } from './ports/batch.ts'
import type { Page } from './ports/broker.ts'

function batch(first: number, last: number, epoch = 'e'): ChannelBatch {
  const publications: Publication[] = []
  for (let offset = first; offset <= last; offset++) {
    publications.push({
      type: 'message',
      payload: {},
      metadata: { message_id: `m${offset}`, timestamp: '', channel: 'chat:a', offset },
    })
  }
  return new ChannelBatch('chat:a', epoch, publications)
}

function page(oldest: number, newest: number, epoch = 'e'): Page {
  return { epoch, oldest, newest, publications: [], more: false }
}

describe('judge', () => {
  it.each([
    ['the next one', 6, 8, 'deliver'],
    ['one that begins below and ends above', 4, 8, 'overlap'],
    ['one that ends where the reader stands', 3, 5, 'duplicate'],
    ['one that begins behind a hole', 7, 8, 'gap'],
  ])('calls %s by its name', (_, first, last, verdict) => {
    expect(judge({ epoch: 'e', offset: 5 }, batch(first, last))).toBe(verdict)
  })

  it('sees a gap in another epoch, whatever its offsets', () => {
    expect(judge({ epoch: 'e', offset: 5 }, batch(6, 6, 'other'))).toBe('gap')
  })

  it('delivers everything in a channel without a log', () => {
    expect(judge(undefined, new ChannelBatch('signal:a', undefined, []))).toBe('deliver')
  })
})

describe('lostReason', () => {
  it.each([
    ['stands at the end', 10, undefined],
    ['stands just below the oldest', 4, undefined],
    ['stands one further down', 3, 'expired'],
    ['stands above the end', 11, 'epoch_changed'],
  ])('of a reader that %s', (_, offset, reason) => {
    expect(lostReason({ epoch: 'e', offset }, page(5, 10))).toBe(reason)
  })

  it('is the epoch when that changed', () => {
    expect(lostReason({ epoch: 'old', offset: 7 }, page(5, 10))).toBe('epoch_changed')
  })
})

describe('startOfLast', () => {
  it('does not reach below what the log holds', () => {
    expect(startOfLast(3, page(5, 10)).offset).toBe(7)
    expect(startOfLast(100, page(5, 10)).offset).toBe(4)
    expect(startOfLast(0, page(5, 10)).offset).toBe(10)
    expect(startOfLast(5, page(1, 0)).offset).toBe(0)
  })
})

describe('what is held while a subscription reads', () => {
  it('is handed over from where the log ended, each offset once', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 20 }),
        fc.nat(60),
        (sizes, at) => {
          const held = new Held(1_000)
          let top = 0
          for (const size of sizes) {
            held.add(batch(top + 1, top + size))
            top += size
          }
          const { batches, complete } = held.take({ epoch: 'e', offset: at })
          const offsets = batches.flatMap((b) => b.publications.map((p) => p.metadata.offset))
          const expected = Array.from({ length: Math.max(0, top - at) }, (_, i) => at + i + 1)
          expect(offsets).toEqual(expected)
          expect(complete).toBe(true)
        },
      ),
    )
  })

  it('is not complete when it begins behind a hole', () => {
    const held = new Held(100)
    held.add(batch(5, 6))
    expect(held.take({ epoch: 'e', offset: 3 })).toEqual({ batches: [], complete: false })
    expect(held.take({ epoch: 'e', offset: 4 }).complete).toBe(true)
  })

  it('asks for a further read when it was let go for its size', () => {
    const held = new Held(3)
    held.add(batch(1, 2))
    held.add(batch(3, 5))
    expect(held.take({ epoch: 'e', offset: 0 })).toEqual({ batches: [], complete: false })
    expect(held.take({ epoch: 'e', offset: 5 }).complete).toBe(true)
  })

  it('forgets batches of an epoch that a later read no longer knows', () => {
    const held = new Held(100)
    held.add(batch(1, 2, 'old'))
    expect(held.take({ epoch: 'new', offset: 0 }).complete).toBe(false)
    held.dropStale(1, 'new')
    expect(held.take({ epoch: 'new', offset: 0 })).toEqual({ batches: [], complete: true })
  })

  it('keeps batches that came after the read began', () => {
    const held = new Held(100)
    held.add(batch(1, 1, 'new'))
    held.dropStale(0, 'old')
    expect(held.length).toBe(1)
  })
})
