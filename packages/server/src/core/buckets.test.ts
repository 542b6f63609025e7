import { describe, expect, it } from 'vitest'
import { Buckets } from './buckets.ts'

const RATE = { burst: 10, per_second: 10 }

describe('the buckets of users and addresses', () => {
  it('are the same for the same key, and others for others', () => {
    const buckets = new Buckets(RATE)
    buckets.of('ada', 0).take(0, 10)
    expect(buckets.of('ada', 0).has(0)).toBe(false)
    expect(buckets.of('eve', 0).has(0)).toBe(true)
  })

  it('are forgotten when they are full again, and not before', () => {
    const buckets = new Buckets(RATE)
    for (let i = 0; i < 100; i++) buckets.of(`user ${i}`, 0).take(0, 1 + (i % 10))
    buckets.sweep(100, 100)
    expect(buckets.size).toBe(90)
    buckets.sweep(1_000, 100)
    expect(buckets.size).toBe(0)
  })

  it('are all looked at in turn, also when a look sees only a few', () => {
    const buckets = new Buckets(RATE)
    for (let i = 0; i < 100; i++) buckets.of(`user ${i}`, 0).take(0)
    for (let i = 0; i < 12; i++) buckets.sweep(1_000, 9)
    expect(buckets.size).toBe(0)
    // The hand has come to the end, and goes on with what is new.
    buckets.of('late', 1_000).take(1_000)
    buckets.sweep(2_000, 9)
    expect(buckets.size).toBe(0)
  })

  it('never are more than the bound, and those that spent most are remembered', () => {
    const buckets = new Buckets(RATE, 1_000)
    buckets.of('flood', 0).take(0, 10)
    for (let i = 0; i < 100_000; i++) {
      buckets.of(`user ${i}`, 0).take(0)
      expect(buckets.size).toBeLessThanOrEqual(1_000)
    }
    expect(buckets.of('flood', 0).has(0)).toBe(false)
  })
})
