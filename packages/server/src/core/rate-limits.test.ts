import { describe, expect, it, vi } from 'vitest'
import {
  ADA,
  type Connected,
  CoreHarness,
  frame,
  LIMITS,
  message,
} from '../testing/core-harness.ts'
import type { Limits } from './limits.ts'
import type { Actor } from './ports/actor.ts'

const EVE: Actor = { kind: 'user', user: 'eve' }
const BACKEND: Actor = { kind: 'server', key_id: 'backend' }
const FEW = { burst: 3, per_second: 2 }
const WIDE: Limits = { ...LIMITS, max_in_flight: 100, max_outbox_bytes: 1e6 }

const limited = {
  publishes: { connection: { ...LIMITS.connection, publishes: FEW } },
  commands: { connection: { ...LIMITS.connection, commands: FEW } },
  userPublishes: { user: { ...LIMITS.user, publishes: FEW } },
  addressPublishes: { address: { ...LIMITS.address, publishes: FEW } },
} satisfies Record<string, Partial<Limits>>

function publish({ session }: Connected, count: number, type = 'message'): void {
  for (let i = 0; i < count; i++) session.receive(frame(type, {}, { channel: 'chat:a' }))
}

function counts({ connection }: Connected): { acks: number; errors: number } {
  return { acks: connection.of('ack').length, errors: connection.of('error').length }
}

describe('publishes over a connection', () => {
  it('are refused when they are too many, with the time to wait, and nothing else happens to it', async () => {
    const { clock, connect } = await ready(limited.publishes)
    const ada = connect()
    publish(ada, 5)
    await clock.settle()
    expect(counts(ada)).toEqual({ acks: 3, errors: 2 })
    expect(ada.connection.of('error')[0]?.payload).toEqual({
      code: 4004,
      reason: 'rate_limited',
      temporary: true,
      retry_after_ms: 500,
      message:
        'This connection publishes too much: 3 at once and 2 a second are allowed (limits.connection.publishes). Try again in 500 ms.',
    })
    expect(ada.connection.closedWith).toBeUndefined()
    expect(ada.connection.paused).toBe(false)
  })

  it('are taken again after the time that was told', async () => {
    const { clock, connect } = await ready(limited.publishes)
    const ada = connect()
    publish(ada, 4)
    await clock.advance(499)
    publish(ada, 1)
    await clock.advance(1)
    publish(ada, 2)
    await clock.settle()
    expect(counts(ada)).toEqual({ acks: 4, errors: 3 })
  })

  it('are counted for each connection alone', async () => {
    const { clock, connect } = await ready(limited.publishes)
    const both = [connect(), connect()]
    for (const one of both) publish(one, 3)
    await clock.settle()
    expect(both.map(counts)).toEqual([
      { acks: 3, errors: 0 },
      { acks: 3, errors: 0 },
    ])
  })

  it('are counted when they are forbidden, too', async () => {
    const { clock, connect } = await ready(limited.publishes)
    const ada = connect()
    for (let i = 0; i < 4; i++) ada.session.receive(message('x', `m${i}`, 'news:a'))
    await clock.settle()
    expect(ada.connection.of('error').map(({ payload }) => payload['code'])).toEqual([
      4011, 4011, 4011, 4004,
    ])
  })

  it('tell a time to wait of at most a minute', async () => {
    const slow = { burst: 1, per_second: 0.01 }
    const { clock, connect } = await ready({
      connection: { ...LIMITS.connection, publishes: slow },
    })
    const ada = connect()
    publish(ada, 2)
    await clock.settle()
    expect(ada.connection.of('error')[0]?.payload['retry_after_ms']).toBe(60_000)
  })
})

