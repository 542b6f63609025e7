import type { Publication } from '@tidewire/client'
import { array, assert, nat, property } from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  acknowledged,
  delivered,
  EMPTY,
  interrupted,
  loaded,
  type Message,
  type MessageList,
  type Page,
  pinned,
  prepended,
  sending,
  toMessage,
} from './message-list.ts'

const LIMIT = 1000

function publication(offset: number, id = `m${offset}`): Publication {
  return {
    type: 'message',
    payload: {},
    metadata: {
      message_id: id,
      timestamp: '2026-11-20T12:00:00.000Z',
      channel: 'chat:general',
      offset,
    },
  }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => from + index)
}

function page(from: number, to: number, oldest = 1, epoch = 'e1'): Page {
  const publications = range(from, to).map((offset) => publication(offset))
  return { epoch, oldest, newest: to, publications, more: from > oldest }
}

const live = (...offsets: number[]): Message[] => offsets.map((o) => toMessage(publication(o)))
const offsets = (list: MessageList): unknown[] => list.log.map(({ offset }) => offset)
const own = (id: string): Message => ({
  ...toMessage(publication(0, id)),
  offset: undefined,
  state: 'pending',
})

describe('a list of messages', () => {
  it('joins the newest page with what was delivered while it was on its way', () => {
    const waiting = delivered(EMPTY, live(5, 6, 7), LIMIT)
    expect(offsets(loaded(waiting, page(3, 6)))).toEqual([3, 4, 5, 6, 7])
  })

  it('shows every message once and in order, wherever the page was cut and however it was batched', () => {
    assert(
      property(
        nat(40),
        nat(40),
        nat(40),
        array(nat(3), { maxLength: 30 }),
        (size, read, start, batches) => {
          // Live from `start` on; the page was read when the log had grown to `newest`.
          const newest = start + read
          let list = EMPTY
          let next = start + 1
          let isLoaded = false
          for (const batch of [...batches, newest]) {
            list = delivered(list, live(...range(next, next + batch - 1)), LIMIT)
            next += batch
            if (!isLoaded && next > newest) {
              list = loaded(list, page(Math.max(1, newest - size + 1), newest))
              isLoaded = true
            }
          }
          const first = list.log[0]?.offset ?? 1
          expect(offsets(list)).toEqual(range(first, first + list.log.length - 1))
          expect(list.log.at(-1)?.offset ?? 0).toBe(next - 1)
        },
      ),
    )
  })

  it('keeps the first of two entries with one message_id', () => {
    const list = loaded(EMPTY, page(1, 2))
    const again = toMessage(publication(3, 'm1'))
    expect(offsets(delivered(list, [again], LIMIT))).toEqual([1, 2])
  })

  it('puts an older page before the first message', () => {
    const list = prepended(loaded(EMPTY, page(51, 60)), page(41, 50))
    expect(offsets(list)).toEqual(range(41, 60))
    expect(list.hasMore).toBe(true)
    expect(prepended(list, page(1, 40)).hasMore).toBe(false)
  })

  it('ignores an older page of another epoch', () => {
    const list = loaded(EMPTY, page(51, 60))
    expect(prepended(list, page(41, 50, 1, 'e2'))).toBe(list)
  })

  it('lets the oldest go beyond its limit and says that there is more', () => {
    const list = delivered(loaded(EMPTY, page(1, 3)), live(4, 5), 4)
    expect(offsets(list)).toEqual([2, 3, 4, 5])
    expect(list.hasMore).toBe(true)
  })

  it('lets the newest go beyond its limit while the reader is further up', () => {
    const back = pinned(prepended(loaded(EMPTY, page(3, 5)), page(1, 2)), true)
    const list = delivered(back, live(6, 7), 6)
    expect(offsets(list)).toEqual(range(1, 6))
    expect(list.behind).toBe(true)
    // After a hole nothing may follow: the newest page brings back what is missing.
    expect(offsets(delivered(list, live(8), 6))).toEqual(range(1, 6))
    const after = loaded(interrupted(pinned(list, false)), page(6, 8))
    expect(after).toMatchObject({ behind: false, reset: undefined })
    expect(offsets(after)).toEqual(range(1, 8))
  })

  it('is replaced by the newest page after a reset that left a hole, and marks it', () => {
    const reset = { epoch: 'e1', offset: 90, reason: 'expired' } as const
    const list = interrupted(loaded(EMPTY, page(1, 10)), reset)
    expect(offsets(list)).toEqual(range(1, 10))
    const after = loaded(delivered(list, live(91, 92), LIMIT), page(81, 91, 70))
    expect(offsets(after)).toEqual(range(81, 92))
    expect(after).toMatchObject({ reset, hasMore: true, oldest: 70 })
  })

  it('marks no hole when the newest page reaches what is there', () => {
    const list = interrupted(loaded(EMPTY, page(1, 10)), {
      epoch: 'e1',
      offset: 12,
      reason: 'expired',
    })
    const after = loaded(list, page(9, 12))
    expect(offsets(after)).toEqual(range(1, 12))
    expect(after.reset).toBeUndefined()
  })

  it('never mixes two epochs', () => {
    const reset = { epoch: 'e2', offset: 0, reason: 'epoch_changed' } as const
    const list = interrupted(loaded(EMPTY, page(1, 10)), reset)
    const after = loaded(delivered(list, live(1, 2), LIMIT), page(1, 1, 1, 'e2'))
    expect(offsets(after)).toEqual([1, 2])
    expect(after.reset).toBe(reset)
  })
})

describe('an own message', () => {
  const start = sending(loaded(EMPTY, page(1, 3)), own('mine'))
  const mine = (offset: number): Message => toMessage(publication(offset, 'mine'))

  it('stays last until the log delivers it', () => {
    const sent = acknowledged(start, 'mine', 6, LIMIT)
    expect(sent.own).toMatchObject([{ id: 'mine', state: 'sent', offset: 6 }])
    const after = delivered(sent, [...live(4, 5), mine(6)], LIMIT)
    expect(after.own).toEqual([])
    expect(offsets(after)).toEqual(range(1, 6))
  })

  it('is there once when it was delivered before it was acknowledged', () => {
    const list = delivered(start, [mine(4)], LIMIT)
    expect(acknowledged(list, 'mine', 4, LIMIT)).toBe(list)
    expect(list.log.filter(({ id }) => id === 'mine')).toHaveLength(1)
  })

  it('bears the name of the user that the connection turned out to have', () => {
    const sent = acknowledged(start, 'mine', 6, LIMIT, 'ada')
    expect(sent.own).toMatchObject([{ id: 'mine', user: 'ada' }])
  })

  it('leaves when a newest page shows that the log is beyond it', () => {
    const sent = acknowledged(interrupted(start), 'mine', 4, LIMIT)
    expect(loaded(sent, page(50, 90)).own).toEqual([])
  })

  it('leaves when the epoch that had it is over', () => {
    const sent = acknowledged(start, 'mine', 4, LIMIT)
    const reset = { epoch: 'e2', offset: 0, reason: 'epoch_changed' } as const
    expect(interrupted(sent, reset).own).toEqual([])
    expect(interrupted(start, reset).own).toHaveLength(1)
  })

  it('joins the list at its acknowledgement in a channel without a log', () => {
    const list = acknowledged(start, 'mine', undefined, LIMIT)
    expect(list.own).toEqual([])
    expect(list.log.at(-1)).toMatchObject({ id: 'mine', state: 'sent' })
    expect(delivered(list, [mine(0)], LIMIT).log).toHaveLength(4)
  })
})
