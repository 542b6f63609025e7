import { beforeEach, describe, expect, it } from 'vitest'
import { FakeClock } from '../testing/fake-clock.ts'
import type { Clock } from './ports/clock.ts'
import { type Timer, Timers } from './timers.ts'

describe('a wheel of timers', () => {
  let clock: FakeClock
  let fired: string[]
  const note = (what: string) => (): void => void fired.push(what)

  beforeEach(() => {
    clock = new FakeClock()
    fired = []
  })

  it.each([0, 1, 999, 1_000, 63_000, 64_000, 65_000, 86_400_000])(
    'fires between %d ms and a second later, wherever in the second it was set',
    async (ms) => {
      await clock.advance(300)
      new Timers(clock).after(ms, note('it'))
      if (ms > 0) await clock.advance(ms - 1)
      expect(fired).toEqual([])
      await clock.advance(1_001)
      expect(fired).toEqual(['it'])
    },
  )

  it('does not add up what its ticks are late', async () => {
    const late: Clock = {
      now: () => clock.now(),
      steady: () => clock.steady(),
      after: (ms, fn) => clock.after(ms + 50, fn),
      endOfTurn: (fn) => clock.endOfTurn(fn),
    }
    new Timers(late).after(3_600_000, note('it'))
    await clock.advance(3_601_050)
    expect(fired).toEqual(['it'])
  })

  it('fires after a stall all that fell due meanwhile, in its order, and nothing else', async () => {
    const timers = new Timers(clock)
    timers.after(100_000, note('100'))
    timers.after(40_000, note('40'))
    timers.after(300_000, note('300'))
    await clock.stall(200_000)
    expect(fired).toEqual(['40', '100'])
    await clock.advance(101_000)
    expect(fired).toEqual(['40', '100', '300'])
  })

  it('does not fire at once what is set while it fires', async () => {
    const timers = new Timers(clock)
    timers.after(1_000, () => {
      for (const ms of [0, 62_000, 63_000, 64_000]) timers.after(ms, note(String(ms)))
    })
    await clock.advance(1_999)
    expect(fired).toEqual([])
    await clock.advance(2_000)
    expect(fired).toEqual(['0'])
    await clock.advance(64_000)
    expect(fired).toEqual(['0', '62000', '63000', '64000'])
  })

  it('does not fire what is cancelled, also by another in the same tick', async () => {
    const timers = new Timers(clock)
    let second: Timer | undefined
    timers.after(5_000, () => second?.cancel())
    second = timers.after(5_000, note('second'))
    timers.after(5_000, note('cancelled')).cancel()
    timers.after(5_000, note('third'))
    await clock.advance(10_000)
    expect(fired).toEqual(['third'])
  })

  it('fires what falls due together a few at a time, all of it in its order', async () => {
    const turns: number[] = []
    const counting: Clock = {
      now: () => clock.now(),
      steady: () => clock.steady(),
      after: (ms, fn) => clock.after(ms, fn),
      endOfTurn: (fn) => {
        turns.push(fired.length)
        clock.endOfTurn(fn)
      },
    }
    const timers = new Timers(counting)
    const names = Array.from({ length: 50 }, (_, i) => `${i}`)
    for (const name of names) timers.after(1_000, note(name))
    await clock.advance(2_000)
    expect(fired).toEqual(names)
    expect(turns).toEqual([8, 16, 24, 32, 40, 48])
  })

  it('fires nothing more when it was closed in between', async () => {
    const timers = new Timers(clock)
    timers.after(1_000, () => timers.close())
    for (let i = 0; i < 50; i++) timers.after(1_000, note('one'))
    await clock.advance(2_000)
    expect(fired).toHaveLength(7)
  })
})