describe('a client that sends more than is taken, and each one again when it is told to', () => {
  it.each([1_500, 6_000])('gets %i through, and is refused each once at most', async (count) => {
    const publishes = { burst: 1_000, per_second: 200 }
    const { clock, connect } = await ready({ connection: { ...LIMITS.connection, publishes } })
    const { session, connection } = connect()
    const send = (id: string): void => session.receive(message('x', id))
    for (let i = 0; i < count; i++) send(`m${i}`)
    await clock.settle()
    const refused = connection.of('error')
    expect(refused).toHaveLength(count - 1_000)
    const began = clock.steady()
    for (const { payload, metadata } of refused) {
      await clock.advance(began + Number(payload['retry_after_ms']) - clock.steady())
      send(metadata.correlation_id!)
    }
    await clock.settle()
    expect(connection.closedWith).toBeUndefined()
    expect(connection.of('ack')).toHaveLength(count)
    expect(connection.of('error')).toHaveLength(count - 1_000)
    expect(clock.steady() - began).toBe((count - 1_000) * 5)
  })
})

describe('publishes of a type that has a rate of its own', () => {
  it('are refused by its name, and the others are not', async () => {
    const { clock, connect } = await ready({ events: { typing: { burst: 1, per_second: 1 } } })
    const ada = connect()
    publish(ada, 2, 'typing')
    publish(ada, 5)
    await clock.settle()
    expect(counts(ada)).toEqual({ acks: 6, errors: 1 })
    expect(ada.connection.of('error')[0]?.payload['message']).toContain('(limits.events.typing)')
  })
})

describe('publishes of a user', () => {
  it('are counted over all connections and HTTP', async () => {
    const { clock, core, connect } = await ready(limited.userPublishes)
    const [one, two] = [connect(), connect()]
    publish(one, 1)
    publish(two, 1)
    await core.publish(ADA, { channel: 'chat:a', type: 'message', payload: {} })
    publish(one, 1)
    await expect(
      core.publish(ADA, { channel: 'chat:a', type: 'message', payload: {} }),
    ).rejects.toMatchObject({ reason: 'rate_limited', retryAfterMs: 500 })
    await clock.settle()
    expect([one, two].map(counts)).toEqual([
      { acks: 1, errors: 1 },
      { acks: 1, errors: 0 },
    ])
    const eve = connect(EVE)
    publish(eve, 1)
    await clock.settle()
    expect(counts(eve)).toEqual({ acks: 1, errors: 0 })
  })

  it('are not used up by what the connection was refused', async () => {
    const { clock, connect } = await ready({
      ...limited.publishes,
      user: { ...LIMITS.user, publishes: { burst: 6, per_second: 1 } },
    })
    const [greedy, other] = [connect(), connect()]
    publish(greedy, 50)
    publish(other, 3)
    await clock.settle()
    expect([greedy, other].map(counts)).toEqual([
      { acks: 3, errors: 47 },
      { acks: 3, errors: 0 },
    ])
  })
})

describe('publishes from an address', () => {
  it('are counted over all users, and an IPv6 address stands for its /64', async () => {
    const { clock, connect } = await ready(limited.addressPublishes)
    const from = (address: string, actor = ADA) => connect(actor, { address })
    const near = [from('2001:db8::1'), from('2001:db8::2:3', EVE)]
    const far = from('2001:db8:0:1::1')
    for (const one of [...near, far]) publish(one, 2)
    await clock.settle()
    expect([...near, far].map(counts)).toEqual([
      { acks: 2, errors: 0 },
      { acks: 1, errors: 1 },
      { acks: 2, errors: 0 },
    ])
  })

  it('are not counted where the address is not known', async () => {
    const { clock, connect } = await ready(limited.addressPublishes)
    const ada = connect(ADA, { address: '' })
    publish(ada, 10)
    await clock.settle()
    expect(counts(ada)).toEqual({ acks: 10, errors: 0 })
  })
})

