import { beforeEach, describe, expect, it } from 'vitest'
import { ADA, CoreHarness } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import type { FakeConnection } from '../testing/fake-connection.ts'

const HOUR = 3_600_000

describe('the expiry of a token', () => {
  let clock: FakeClock
  let connectFor: (ms: number) => FakeConnection

  beforeEach(async () => {
    const harness = await CoreHarness.start()
    clock = harness.clock
    connectFor = (ms) => harness.connect({ ...ADA, expires_at: clock.now() + ms }).connection
  })

  it('is noticed within a minute when the wall clock steps over it', async () => {
    const connection = connectFor(24 * HOUR)
    await clock.advance(1_000)
    clock.step(25 * HOUR)
    await clock.advance(60_000)
    expect(connection.closedWith?.code).toBe(4006)
    expect(connection.of('auth_expiring')).toHaveLength(0)
  })

  it('is put off when the wall clock steps back, and is announced once', async () => {
    const connection = connectFor(90_000)
    await clock.advance(32_000)
    clock.step(-HOUR)
    await clock.advance(HOUR)
    expect(connection.of('auth_expiring')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
    await clock.advance(60_000)
    expect(connection.of('auth_expiring')).toHaveLength(1)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('ends the session within a second of it after a day', async () => {
    const connection = connectFor(24 * HOUR)
    await clock.advance(24 * HOUR - 1)
    expect(connection.closedWith).toBeUndefined()
    await clock.advance(1_001)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('is not announced when a stall went over it', async () => {
    const connection = connectFor(180_000)
    await clock.stall(181_000)
    expect(connection.of('auth_expiring')).toHaveLength(0)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('is announced at once when less than a minute is left', async () => {
    const connection = connectFor(30_000)
    await clock.settle()
    expect(connection.of('auth_expiring')).toHaveLength(1)
    await clock.advance(31_000)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('ends at once the session that begins after it', async () => {
    const connection = connectFor(0)
    await clock.advance(10_000)
    expect(connection.frames.map(({ type }) => type)).toEqual(['connection_established', 'error'])
    expect(connection.closedWith?.code).toBe(4006)
  })
})
