import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { TokenBucket } from './token-bucket.ts'

it('allows a burst, then as many as time brings', () => {
  const bucket = new TokenBucket({ burst: 2, per_second: 10 }, 0)
  expect([0, 0, 0, 99, 100, 100].map((now) => bucket.take(now))).toEqual([
    true,
    true,
    false,
    false,
    true,
    false,
  ])
})

it('takes nothing for what costs more than there is', () => {
  const bucket = new TokenBucket({ burst: 10, per_second: 1 }, 0)
  expect([8, 3, 2, 1].map((cost) => bucket.take(0, cost))).toEqual([true, false, true, false])
})

it('is never full enough for what costs more than a burst', () => {
  const bucket = new TokenBucket({ burst: 10, per_second: 1 }, 0)
  expect(bucket.take(1e9, 11)).toBe(false)
  expect(bucket.retryAfterMs(1e9, 11)).toBe(Infinity)
})

const rate = fc.record({
  burst: fc.integer({ min: 1, max: 20 }),
  per_second: fc.oneof(
    fc.integer({ min: 1, max: 100 }),
    fc.double({ min: 0.01, max: 1, noNaN: true }),
  ),
})
const step = fc.record({
  ms: fc.oneof(fc.integer({ min: 0, max: 500 }), fc.integer({ min: -5_000, max: 0 })),
  cost: fc.oneof(fc.constant(1), fc.integer({ min: 1, max: 25 })),
})

it('never allows more in a window than its burst and its rate, whatever the costs and the clock', () => {
  const property = fc.property(rate, fc.array(step, { maxLength: 200 }), (given, steps) => {
    const bucket = new TokenBucket(given, 0)
    let [now, forward] = [0, 0]
    const taken: { at: number; cost: number }[] = []
    for (const { ms, cost } of steps) {
      now += ms
      // Only time that passes forward counts, after a step back too.
      forward += Math.max(0, ms)
      if (bucket.take(now, cost)) taken.push({ at: forward, cost })
    }
    return taken.every(({ at: from }, i) => {
      let sum = 0
      return taken.slice(i).every(({ at, cost }) => {
        sum += cost
        return sum <= given.burst + ((at - from) / 1000) * given.per_second + 1e-6
      })
    })
  })
  expect(() => fc.assert(property, { numRuns: 5_000 })).not.toThrow()
})

it('says how long to wait: so long, and not a millisecond less', () => {
  const property = fc.property(rate, fc.array(step, { maxLength: 50 }), (given, steps) => {
    const bucket = new TokenBucket(given, 0)
    let now = 0
    for (const { ms, cost } of steps) {
      now += Math.max(0, ms)
      bucket.take(now, cost)
    }
    const cost = Math.min(steps[0]?.cost ?? 1, given.burst)
    const wait = bucket.retryAfterMs(now, cost)
    if (wait === 0) return bucket.has(now, cost)
    return !bucket.has(now + wait - 1, cost) && bucket.has(now + wait, cost)
  })
  expect(() => fc.assert(property, { numRuns: 5_000 })).not.toThrow()
})

it('promises each its own turn: whoever comes back in it finds what it needs', () => {
  const costs = fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 50 })
  const property = fc.property(rate, costs, (given, asked) => {
    const bucket = new TokenBucket(given, 0)
    bucket.take(0, given.burst)
    const wanted = asked.filter((cost) => cost <= given.burst)
    const turns = wanted.map((cost) => ({ cost, at: bucket.promise(0, Infinity, cost)! }))
    return turns.every(({ cost, at }) => bucket.take(at, cost))
  })
  expect(() => fc.assert(property, { numRuns: 2_000 })).not.toThrow()
})

it('promises nothing beyond the time that it is given, and then again', () => {
  const bucket = new TokenBucket({ burst: 1, per_second: 10 }, 0)
  bucket.take(0)
  const ask = (now: number): number | undefined => bucket.promise(now, 300)
  expect([0, 0, 0, 0, 0].map(ask)).toEqual([100, 200, 300, undefined, undefined])
  expect([100, 100].map(ask)).toEqual([300, undefined])
  expect(bucket.promise(0, 1e9, 2)).toBeUndefined()
})

it('is full again when time has brought back what was taken', () => {
  const bucket = new TokenBucket({ burst: 5, per_second: 10 }, 0)
  bucket.take(0, 5)
  expect([0, 499, 500].map((now) => bucket.isFull(now))).toEqual([false, false, true])
})