describe('other frames of a connection', () => {
  it.each([
    ['ping', frame('ping')],
    ['subscribe', frame('subscribe', { channel: 'chat:a' })],
    ['unsubscribe', frame('unsubscribe', { channel: 'chat:a' })],
    ['history', frame('history', { channel: 'chat:a' })],
    ['refresh', frame('refresh', { token: 'token of ada' })],
    ['a result that nobody waits for', frame('result', { value: 1 }, { correlation_id: 'x' })],
    ['a type that does not exist', frame('nonsense')],
  ])('are counted: %s', async (_, envelope) => {
    const { clock, connect } = await ready(limited.commands)
    const ada = connect()
    for (let i = 0; i < 4; i++) ada.session.receive(envelope)
    await clock.settle()
    const refused = ada.connection.of('error').filter(({ payload }) => payload['code'] === 4004)
    expect(refused).toHaveLength(1)
    expect(refused[0]?.payload['message']).toContain('(limits.connection.commands)')
  })

  it('are counted before `auth`, too', async () => {
    const { clock, harness } = await ready(limited.commands)
    const { session, connection } = harness.connectStranger()
    for (let i = 0; i < 5; i++) session.receive(frame('ping'))
    await clock.settle()
    expect(connection.of('pong')).toHaveLength(3)
    expect(connection.of('error')).toHaveLength(2)
  })

  it('do not take away the answers to our own calls', async () => {
    const { clock, core, connect } = await ready(limited.commands)
    const ada = connect()
    const calls = Array.from({ length: 10 }, (_, n) => core.call(BACKEND, 'ada', 'ask', n, 1_000))
    await clock.settle()
    for (const { payload, metadata } of ada.connection.of('call')) {
      const answer = { correlation_id: metadata.message_id! }
      ada.session.receive(frame('result', { value: payload['args']! }, answer))
    }
    expect(await Promise.all(calls)).toEqual(Array.from({ length: 10 }, (_, value) => ({ value })))
    expect(ada.connection.of('error')).toHaveLength(0)
  })

  it('are not counted where the transport makes them for a request', async () => {
    const { clock, connect } = await ready({ ...limited.commands, max_channels: 10 })
    const { session, connection } = connect(ADA, { duplex: false, transport: 'sse' })
    for (let i = 0; i < 10; i++) session.receive(frame('subscribe', { channel: `chat:${i}` }))
    await clock.settle()
    expect(connection.of('subscribed')).toHaveLength(10)
  })
})

describe('what is read back', () => {
  const history = { burst: 10, per_second: 5 }

  it('costs a connection what it asks for', async () => {
    const { clock, connect } = await ready({ connection: { ...LIMITS.connection, history } })
    const ada = connect()
    for (const limit of [6, 4, 5]) {
      ada.session.receive(frame('history', { channel: 'chat:a', limit }))
    }
    await clock.settle()
    expect(ada.connection.of('history')).toHaveLength(2)
    expect(ada.connection.of('error')[0]?.payload).toMatchObject({
      code: 4004,
      retry_after_ms: 1_000,
      message: expect.stringContaining('(limits.connection.history)') as string,
    })
  })

  it('costs a user what is asked for over all connections and HTTP', async () => {
    const { clock, core, connect } = await ready({ user: { ...LIMITS.user, history } })
    await core.history(ADA, 'chat:a', { limit: 6 })
    const ada = connect()
    ada.session.receive(frame('history', { channel: 'chat:a', limit: 4 }))
    await expect(core.history(ADA, 'chat:a', { limit: 1 })).rejects.toMatchObject({
      reason: 'rate_limited',
      retryAfterMs: 200,
    })
    await clock.settle()
    expect(ada.connection.of('history')).toHaveLength(1)
  })

  it('is counted for `last` of a subscription as well', async () => {
    const { clock, connect } = await ready({ connection: { ...LIMITS.connection, history } })
    const ada = connect()
    for (const channel of ['chat:a', 'chat:b']) {
      ada.session.receive(frame('subscribe', { channel, last: 6 }))
    }
    await clock.settle()
    expect(ada.connection.of('subscribed')).toHaveLength(1)
    expect(ada.connection.of('error')[0]?.payload).toMatchObject({ code: 4004 })
  })
})

