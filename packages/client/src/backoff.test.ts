import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { backoffDelay, backoffOf, MAX_TOLD_DELAY_MS, toldDelay } from './backoff.ts'

const attempts = fc.integer({ min: 1, max: 10_000 })
const chance = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })
const backoffs = fc.record({
  minMs: fc.integer({ min: 1, max: 60_000 }),
  maxMs: fc.integer({ min: 1, max: 600_000 }),
})

describe('the wait before an attempt', () => {
  it('lies between nothing and a bound that doubles up to the cap', () => {
    fc.assert(
      fc.property(backoffs, attempts, chance, (options, attempt, random) => {
        const backoff = backoffOf(options)
        const delay = backoffDelay(backoff, attempt, random)
        expect(delay).toBeGreaterThanOrEqual(0)
        const bound = Math.min(backoff.maxMs, backoff.minMs * 2 ** (attempt - 1))
        expect(delay).toBeLessThan(Math.max(1, bound))
      }),
    )
  })

  it('uses the whole of its range', () => {
    const backoff = backoffOf({ minMs: 100, maxMs: 1000 })
    expect(backoffDelay(backoff, 1, 0)).toBe(0)
    expect(backoffDelay(backoff, 1, 0.999)).toBe(99)
    expect(backoffDelay(backoff, 3, 0.999)).toBe(399)
    expect(backoffDelay(backoff, 50, 0.999)).toBe(999)
  })

  it('is never shorter than the server asked, nor beyond five minutes and the own wait', () => {
    fc.assert(
      fc.property(
        attempts,
        chance,
        fc.double({ min: -1e12, max: 1e12, noNaN: true }),
        (attempt, random, told) => {
          const backoff = backoffOf()
          const delay = toldDelay(backoff, attempt, random, told)
          expect(delay).toBeGreaterThanOrEqual(Math.min(told, MAX_TOLD_DELAY_MS))
          expect(delay).toBeLessThanOrEqual(MAX_TOLD_DELAY_MS + backoff.maxMs)
        },
      ),
    )
  })
})
