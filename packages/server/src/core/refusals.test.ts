import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import { ADA, CoreHarness, frame, LIMITS, message } from '../testing/core-harness.ts'
import type { Actor } from './ports/actor.ts'

const AT = '192.0.2.1'
const FROM: Actor = { ...ADA, address: AT }
const NONE = { burst: 1, per_second: 0.01 }

describe('the audit log', () => {
  it('is told once of each frame that is refused, by whom, where and what', async () => {
    const { connect, clock, refusals } = await CoreHarness.start().then(bind)
    const { session } = connect()
    session.receive(message('x', 'm1', 'news:a'))
    session.receive(frame('subscribe', { channel: 'secret:a' }))
    await clock.settle()
    expect(refusals).toEqual([
      {
        reason: 'forbidden',
        action: 'publish',
        channel: 'news:a',
        user: 'ada',
        key_id: undefined,
        client_id: session.id,
        address: AT,
        transport: 'fake',
      },
    ])
  })

  it.each([
    ['history', frame('history', { channel: 'closed:a' }), 'history', 'forbidden'],
    ['a subscription', frame('subscribe', { channel: 'closed:a' }), 'subscribe', 'forbidden'],
    ['a token', frame('refresh', { token: 'forged' }), 'refresh', 'authentication_failed'],
    ['a token in `auth`', frame('auth', { token: 'forged' }), 'auth', 'authentication_failed'],
  ])('is told of %s', async (_, envelope, action, reason) => {
    const harness = await CoreHarness.start()
    await harness.add('closed', harness.broker, { subscribe: 'server', history: 'server' })
    harness.connect().session.receive(envelope)
    await harness.clock.settle()
    expect(harness.refusals).toMatchObject([{ action, reason, user: 'ada', address: AT }])
  })

  it.each([
    ['a mistake', frame('nonsense')],
    ['a bad payload', frame('subscribe', { channel: 7 })],
    ['what does not exist', frame('subscribe', { channel: 'nowhere:a' })],
  ])('is not told of %s', async (_, envelope) => {
    const harness = await CoreHarness.start()
    const { session, connection } = harness.connect()
    session.receive(envelope)
    session.refuse(new ProtocolError('bad_envelope', 'The frame is not valid JSON.'))
    await harness.clock.settle()
    expect(connection.of('error')).toHaveLength(2)
    expect(harness.refusals).toEqual([])
  })

  it('is told of what comes without a token, and of what never says who it is', async () => {
    const harness = await CoreHarness.start()
    harness.connectStranger().session.receive(message('x', 'm1'))
    harness.connectStranger()
    await harness.clock.advance(6_001)
    expect(harness.refusals).toMatchObject([
      { reason: 'authentication_required', action: 'message', address: AT },
      { reason: 'authentication_required', action: 'auth', address: AT },
    ])
  })

  it('is told once of each request that is refused', async () => {
    const { core, refusals } = await CoreHarness.start().then(bind)
    const used = new ProtocolError('authentication_failed', 'It was used before.')
    const refused = [
      () => core.publish(FROM, { channel: 'news:a', type: 'message', payload: {} }),
      () => core.call(FROM, 'bob', 'm', null, 1),
      () => core.disconnect(FROM, { user: 'bob' }, { revoke: true }),
      () => core.authenticate('forged', AT),
      () => core.authenticate(undefined, AT),
      () => core.refresh(AT, async () => Promise.reject(used)),
      () => core.history({ kind: 'anyone', address: AT }, 'chat:a', {}),
    ]
    for (const ask of refused) await expect(ask()).rejects.toThrow(ProtocolError)
    expect(refusals).toMatchObject([
      { reason: 'forbidden', action: 'publish', channel: 'news:a', user: 'ada', address: AT },
      { reason: 'forbidden', action: 'call', channel: 'user:bob', user: 'ada' },
      { reason: 'forbidden', action: 'disconnect', user: 'ada' },
      { reason: 'authentication_failed', action: 'authenticate', address: AT },
      { reason: 'authentication_required', action: 'authenticate', address: AT },
      { reason: 'authentication_failed', action: 'refresh', address: AT },
      { reason: 'authentication_required', action: 'history', address: AT },
    ])
  })

  it('is told of what was too much, and of what there was no room for', async () => {
    const address = { ...LIMITS.address, connects: NONE, requests: NONE }
    const harness = await CoreHarness.start({
      limits: {
        ...LIMITS,
        address,
        connection: { ...LIMITS.connection, commands: NONE },
        max_connections: 2,
        max_connections_per_user: 1,
      },
    })
    const { core, refusals } = harness
    const { session } = harness.connect()
    session.receive(frame('ping'))
    session.receive(frame('ping'))
    for (const what of ['connection', 'request'] as const) {
      core.admit(AT, what)
      expect(() => core.admit(AT, what)).toThrow(ProtocolError)
    }
    harness.connect()
    harness.connect({ kind: 'user', user: 'eve' })
    harness.connect({ kind: 'user', user: 'bob' })
    expect(refusals).toMatchObject([
      { reason: 'rate_limited', action: 'ping', user: 'ada', client_id: session.id },
      { reason: 'rate_limited', action: 'connect', address: AT },
      { reason: 'rate_limited', action: 'request', address: AT },
      { reason: 'too_many_connections', action: 'connect', user: 'ada', client_id: session.id },
      { reason: 'too_many_connections', action: 'connect', user: 'bob', address: AT },
    ])
  })
})

function bind(harness: CoreHarness) {
  const { core, clock, refusals } = harness
  return { core, clock, refusals, connect: harness.connect.bind(harness) }
}
