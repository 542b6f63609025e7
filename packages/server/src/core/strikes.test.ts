import { ProtocolError } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { type Connected, CoreHarness, frame, LIMITS } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import type { Limits } from './limits.ts'

/** As slow as it gets: what was refused once is refused for as long as a test takes. */
const ONE = { burst: 1, per_second: 0.01 }
const PAUSE_MS = 1_000

let clock: FakeClock
let harness: CoreHarness
let ada: Connected

beforeEach(async () => {
  const limits = { ...LIMITS, connection: { ...LIMITS.connection, commands: ONE } }
  harness = await CoreHarness.start({ limits: { ...limits, max_outbox_bytes: 1e9 } })
  clock = harness.clock
  ada = harness.connect()
  ada.session.receive(frame('ping'))
})

async function refuse(times: number): Promise<void> {
  for (let i = 0; i < times; i++) ada.session.receive(frame('ping'))
  await clock.settle()
}

/** Another 256 refusals, and the pause that follows. */
async function strike(): Promise<void> {
  await refuse(256)
  await clock.advance(PAUSE_MS)
}

describe('a client that goes on while it is refused', () => {
  it('is read no further for a moment after 256 refusals, and then again', async () => {
    await refuse(255)
    expect(ada.connection.paused).toBe(false)
    await refuse(1)
    expect(ada.connection.paused).toBe(true)
    await clock.advance(PAUSE_MS - 1)
    expect(ada.connection.paused).toBe(true)
    await clock.advance(1)
    expect(ada.connection.paused).toBe(false)
    expect(ada.connection.of('error')).toHaveLength(256)
    expect(ada.connection.closedWith).toBeUndefined()
  })

  it('is not struck for what was on its way when the reading stopped', async () => {
    await refuse(100_000)
    expect(ada.connection.closedWith).toBeUndefined()
    expect(ada.connection.of('error')).toHaveLength(100_000)
  })

  it('is ended by 4004 at the tenth time', async () => {
    for (let i = 0; i < 9; i++) await strike()
    expect(ada.connection.closedWith).toBeUndefined()
    await refuse(256)
    expect(ada.connection.closedWith).toEqual({ code: 4004, reason: 'rate_limited' })
    expect(ada.connection.of('error').at(-1)?.payload).toMatchObject({ retry_after_ms: 60_000 })
  })

  it('is forgiven everything after ten seconds of peace', async () => {
    for (let i = 0; i < 9; i++) await strike()
    await refuse(255)
    await clock.advance(10_000)
    for (let i = 0; i < 9; i++) await strike()
    expect(ada.connection.closedWith).toBeUndefined()
  })

  it('is not forgiven for less', async () => {
    for (let i = 0; i < 9; i++) await strike()
    await clock.advance(9_999 - PAUSE_MS)
    await refuse(256)
    expect(ada.connection.closedWith?.code).toBe(4004)
  })

  it('is no offender while it is told a turn of its own, and one beyond a minute of them', async () => {
    const publishes = { burst: 1, per_second: 10 }
    const limits = { ...LIMITS, connection: { ...LIMITS.connection, publishes } }
    const { clock, connection, session } = await start(limits)
    const publish = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) session.receive(frame('note', {}, { channel: 'chat:a' }))
      await clock.settle()
    }
    await publish(1 + 600)
    expect(connection.of('error').at(-1)?.payload).toMatchObject({ retry_after_ms: 60_000 })
    await publish(255)
    expect(connection.paused).toBe(false)
    await publish(1)
    expect(connection.paused).toBe(true)
    for (let i = 0; i < 9; i++) {
      await clock.advance(PAUSE_MS)
      expect(connection.closedWith).toBeUndefined()
      await publish(1 + 10 + 256)
    }
    expect(connection.closedWith).toEqual({ code: 4004, reason: 'rate_limited' })
  })

  it('leaves nothing behind when it disconnects during the pause', async () => {
    await refuse(256)
    ada.session.closed(1001)
    ada.connection.paused = true
    await clock.advance(PAUSE_MS)
    // Nobody resumed what is gone.
    expect(ada.connection.paused).toBe(true)
  })
})

describe('a client that sends what is not valid', () => {
  it.each([
    ['a frame that cannot be read', 9, 10_000, unreadable],
    ['a payload that its type does not have', 99, 1_000, notValid],
  ])('may send %s %i times at once, and one more every %i ms', async (_, burst, every, send) => {
    const { clock, connection, session } = await start(LIMITS)
    const sendTimes = async (times: number): Promise<void> => {
      for (let i = 0; i < times; i++) send(session)
      await clock.settle()
    }
    await sendTimes(burst)
    await clock.advance(every)
    await sendTimes(1)
    expect(connection.of('error').map(({ payload }) => payload['code'])).toEqual(
      Array.from({ length: burst + 1 }, () => 4009),
    )
    expect(connection.closedWith).toBeUndefined()
    await sendTimes(1)
    expect(connection.closedWith).toEqual({ code: 4009, reason: 'bad_envelope' })
  })

  it('has a budget for each of the two', async () => {
    const { clock, connection, session } = await start(LIMITS)
    for (let i = 0; i < 9; i++) unreadable(session)
    for (let i = 0; i < 99; i++) notValid(session)
    await clock.settle()
    expect(connection.of('error')).toHaveLength(108)
    expect(connection.closedWith).toBeUndefined()
  })
})

function unreadable(session: Connected['session']): void {
  session.refuse(new ProtocolError('bad_envelope', 'The message is not valid JSON.'))
}

function notValid(session: Connected['session']): void {
  session.receive(frame('subscribe', { channel: 'no channel' }))
}

async function start(limits: Limits): Promise<Connected & { clock: FakeClock }> {
  const harness = await CoreHarness.start({ limits: { ...limits, max_outbox_bytes: 1e9 } })
  return { ...harness.connect(), clock: harness.clock }
}
