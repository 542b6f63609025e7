import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Lease } from './lease.ts'

describe('a lease', () => {
  let running = 0
  let starts = 0
  const lease = (): Lease =>
    new Lease(() => {
      running += 1
      starts += 1
      return () => (running -= 1)
    }, 1000)

  beforeEach(() => {
    running = 0
    starts = 0
    vi.useFakeTimers()
  })
  afterEach(() => vi.useRealTimers())

  it('starts with the first user and ends a while after the last one left', () => {
    const shared = lease()
    const releases = [shared.acquire(), shared.acquire()]
    expect(starts).toBe(1)
    releases.forEach((release) => release())
    vi.advanceTimersByTime(999)
    expect(running).toBe(1)
    vi.advanceTimersByTime(1)
    expect(running).toBe(0)
  })

  it('goes on for a user that comes back in time', () => {
    const shared = lease()
    shared.acquire()()
    vi.advanceTimersByTime(999)
    shared.acquire()
    vi.advanceTimersByTime(10_000)
    expect([starts, running]).toEqual([1, 1])
  })

  it('counts a release once', () => {
    const shared = lease()
    const release = shared.acquire()
    shared.acquire()
    release()
    release()
    vi.advanceTimersByTime(10_000)
    expect(running).toBe(1)
  })

  it('starts again after its end', () => {
    const shared = lease()
    shared.acquire()()
    vi.advanceTimersByTime(1000)
    shared.acquire()
    expect([starts, running]).toEqual([2, 1])
  })
})
