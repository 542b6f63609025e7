import { describe, expect, it } from 'vitest'
import { backOffMs, retryAfterMs } from './back-off.ts'

it('the wait grows fivefold, is spread over its upper half, and ends somewhere', () => {
  const bounds = [1, 2, 3, 4, 9].map((attempts) => [backOffMs(attempts, 0), backOffMs(attempts, 1)])
  expect(bounds).toEqual([
    [500, 1000],
    [2500, 5000],
    [12_500, 25_000],
    [62_500, 125_000],
    [450_000, 900_000],
  ])
})

describe('Retry-After', () => {
  const now = Date.parse('2026-11-20T12:00:00Z')
  it.each([
    ['120', 120_000],
    ['0', 0],
    ['Fri, 20 Nov 2026 12:01:00 GMT', 60_000],
    ['Fri, 20 Nov 2026 11:00:00 GMT', 0],
    ['99999999', 6 * 3_600_000],
    ['soon', undefined],
    [undefined, undefined],
  ])('%j is %j ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms)
  })
})
