import { ProtocolError } from '@tidewire/protocol'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ADA, CoreHarness, frame, message, Withheld } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import { FakeConnection } from '../testing/fake-connection.ts'
import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'

let harness: CoreHarness
let clock: FakeClock
let core: Core

beforeEach(async () => {
  harness = await CoreHarness.start()
  clock = harness.clock
  core = harness.core
})

describe('a session', () => {
  it('greets with who it is and what it may', async () => {
    const { connection } = harness.connect()
    await clock.settle()
    expect(connection.frames[0]).toMatchObject({
      type: 'connection_established',
      payload: { authenticated: true, user: 'ada', heartbeat_ms: 25_000 },
    })
    expect(connection.frames[0]?.payload['limits']).toEqual({
      max_frame_bytes: 65_536,
      max_depth: 64,
      max_keys: 1000,
      max_channels: 3,
      max_outbox_bytes: 1000,
      max_in_flight: 4,
      max_connections: 5,
      publishes_burst: 20_000,
      publishes_per_second: 2_000,
    })
  })

  it('answers a publish with an ack that carries its position, and delivers it to subscribers', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }, { message_id: 's' }))
    await clock.settle()
    session.receive(message('hi', 'm1'))
    await clock.settle()
    expect(connection.of('subscribed')[0]).toMatchObject({
      payload: { channel: 'chat:a', offset: 0, recovered: false },
      metadata: { correlation_id: 's' },
    })
    expect(connection.of('ack')[0]).toMatchObject({
      payload: { channel: 'chat:a', offset: 1, duplicate: false },
      metadata: { correlation_id: 'm1' },
    })
    expect(connection.of('message')[0]).toMatchObject({
      payload: { text: 'hi' },
      metadata: {
        message_id: 'm1',
        channel: 'chat:a',
        offset: 1,
        user: 'ada',
        client_id: session.id,
      },
    })
  })

  it('writes once for everything that one turn brought', async () => {
    const reader = harness.connect()
    reader.session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    const before = reader.connection.writes.length
    const writer = harness.connect()
    for (let i = 0; i < 3; i++) writer.session.receive(message('x', `m${i}`))
    await clock.settle()
    expect(reader.connection.writes.slice(before)).toHaveLength(1)
    expect(reader.connection.offsets).toEqual([1, 2, 3])
  })

  it('repeats a message_id with its first offset and delivers nothing', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }))
    session.receive(message('x', 'm1'))
    await clock.settle()
    session.receive(message('x', 'm1'))
    session.receive(message('y', 'm1'))
    await clock.settle()
    expect(connection.of('ack')[1]?.payload).toMatchObject({ offset: 1, duplicate: true })
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4013 })
    expect(connection.of('message').length).toBeLessThanOrEqual(1)
  })

  it('reads no further from a client that has too much unanswered work', async () => {
    const releases: (() => void)[] = []
    await harness.add('slow', new Withheld(harness.broker, releases))
    const { session, connection } = harness.connect()
    for (let i = 0; i < 4; i++) session.receive(message('x', `m${i}`, 'slow:a'))
    expect(connection.paused).toBe(true)
    for (const release of releases) release()
    await clock.settle()
    expect(connection.paused).toBe(false)
    expect(connection.of('ack')).toHaveLength(4)
  })

  it('is read no further when the server stops, also when its work is answered', async () => {
    const releases: (() => void)[] = []
    const slow = new Withheld(harness.broker, releases)
    let stop = (): void => undefined
    vi.spyOn(slow, 'stop').mockReturnValue(new Promise((resolve) => (stop = resolve)))
    await harness.add('slow', slow)
    const { session, connection } = harness.connect()
    const resume = vi.spyOn(connection, 'resume')
    for (let i = 0; i < 4; i++) session.receive(message('x', `m${i}`, 'slow:a'))
    const stopped = core.stop(1_000)
    for (const release of releases) release()
    await clock.settle()
    stop()
    await stopped
    const answered = connection.frames.map(({ metadata }) => metadata.correlation_id)
    expect(answered).toEqual(expect.arrayContaining(['m0', 'm1', 'm2', 'm3']))
    expect(resume).not.toHaveBeenCalled()
    expect(connection.closedWith?.code).toBe(1012)
  })

  it('is closed as a slow consumer when its bytes pile up, and others go on', async () => {
    const slow = harness.connect()
    const healthy = harness.connect()
    for (const { session } of [slow, healthy]) {
      session.receive(frame('subscribe', { channel: 'chat:a' }))
    }
    await clock.settle()
    slow.connection.waiting = 1001
    await harness.publishMany(2)
    await clock.settle()
    expect(slow.connection.closedWith).toEqual({ code: 4008, reason: 'slow_consumer' })
    expect(healthy.connection.offsets).toEqual([1, 2])
  })
})

