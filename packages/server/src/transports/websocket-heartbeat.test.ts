import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Heartbeat, type Watched } from './websocket-heartbeat.ts'

class Peer implements Watched {
  heardAt = 0
  isPaused = false
  pings = 0
  ended = false
  readonly #answer: () => void

  constructor(answer: () => void = () => undefined) {
    this.#answer = answer
  }

  ping(): void {
    this.pings += 1
    this.#answer()
  }

  terminate(): void {
    this.ended = true
  }
}

describe('a heartbeat of 25 s', () => {
  let heartbeat: Heartbeat
  beforeEach(() => {
    vi.useFakeTimers()
    heartbeat = new Heartbeat(25_000)
  })
  afterEach(() => {
    heartbeat.close()
    vi.useRealTimers()
  })

  it('finds a peer that answers no ping within 35 s', () => {
    const peer = new Peer()
    heartbeat.watch(peer)
    vi.advanceTimersByTime(34_000)
    expect([peer.pings, peer.ended]).toEqual([1, false])
    vi.advanceTimersByTime(1_000)
    expect(peer.ended).toBe(true)
  })

  it('keeps a peer that answers', () => {
    const peer = new Peer(() => (peer.heardAt = heartbeat.now))
    heartbeat.watch(peer)
    vi.advanceTimersByTime(300_000)
    expect([peer.pings, peer.ended]).toEqual([12, false])
  })

  it('does not ping a peer that is heard anyway', () => {
    const peer = new Peer()
    heartbeat.watch(peer)
    for (let i = 0; i < 60; i++) {
      vi.advanceTimersByTime(5_000)
      peer.heardAt = heartbeat.now
    }
    expect([peer.pings, peer.ended]).toEqual([0, false])
  })

  it('pings those that came together in several turns, and leaves out who left meanwhile', () => {
    const peers = Array.from({ length: 200 }, () => new Peer())
    for (const peer of peers) heartbeat.watch(peer)
    const setImmediate = vi.spyOn(globalThis, 'setImmediate').mockImplementation(vi.fn())
    vi.advanceTimersByTime(25_000)
    const pinged = (): number => peers.filter(({ pings }) => pings > 0).length
    expect(pinged()).toBe(64)
    heartbeat.forget(peers[199]!)
    for (const [goOn] of setImmediate.mock.calls) goOn()
    expect(pinged()).toBe(199)
    setImmediate.mockRestore()
  })

  it('judges nobody by the time in which this process was stalled', () => {
    const peer = new Peer()
    heartbeat.watch(peer)
    vi.advanceTimersByTime(30_000)
    // The clock goes on, the timers do not: the event loop was blocked.
    vi.setSystemTime(Date.now() + 60_000)
    const now = performance.now()
    vi.spyOn(performance, 'now').mockImplementation(() => now + 60_000)
    vi.advanceTimersByTime(4_000)
    expect(peer.ended).toBe(false)
    vi.mocked(performance.now).mockRestore()
  })

  it('judges nobody by the time in which it was not read', () => {
    const peer = new Peer()
    heartbeat.watch(peer)
    peer.isPaused = true
    vi.advanceTimersByTime(100_000)
    peer.isPaused = false
    vi.advanceTimersByTime(34_000)
    expect(peer.ended).toBe(false)
    vi.advanceTimersByTime(1_000)
    expect(peer.ended).toBe(true)
  })

  it('forgets who left, and ends the rest when it closes', () => {
    const [gone, there] = [new Peer(), new Peer()]
    heartbeat.watch(gone)
    heartbeat.watch(there)
    heartbeat.forget(gone)
    heartbeat.close()
    expect([gone.ended, there.ended]).toEqual([false, true])
  })
})
