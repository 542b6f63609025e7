import { type Envelope, type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { MemoryBroker } from '../brokers/memory.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { FakeConnection } from '../testing/fake-connection.ts'
import { Core } from './core.ts'
import type { Rule } from './permissions.ts'
import type { Actor } from './ports/actor.ts'
import type { Broker, Page } from './ports/broker.ts'
import type { Session } from './session.ts'

const SILENT = {
  connected: () => undefined,
  disconnected: () => undefined,
  published: () => undefined,
  delivered: () => undefined,
  reset: () => undefined,
  failed: (where: string, error: unknown) => {
    throw new Error(`unexpected failure in ${where}`, { cause: error })
  },
}

const LIMITS = {
  max_frame_bytes: 65_536,
  max_depth: 64,
  max_keys: 1000,
  max_channels: 3,
  max_outbox_bytes: 1000,
  max_in_flight: 4,
  max_connections: 5,
}

const ADA: Actor = { kind: 'user', user: 'ada' }

let clock: FakeClock
let core: Core
let broker: MemoryBroker
let nextId: number

beforeEach(async () => {
  clock = new FakeClock()
  nextId = 0
  const newId = (): string => `id${(nextId += 1)}`
  core = new Core({
    clock,
    newId,
    observer: SILENT,
    limits: LIMITS,
    heartbeatMs: 25_000,
    random: () => 0.5,
    authenticator: {
      authenticate: (token) =>
        token.startsWith('token of ')
          ? Promise.resolve({
              kind: 'user' as const,
              user: token.slice(9),
              expires_at: clock.now() + 3_600_000,
            })
          : Promise.reject(new ProtocolError('authentication_failed', 'The token is forged.')),
    },
  })
  broker = new MemoryBroker({ clock, newId, retention: { max_entries: 100 } })
  await add('chat', broker)
  await add('news', broker, 'server')
})

async function add(name: string, its: Broker, publish: Rule = 'user'): Promise<void> {
  const policy = {
    durability: 'memory' as const,
    publish,
    subscribe: 'user' as const,
    history: 'user' as const,
    retention: {},
  }
  await core.addNamespace({ name, policy, broker: its })
}

function connect(actor: Actor | undefined = ADA): { session: Session; connection: FakeConnection } {
  const connection = new FakeConnection()
  return { connection, session: core.open(connection, actor) }
}

function frame(
  type: string,
  payload: JsonObject = {},
  metadata: Envelope['metadata'] = {},
): Envelope {
  return { type, payload, metadata }
}

function message(text: string, id: string, channel = 'chat:a'): Envelope {
  return frame('message', { text }, { message_id: id, channel })
}

async function publishMany(count: number, channel = 'chat:a'): Promise<void> {
  for (let i = 0; i < count; i++) {
    await core.publish(ADA, { channel, type: 'message', payload: { i } })
  }
}

describe('a session', () => {
  it('greets with who it is and what it may', async () => {
    const { connection } = connect()
    await clock.settle()
    expect(connection.frames[0]).toMatchObject({
      type: 'connection_established',
      payload: { authenticated: true, user: 'ada', heartbeat_ms: 25_000, limits: LIMITS },
    })
  })

  it('answers a publish with an ack that carries its position, and delivers it to subscribers', async () => {
    const { session, connection } = connect()
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
    const reader = connect()
    reader.session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    const before = reader.connection.writes.length
    const writer = connect()
    for (let i = 0; i < 3; i++) writer.session.receive(message('x', `m${i}`))
    await clock.settle()
    expect(reader.connection.writes.slice(before)).toHaveLength(1)
    expect(reader.connection.offsets).toEqual([1, 2, 3])
  })

  it('does not deliver to who subscribed later in the turn what its marker already covers', async () => {
    const writer = connect()
    const early = connect()
    early.session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    writer.session.receive(message('x', 'm1'))
    const late = connect()
    late.session.receive(frame('subscribe', { channel: 'chat:a' }))
    writer.session.receive(message('x', 'm2'))
    await clock.settle()
    const start = late.connection.of('subscribed')[0]?.payload['offset'] as number
    const expected = [1, 2].filter((offset) => offset > start)
    expect(late.connection.offsets).toEqual(expected)
    expect(early.connection.offsets).toEqual([1, 2])
  })

  it('recovers what was missed since a position', async () => {
    await publishMany(5)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'chat:a', since: { epoch, offset: 2 } }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({ offset: 2, recovered: true })
    expect(connection.offsets).toEqual([3, 4, 5])
  })

  it.each([
    ['expired', (epoch: string) => ({ epoch, offset: 2 })],
    ['epoch_changed', () => ({ epoch: 'another', offset: 140 })],
  ])('says `%s` when it cannot recover', async (reason, since) => {
    await publishMany(150)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'chat:a', since: since(epoch) }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({
      offset: 150,
      recovered: false,
      reason,
      oldest: 51,
    })
    expect(connection.offsets).toEqual([])
  })

  it('begins with the last ones when asked', async () => {
    await publishMany(5)
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'chat:a', last: 2 }))
    await clock.settle()
    expect(connection.of('subscribed')[0]?.payload).toMatchObject({ offset: 3, recovered: false })
    expect(connection.offsets).toEqual([4, 5])
  })

  it('repeats a message_id with its first offset and delivers nothing', async () => {
    const { session, connection } = connect()
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

  it('stops delivering after unsubscribed', async () => {
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'chat:a' }))
    await clock.settle()
    session.receive(frame('unsubscribe', { channel: 'chat:a' }))
    session.receive(message('x', 'm1'))
    await clock.settle()
    expect(connection.of('unsubscribed')).toHaveLength(1)
    expect(connection.of('message')).toHaveLength(0)
  })

  it('reads no further from a client that has too much unanswered work', async () => {
    const releases: (() => void)[] = []
    await add('slow', new Withheld(broker, releases))
    const { session, connection } = connect()
    for (let i = 0; i < 4; i++) session.receive(message('x', `m${i}`, 'slow:a'))
    expect(connection.paused).toBe(true)
    for (const release of releases) release()
    await clock.settle()
    expect(connection.paused).toBe(false)
    expect(connection.of('ack')).toHaveLength(4)
  })

  it('is closed as a slow consumer when its bytes pile up, and others go on', async () => {
    const slow = connect()
    const healthy = connect()
    for (const { session } of [slow, healthy]) {
      session.receive(frame('subscribe', { channel: 'chat:a' }))
    }
    await clock.settle()
    slow.connection.waiting = 1001
    await publishMany(2)
    await clock.settle()
    expect(slow.connection.closedWith).toEqual({ code: 4008, reason: 'slow_consumer' })
    expect(healthy.connection.offsets).toEqual([1, 2])
  })

  it('waits with history until the connection has room', async () => {
    await publishMany(50)
    const { epoch } = await core.history(ADA, 'chat:a', {})
    await add('paged', new Paged(broker, 10))
    const { session, connection } = connect()
    connection.waiting = 501
    session.receive(frame('subscribe', { channel: 'paged:a', since: { epoch, offset: 0 } }))
    await clock.settle()
    const first = connection.offsets.length
    connection.drain()
    await clock.settle()
    expect(first).toBe(10)
    expect(connection.offsets).toHaveLength(50)
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
    const { connection } = connect(expiring(180_000))
    await clock.advance(118_000)
    expect(connection.of('auth_expiring')).toHaveLength(0)
    await clock.advance(5_000)
    expect(connection.of('auth_expiring')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
    await clock.advance(60_000)
    expect(connection.closedWith?.code).toBe(4006)
  })

  it('can be refreshed for the same user', async () => {
    const { session, connection } = connect(expiring(90_000))
    session.receive(frame('refresh', { token: 'token of ada' }))
    await clock.advance(120_000)
    expect(connection.of('auth_response')).toHaveLength(1)
    expect(connection.closedWith).toBeUndefined()
  })

  it.each(['token of eve', 'forged'])('stays when `%s` comes to refresh it', async (token) => {
    const { session, connection } = connect()
    session.receive(frame('refresh', { token }))
    await clock.settle()
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4002 })
    expect(connection.closedWith).toBeUndefined()
    expect(session.user).toBe('ada')
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
    const { session, connection } = connect()
    session.receive(envelope)
    await clock.settle()
    expect(connection.of('error').map(({ payload }) => payload['code'])).toEqual([code])
    expect(connection.closedWith).toBeUndefined()
  })

  it('closes after ten undecodable frames', async () => {
    const { session, connection } = connect()
    const bad = new ProtocolError('bad_envelope', 'The message is not valid JSON.')
    for (let i = 0; i < 9; i++) session.refuse(bad)
    expect(connection.closedWith).toBeUndefined()
    session.refuse(bad)
    await clock.settle()
    expect(connection.closedWith).toMatchObject({ code: 4009 })
  })

  it('bounds the channels of a connection', async () => {
    const { session, connection } = connect()
    for (const name of ['a', 'b', 'c', 'd']) {
      session.receive(frame('subscribe', { channel: `chat:${name}` }))
      await clock.settle()
    }
    expect(connection.of('subscribed')).toHaveLength(3)
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4004 })
  })

  it('turns connections away when the server is full', async () => {
    for (let i = 0; i < 5; i++) connect()
    const { connection } = connect()
    expect(connection.closedWith).toMatchObject({ code: 4007 })
  })
})

