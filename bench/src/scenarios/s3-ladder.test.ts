import { describe, expect, test } from 'vitest'

import type { Sample } from '../sample.ts'
import { deliveredShare, isSustained } from './s3-ladder.ts'

function sample(p99: number | undefined, sustained: boolean): Sample {
  return {
    ok: true,
    seconds: 3,
    deliveries: 90_000,
    publications: 500,
    acks: 0,
    cpuSeconds: 0,
    serverCpuSeconds: 0,
    otherCpuSeconds: 0,
    frameBytes: 102,
    wireBytes: 0,
    total: { publications: 500, receivedByAll: 500, acks: 0 },
    schedule: { due: 500, sustained },
    ...(p99 !== undefined && { lastSubscriberMs: { p50: 1, p99, p999: p99, max: p99 } }),
  }
}

describe('a rate', () => {
  test('is sustained when all arrives and p99 is below 50 ms', () => {
    expect(isSustained(sample(49, true))).toBe(true)
  })

  test.each([
    { why: 'p99 is above', of: sample(51, true) },
    { why: 'the server fell behind', of: sample(10, false) },
    { why: 'nothing arrived', of: sample(undefined, true) },
  ])('is not sustained when $why', ({ of }) => {
    expect(isSustained(of)).toBe(false)
  })

  test('is delivered to the share of what was due to all', () => {
    expect(deliveredShare(sample(1, true), 200)).toBeCloseTo(0.9)
  })
})
