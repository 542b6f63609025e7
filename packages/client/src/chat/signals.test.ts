import { describe, expect, it } from 'vitest'
import { FakeTimers } from '../testing/fake-timers.ts'
import { ReadMarker } from './read-marker.ts'
import { Typing } from './typing.ts'

describe('typing', () => {
  function typing() {
    const timers = new FakeTimers()
    const told: string[] = []
    const typing = new Typing({
      tell: (type) => told.push(type),
      onChange: () => undefined,
      timers,
    })
    return { timers, told, typing }
  }

  it('is told every 2 s while it goes on, and that it is over after 4 s without a key', () => {
    const { timers, told, typing: own } = typing()
    for (let key = 0; key < 50; key += 1) {
      own.start()
      timers.advance(100)
    }
    expect(told).toEqual(['typing_start', 'typing_start', 'typing_start'])
    timers.advance(3899)
    expect(told).toHaveLength(3)
    timers.advance(1)
    expect(told.at(-1)).toBe('typing_stop')
    expect(timers.pending).toBe(0)
  })

  it('starts anew after a stop, which is told once', () => {
    const { told, typing: own } = typing()
    own.stop()
    own.start()
    own.stop()
    own.stop()
    own.start()
    expect(told).toEqual(['typing_start', 'typing_stop', 'typing_start'])
  })

  it('of others ends by itself when its end was not heard', () => {
    const { timers, typing: others } = typing()
    others.heard('bob', true)
    timers.advance(5000)
    others.heard('bob', true)
    others.heard('cyd', true)
    timers.advance(5000)
    expect(others.users).toEqual(['bob', 'cyd'])
    timers.advance(2000)
    expect(others.users).toEqual([])
  })

  it('leaves nothing behind when it is cleared', () => {
    const { timers, told, typing: both } = typing()
    both.start()
    both.heard('bob', true)
    both.clear()
    expect(both.users).toEqual([])
    expect(timers.pending).toBe(0)
    expect(told).toEqual(['typing_start'])
  })
})

describe('a read marker', () => {
  function marker(tell?: (offset: number) => Promise<void>) {
    const timers = new FakeTimers()
    const told: number[] = []
    const made = new ReadMarker({
      tell: (offset) => {
        told.push(offset)
        return tell?.(offset) ?? Promise.resolve()
      },
      timers,
    })
    return { timers, told, marker: made }
  }

  it('tells its first step at once, and those of the next second together', () => {
    const { timers, told, marker: read } = marker()
    for (let offset = 1; offset <= 10; offset += 1) read.mark(offset)
    expect(told).toEqual([1])
    timers.advance(1000)
    expect(told).toEqual([1, 10])
    timers.advance(5000)
    expect(told).toEqual([1, 10])
    expect(timers.pending).toBe(0)
  })

  it('only moves forward', () => {
    const { timers, told, marker: read } = marker()
    expect(read.mark(5)).toBe(true)
    expect(read.mark(5)).toBe(false)
    expect(read.mark(3)).toBe(false)
    expect(read.mark(Number.NaN)).toBe(false)
    expect(read.heard(4)).toBe(false)
    timers.advance(1000)
    expect(told).toEqual([5])
    expect(read.offset).toBe(5)
  })

  it('does not tell what the server said itself', () => {
    const { told, marker: read } = marker()
    expect(read.heard(7)).toBe(true)
    read.mark(6)
    read.flush()
    expect(told).toEqual([])
  })

  it('tells again what was refused, with the next step', async () => {
    const refused = Promise.reject(new Error('Not now.'))
    const { timers, told, marker: read } = marker(() => refused)
    read.mark(1)
    await refused.catch(() => undefined)
    timers.advance(1000)
    expect(told).toEqual([1, 1])
  })
})