describe('mode latest', () => {
  it('delivers the newest of each key once in an interval', async () => {
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'chat:a', mode: 'latest', interval_ms: 100 }))
    await clock.settle()
    for (let i = 0; i < 10; i++) {
      await core.publish(ADA, {
        channel: 'chat:a',
        type: 'price',
        payload: { key: `k${i % 2}`, i },
      })
      await clock.settle()
    }
    expect(connection.of('price')).toHaveLength(1)
    await clock.advance(100)
    expect(connection.offsets).toEqual([1, 9, 10])
    await clock.advance(1_000)
    expect(connection.offsets).toEqual([1, 9, 10])
  })
})

describe('a call', () => {
  it('is answered by the first client of the user', async () => {
    const one = connect()
    const two = connect()
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
    const { connection } = connect()
    const eve = connect({ kind: 'user', user: 'eve' })
    const result = core.call({ kind: 'server' }, 'ada', 'confirm', null, 1000)
    const outcome = expect(result).rejects.toMatchObject({ reason: 'unavailable' })
    await clock.settle()
    const id = connection.of('call')[0]!.metadata.message_id!
    eve.session.receive(frame('result', { value: 'forged' }, { correlation_id: id }))
    await clock.advance(1_001)
    await outcome
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
    const { connection } = connect()
    const ended = await core.disconnect({ kind: 'server' }, { user: 'ada' }, { revoke: true })
    expect(ended).toBe(1)
    expect(connection.closedWith).toMatchObject({ code: 4002 })
    await expect(core.authenticate('token of ada')).rejects.toMatchObject({
      reason: 'authentication_failed',
    })
    await expect(core.authenticate('token of bob')).resolves.toMatchObject({ user: 'bob' })
  })
})

