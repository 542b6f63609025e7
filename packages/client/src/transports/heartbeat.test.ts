import { beforeEach, describe, expect, it } from 'vitest'
import { FakeTimers } from '../testing/fake-timers.ts'
import { Heartbeat } from './heartbeat.ts'

describe('the heartbeat', () => {
  let timers: FakeTimers
  let asked: number
  let dead: number
  let heartbeat: Heartbeat

  beforeEach(() => {
    timers = new FakeTimers()
    asked = 0
    dead = 0
    heartbeat = new Heartbeat(
      {
        idleMs: 25_000,
        graceMs: 10_000,
        onIdle: () => (asked += 1),
        onDead: () => (dead += 1),
      },
      timers,
    )
  })

  it('asks a peer that said nothing for the idle time', () => {
    timers.advance(24_999)
    expect(asked).toBe(0)
    timers.advance(1)
    expect(asked).toBe(1)
  })

  it('does not ask a peer that talks', () => {
    for (let i = 0; i < 20; i++) {
      timers.advance(20_000)
      heartbeat.heard()
    }
    expect(asked).toBe(0)
  })

  it('finds a peer dead that does not answer within the grace, once', () => {
    timers.advance(34_999)
    expect(dead).toBe(0)
    timers.advance(1)
    expect(dead).toBe(1)
    timers.advance(100_000)
    expect(dead).toBe(1)
  })

  it('takes anything as an answer and begins anew', () => {
    timers.advance(30_000)
    heartbeat.heard()
    timers.advance(24_999)
    expect([asked, dead]).toEqual([1, 0])
    timers.advance(1)
    expect(asked).toBe(2)
  })

  it('asks again, instead of judging, after this program stood still', () => {
    timers.advance(25_000)
    timers.stall(60_000)
    expect([asked, dead]).toEqual([2, 0])
    timers.advance(10_000)
    expect(dead).toBe(1)
  })

  it('finds a dead peer although the clock was set back', () => {
    timers.setClock(-600_000)
    timers.advance(2 * 25_000 + 10_000)
    expect([asked, dead]).toEqual([1, 1])
  })

  it('asks at once when it is told to', () => {
    timers.advance(1000)
    heartbeat.probe()
    heartbeat.probe()
    expect(asked).toBe(1)
    timers.advance(10_000)
    expect(dead).toBe(1)
  })

  it('does nothing after it was stopped', () => {
    heartbeat.stop()
    heartbeat.probe()
    timers.advance(100_000)
    expect([asked, dead]).toEqual([0, 0])
  })
})