describe('subscribing to a channel again before the answer', () => {
  it('answers both, and the later one counts', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }, { message_id: 'first' }))
    session.receive(frame('subscribe', { channel: 'chat:a' }, { message_id: 'second' }))
    session.receive(message('x', 'm1'))
    await clock.settle()
    expect(connection.of('error')).toMatchObject([
      { payload: { code: 4013 }, metadata: { correlation_id: 'first' } },
    ])
    expect(connection.of('subscribed')).toMatchObject([{ metadata: { correlation_id: 'second' } }])
    expect(connection.offsets).toEqual([1])
  })

  it('answers a subscribe that was overtaken by an unsubscribe', async () => {
    const { session, connection } = harness.connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }, { message_id: 'first' }))
    session.receive(frame('unsubscribe', { channel: 'chat:a' }))
    await clock.settle()
    expect(connection.of('error')).toMatchObject([{ payload: { code: 4013 } }])
    expect(connection.of('unsubscribed')).toHaveLength(1)
    expect(connection.of('subscribed')).toHaveLength(0)
  })
})

describe('a session without a token', () => {
  it('has five seconds, whatever else it sends, and is closed by 4001', async () => {
    const connection = new FakeConnection()
    const session = core.open(connection, undefined)
    await clock.advance(4_000)
    session.receive(frame('ping'))
    await clock.advance(3_000)
    expect(connection.of('pong')).toHaveLength(1)
    expect(connection.closedWith).toMatchObject({ code: 4001 })
  })

  it('becomes its user by a first frame `auth`', async () => {
    const connection = new FakeConnection()
    const session = core.open(connection, undefined)
    session.receive(frame('auth', { token: 'token of ada' }, { message_id: 'a' }))
    await clock.settle()
    session.receive(message('hi', 'm1'))
    await clock.advance(60_000)
    expect(connection.of('auth_response')[0]).toMatchObject({
      payload: { status: 'ok', user: 'ada' },
      metadata: { correlation_id: 'a' },
    })
    expect(connection.of('ack')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
  })

  it('may send on before its token was checked', async () => {
    const connection = new FakeConnection()
    const session = core.open(connection, undefined)
    session.receive(frame('auth', { token: 'token of ada' }))
    expect(connection.paused).toBe(true)
    session.receive(frame('subscribe', { channel: 'chat:a' }))
    session.receive(message('hi', 'm1'))
    await clock.settle()
    expect(connection.frames.map(({ type }) => type)).toEqual([
      'connection_established',
      'auth_response',
      'ack',
      'subscribed',
      'message',
    ])
    expect(connection.paused).toBe(false)
  })

  it.each([
    ['a forged token', frame('auth', { token: 'forged' }), 4002],
    ['anything but auth', message('hi', 'm1'), 4001],
  ])('is closed for %s', async (_, envelope, code) => {
    const connection = new FakeConnection()
    core.open(connection, undefined).receive(envelope)
    await clock.settle()
    expect(connection.of('error')[0]?.payload).toMatchObject({ code })
    expect(connection.closedWith?.code).toBe(code)
  })
})

describe('the token of a session', () => {
  const expiring = (ms: number): Actor => ({ ...ADA, expires_at: clock.now() + ms })

  it('is announced to expire a minute before, and then ends the session by 4006', async () => {
    const { connection } = harness.connect(expiring(180_000))
    await clock.advance(118_000)
    expect(connection.of('auth_expiring')).toHaveLength(0)
    await clock.advance(5_000)
    expect(connection.of('auth_expiring')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
    await clock.advance(60_000)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('can be refreshed for the same user', async () => {
    const { session, connection } = harness.connect(expiring(90_000))
    session.receive(frame('refresh', { token: 'token of ada' }))
    await clock.advance(120_000)
    expect(connection.of('auth_response')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
  })

  it.each(['token of eve', 'forged'])('stays when `%s` comes to refresh it', async (token) => {
    const { session, connection } = harness.connect()
    session.receive(frame('refresh', { token }))
    await clock.settle()
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4002 })
    expect(connection.closedWith).toBeUndefined()
    expect(core.sessions.of('ada')).toHaveLength(1)
  })
})

describe('bad input', () => {
  it.each([
    ['an unknown type', frame('no_such'), 4010],
    ['a reserved type of a feature that is not there', frame('join_room', { room: 'x' }), 4010],
    ['a reserved type with a channel', frame('ack', {}, { channel: 'chat:a' }), 4010],
    ['a bad channel name', message('x', 'm', 'Chat:a'), 4009],
    ['an unknown namespace', message('x', 'm', 'nope:a'), 4012],
    ['a publish without the right', message('x', 'm', 'news:a'), 4011],
    [
      'a payload that its schema refuses',
      frame('subscribe', { channel: 'chat:a', last: -1 }),
      4009,
    ],
    [
      'since and last together',
      frame('subscribe', { channel: 'chat:a', last: 1, since: { epoch: 'e', offset: 1 } }),
      4009,
    ],
    [
      'history of an epoch that is gone',
      frame('history', { channel: 'chat:a', epoch: 'gone' }),
      4013,
    ],
  ])('answers %s with its code and stays open', async (_, envelope, code) => {
    const { session, connection } = harness.connect()
    session.receive(envelope)
    await clock.settle()
    expect(connection.of('error').map(({ payload }) => payload['code'])).toEqual([code])
    expect(connection.closedWith).toBeUndefined()
  })

  it('says which frame could not be decoded, where its id could be read', async () => {
    const { session, connection } = harness.connect()
    const error = new ProtocolError('bad_envelope', 'The payload is nested too deep.')
    error.messageId = 'm1'
    session.refuse(error)
    await clock.settle()
    expect(connection.of('error')).toMatchObject([{ metadata: { correlation_id: 'm1' } }])
  })

  it('closes after ten undecodable frames', async () => {
    const { session, connection } = harness.connect()
    const bad = new ProtocolError('bad_envelope', 'The message is not valid JSON.')
    for (let i = 0; i < 9; i++) session.refuse(bad)
    expect(connection.closedWith).toBeUndefined()
    session.refuse(bad)
    await clock.settle()
    expect(connection.closedWith).toMatchObject({ code: 4009 })
  })

  it('bounds the channels of a connection', async () => {
    const { session, connection } = harness.connect()
    for (const name of ['a', 'b', 'c', 'd']) {
      session.receive(frame('subscribe', { channel: `chat:${name}` }))
      await clock.settle()
    }
    expect(connection.of('subscribed')).toHaveLength(3)
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4004 })
  })

  it('turns connections away when the server is full', async () => {
    const inside = Array.from({ length: 5 }, () => harness.connect())
    const { connection } = harness.connect()
    expect(connection.closedWith).toMatchObject({ code: 4007 })
    expect(inside.map(({ connection: { closedWith } }) => closedWith)).toEqual(
      Array.from({ length: 5 }, () => undefined),
    )
  })
})

describe('a backend that publishes', () => {
  it.each([
    ['a type of the protocol', { type: 'reset' }],
    ['a type that is no name', { type: 'Not A Name' }],
    ['an id that is too long', { message_id: 'x'.repeat(129) }],
  ])('is refused %s', async (_, wrong) => {
    const request = { channel: 'chat:a', type: 'message', payload: {}, ...wrong }
    await expect(core.publish({ kind: 'server' }, request)).rejects.toMatchObject({
      reason: 'bad_envelope',
    })
  })
})

describe('a call', () => {
  it('is answered by the first client of the user', async () => {
    const one = harness.connect()
    const two = harness.connect()
    const result = core.call({ kind: 'server' }, 'ada', 'confirm', { n: 1 }, 1000)
    await clock.settle()
    const call = two.connection.of('call')[0]
    expect(call?.payload).toMatchObject({ method: 'confirm', args: { n: 1 }, timeout_ms: 1000 })
    expect(one.connection.of('call')).toHaveLength(1)
    two.session.receive(
      frame('result', { value: 42 }, { correlation_id: call!.metadata.message_id! }),
    )
    await expect(result).resolves.toEqual({ value: 42 })
  })

  it('cannot be answered by another user', async () => {
    const { connection } = harness.connect()
    const eve = harness.connect({ kind: 'user', user: 'eve' })
    const result = core.call({ kind: 'server' }, 'ada', 'confirm', null, 1000)
    const outcome = result.catch((error: unknown) => error)
    await clock.settle()
    const id = connection.of('call')[0]!.metadata.message_id!
    eve.session.receive(frame('result', { value: 'forged' }, { correlation_id: id }))
    await clock.advance(1_001)
    expect(await outcome).toMatchObject({ reason: 'unavailable' })
  })

  it('ends when the last client of the user leaves', async () => {
    const { session } = harness.connect()
    const result = core.call({ kind: 'server' }, 'ada', 'confirm', null, 1000)
    const outcome = result.catch((error: unknown) => error)
    await clock.settle()
    session.closed(1001)
    expect(await outcome).toMatchObject({ reason: 'not_found' })
  })

  it('is refused to users and says who is not connected', async () => {
    await expect(core.call(ADA, 'ada', 'm', null, 10)).rejects.toMatchObject({
      reason: 'forbidden',
    })
    await expect(core.call({ kind: 'server' }, 'bob', 'm', null, 10)).rejects.toMatchObject({
      reason: 'not_found',
    })
  })
})

describe('revocation', () => {
  it('ends the live sessions of the user and refuses older tokens', async () => {
    const { connection } = harness.connect()
    const ended = await core.disconnect({ kind: 'server' }, { user: 'ada' }, { revoke: true })
    expect(ended).toBe(1)
    expect(connection.closedWith).toMatchObject({ code: 4002 })
    await expect(core.authenticate('token of ada')).rejects.toMatchObject({
      reason: 'authentication_failed',
    })
    await expect(core.authenticate('token of bob')).resolves.toMatchObject({ user: 'bob' })
  })
})