describe('a gap on the bus', () => {
  it('is healed from the log without a reset', async () => {
    const lossy = new Lossy(broker)
    await add('lossy', lossy)
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'lossy:a' }))
    await clock.settle()
    for (let i = 0; i < 10; i++) {
      await core.publish(ADA, { channel: 'lossy:a', type: 'message', payload: { i } })
      await clock.settle()
    }
    expect(lossy.dropped).toBeGreaterThan(0)
    expect(connection.of('reset')).toHaveLength(0)
    expect(connection.offsets).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
  })

  it('becomes a reset when the log no longer holds it', async () => {
    const lossy = new Lossy(
      new MemoryBroker({ clock, newId: () => 'x', retention: { max_entries: 1 } }),
    )
    await add('tiny', lossy)
    const { session, connection } = connect()
    session.receive(frame('subscribe', { channel: 'tiny:a' }))
    await clock.settle()
    for (let i = 0; i < 4; i++) {
      await core.publish(ADA, { channel: 'tiny:a', type: 'message', payload: { i } })
      await clock.settle()
    }
    const reset = connection.of('reset')[0]
    expect(reset?.payload).toMatchObject({ channel: 'tiny:a', reason: 'expired' })
    const after = connection.frames.slice(connection.frames.indexOf(reset!) + 1)
    expect(
      after.every(({ metadata }) => metadata.offset! > (reset!.payload['offset'] as number)),
    ).toBe(true)
  })
})

/** A broker whose bus loses every third publication. */
class Lossy implements Broker {
  readonly #inner: Broker
  dropped = 0

  constructor(inner: Broker) {
    this.#inner = inner
  }

  start(onPublications: Parameters<Broker['start']>[0]): Promise<void> {
    return this.#inner.start((channel, epoch, publications) => {
      if (publications[0]!.metadata.offset! % 3 === 2) this.dropped += 1
      else onPublications(channel, epoch, publications)
    })
  }

  publish(draft: Publication): ReturnType<Broker['publish']> {
    return this.#inner.publish(draft)
  }

  history(channel: string, range: Parameters<Broker['history']>[1]): Promise<Page> {
    return this.#inner.history(channel, range)
  }

  join(channel: string): Promise<void> {
    return this.#inner.join(channel)
  }

  leave(channel: string): Promise<void> {
    return this.#inner.leave(channel)
  }

  stop(): Promise<void> {
    return this.#inner.stop()
  }
}

/** A broker that answers publishes when it is told to. */
class Withheld extends Lossy {
  readonly #releases: (() => void)[]

  constructor(inner: Broker, releases: (() => void)[]) {
    super(inner)
    this.#releases = releases
  }

  override async publish(draft: Publication): ReturnType<Broker['publish']> {
    await new Promise<void>((resolve) => this.#releases.push(resolve))
    return super.publish(draft)
  }
}

/** The history of `chat:a` under another name, in small pages. */
class Paged extends Lossy {
  readonly #size: number
  readonly #log: Broker

  constructor(inner: Broker, size: number) {
    super(inner)
    this.#log = inner
    this.#size = size
  }

  override history(_: string, range: Parameters<Broker['history']>[1]): Promise<Page> {
    return this.#log.history('chat:a', { ...range, limit: Math.min(range.limit, this.#size) })
  }
}