describe('other frames and requests of a user', () => {
  const commands = { burst: 6, per_second: 1 }

  it('are counted over all connections and HTTP, and by what they cost', async () => {
    const { clock, core, connect } = await ready({ user: { ...LIMITS.user, commands } })
    const [one, two] = [connect(), connect()]
    for (const { session } of [one, two]) session.receive(frame('ping'))
    core.count(ADA, 3)
    expect(() => core.count(ADA, 2)).toThrow(
      expect.objectContaining({ reason: 'rate_limited', retryAfterMs: 1_000 }),
    )
    for (const { session } of [one, two]) session.receive(frame('ping'))
    await clock.settle()
    expect(one.connection.of('pong')).toHaveLength(2)
    expect(two.connection.of('pong')).toHaveLength(1)
    expect(two.connection.of('error')[0]?.payload).toMatchObject({
      code: 4004,
      message: expect.stringContaining('limits.user.commands'),
    })
    const eve = connect(EVE)
    eve.session.receive(frame('ping'))
    await clock.settle()
    expect(eve.connection.of('pong')).toHaveLength(1)
  })

  it('may cost more than a burst: then all of it', async () => {
    const { clock, core } = await ready({ user: { ...LIMITS.user, commands } })
    core.count(ADA, 20)
    expect(() => core.count(ADA, 20)).toThrow(expect.objectContaining({ retryAfterMs: 6_000 }))
    await clock.advance(6_000)
    expect(() => core.count(ADA, 20)).not.toThrow()
  })
})

describe('nothing is counted', () => {
  const none = { burst: 1, per_second: 0.01 }
  const closed: Partial<Limits> = {
    connection: { publishes: none, commands: none, history: none },
    user: { publishes: none, commands: none, history: none },
    address: { connects: none, requests: none, publishes: none, failures: none },
    events: { message: none },
  }

  it('of a server key', async () => {
    const { clock, core, connect } = await ready(closed)
    const actor = { ...BACKEND, user: 'ada', address: '192.0.2.1' }
    const backend = connect(actor)
    publish(backend, 5)
    for (let i = 0; i < 5; i++) {
      backend.session.receive(frame('history', { channel: 'chat:a' }))
      await core.publish(actor, { channel: 'chat:a', type: 'message', payload: {} })
      await core.history(actor, 'chat:a', {})
      core.count(actor, 20)
    }
    await clock.settle()
    expect(counts(backend)).toEqual({ acks: 5, errors: 0 })
    expect(backend.connection.of('history')).toHaveLength(5)
  })

  it('without limits', async () => {
    const { clock, core, harness, connect } = await ready(closed, true)
    const ada = connect()
    publish(ada, 5)
    for (let i = 0; i < 5; i++) {
      ada.session.receive(frame('history', { channel: 'chat:a' }))
      harness.core.admit('192.0.2.1', 'connection')
      harness.core.admit('192.0.2.1', 'request')
      core.count(ADA, 20)
      await core.authenticate('forged', '192.0.2.1').catch(() => undefined)
    }
    await clock.settle()
    expect(counts(ada)).toEqual({ acks: 5, errors: 0 })
    expect(ada.connection.frames[0]?.payload['limits']).not.toHaveProperty('publishes_burst')
  })
})

describe('a publish', () => {
  it('costs one look at the clock, and none without limits', async () => {
    const looks = async (noLimits: boolean): Promise<number> => {
      const { clock, connect } = await ready({}, noLimits)
      const ada = connect()
      // The first one makes the buckets, and begins the watch over what can be forgotten.
      publish(ada, 1)
      const steady = vi.spyOn(clock, 'steady')
      publish(ada, 10)
      return steady.mock.calls.length
    }
    expect((await looks(false)) - (await looks(true))).toBe(10)
  })
})

describe('what is remembered of users and addresses', () => {
  it('is nothing again a while after a flood', async () => {
    const { clock, core } = await ready({})
    for (let i = 0; i < 20_000; i++) {
      const address = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`
      core.admit(address, 'request')
      core.admit(address, 'connection')
      if (i % 10 === 0) {
        await core.publish(
          { kind: 'user', user: `user ${i}`, address },
          { channel: 'chat:a', type: 'message', payload: {} },
        )
      }
    }
    expect(core.rates?.size).toBe(44_000)
    await clock.advance(10_000)
    expect(core.rates?.size).toBe(0)
  })
})

async function ready(limits: Partial<Limits>, noLimits = false) {
  const harness = await CoreHarness.start({ limits: { ...WIDE, ...limits }, noLimits })
  const { core, clock } = harness
  return { harness, core, clock, connect: harness.connect.bind(harness) }
}
