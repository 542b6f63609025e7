import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('allows a burst, then as many as time brings', () => {
  const bucket = new TokenBucket({ burst: 2, perSecond: 10, now: 0 })
  expect([0, 0, 0, 99, 100, 100].map((now) => bucket.take(now))).toEqual([
    true,
    true,
    false,
    false,
    true,
    false,
  ])
})

it('never allows more in a window than its burst and its rate, whatever the clock does', () => {
  const step = fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: -5_000, max: 0 }))
  const property = fc.property(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 100 }),
    fc.array(step, { maxLength: 200 }),
    (burst, perSecond, steps) => {
      const bucket = new TokenBucket({ burst, perSecond, now: 0 })
      let [now, forward] = [0, 0]
      const taken: number[] = []
      for (const ms of steps) {
        now += ms
        // Only time that passes forward counts, after a step back too.
        forward += Math.max(0, ms)
        if (bucket.take(now)) taken.push(forward)
      }
      return taken.every((from, i) =>
        taken
          .slice(i)
          .every((to, more) => more + 1 <= burst + ((to - from) / 1000) * perSecond + 1e-6),
      )
    },
  )
  expect(() => fc.assert(property, { numRuns: 2_000 })).not.toThrow()
})
