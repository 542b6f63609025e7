import { describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import { loadFaulty } from './testing/load.ts'

describe.skipIf(!hasCompiler())('the load generator in an open loop', () => {
  const schedule = { rate: 400, inFlight: 1000, seconds: 0.4 }

  test('publishes by schedule', async () => {
    const { ok, schedule: kept, publications } = await loadFaulty({}, schedule)
    expect(ok).toBe(true)
    expect(kept?.sustained).toBe(true)
    expect(kept?.due).toBeGreaterThanOrEqual(160)
    expect(Math.abs(publications - (kept?.due ?? 0))).toBeLessThan(40)
  })

  test('counts latency from when a publication was due, not from when it could leave', async () => {
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) => {
          if (subscriber === 0 && sequence === 60) busyFor(200)
          return [message]
        },
      },
      schedule,
    )
    expect(result).toMatchObject({ ok: true, schedule: { sustained: true } })
    // 80 of the 160 were due while nothing moved. In a closed loop it would have been one of them.
    expect(result.lastSubscriberMs?.p99).toBeGreaterThan(100)
  })

  test('says when a server cannot keep up, which is no mistake', async () => {
    const result = await loadFaulty(
      {
        deliver: (message) => {
          busyFor(1)
          return [message]
        },
      },
      { ...schedule, rate: 2000, inFlight: 50 },
    )
    expect(result).toMatchObject({ ok: true, schedule: { sustained: false } })
    expect(result.deliveries).toBeLessThan(8 * (result.schedule?.due ?? 0))
  })
})

/** As a server that has something else to do. */
function busyFor(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}
