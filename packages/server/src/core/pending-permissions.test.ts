import { ProtocolError } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { ADA, frame, message } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import { errorsOf, type SlowHook, startWithRights } from '../testing/rights-harness.ts'
import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'

const BACKEND: Actor = { kind: 'server', key_id: 'k1' }

let rights: Awaited<ReturnType<typeof startWithRights>>
let core: Core
let clock: FakeClock
let hook: SlowHook

beforeEach(async () => {
  rights = await startWithRights()
  ;({ core, clock, hook } = rights)
})

describe('publishes whose permission takes a while', () => {
  it('are handed on in their order, also those that are allowed at once', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'chat:a')
    hook.answer = 'later'
    ada.session.receive(message('1', 'm1', 'asked:a'))
    ada.session.receive(message('2', 'm2', 'chat:a'))
    ada.session.receive(message('3', 'm3', 'asked:a'))
    hook.waiting[1]?.resolve(true)
    await clock.settle()
    expect(ada.connection.of('ack')).toHaveLength(0)
    hook.waiting[0]?.resolve(true)
    await clock.settle()
    const acked = ada.connection.of('ack').map(({ metadata }) => metadata.correlation_id)
    expect(acked).toEqual(['m1', 'm2', 'm3'])
    const { publications } = await core.history(BACKEND, 'asked:a', {})
    expect(publications.map(({ metadata }) => metadata.message_id)).toEqual(['m1', 'm3'])
  })

  it('do not hold back for ever what comes behind a refusal', async () => {
    const ada = rights.connect()
    hook.answer = 'later'
    ada.session.receive(message('1', 'm1', 'asked:a'))
    ada.session.receive(message('2', 'm2', 'chat:a'))
    hook.waiting[0]?.reject(new ProtocolError('unavailable', 'The hook does not answer.'))
    await clock.settle()
    expect(errorsOf(ada)).toEqual(['unavailable'])
    expect(ada.connection.of('ack')).toHaveLength(1)
    // Nothing waits any more: at once again.
    ada.session.receive(message('3', 'm3', 'chat:a'))
    await clock.settle()
    expect(ada.connection.of('ack')).toHaveLength(2)
  })

  it('are not handed on when the connection ended meanwhile', async () => {
    const ada = rights.connect()
    hook.answer = 'later'
    ada.session.receive(message('1', 'm1', 'asked:a'))
    ada.session.receive(message('2', 'm2', 'chat:a'))
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    hook.waiting[0]?.resolve(true)
    await clock.settle()
    for (const channel of ['asked:a', 'chat:a']) {
      expect((await core.history(BACKEND, channel, {})).publications).toEqual([])
    }
  })

  it('are not handed on over HTTP when the user was revoked meanwhile', async () => {
    hook.answer = 'later'
    const published = core.publish(ADA, { channel: 'asked:a', type: 'message', payload: {} })
    const outcome = published.catch((error: unknown) => error)
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    hook.waiting[0]?.resolve(true)
    expect(await outcome).toMatchObject({ reason: 'authentication_failed' })
    expect((await core.history(BACKEND, 'asked:a', {})).publications).toEqual([])
  })
})

describe('a subscription whose permission takes a while', () => {
  it('does not begin when it was left meanwhile', async () => {
    const ada = rights.connect()
    hook.answer = 'later'
    ada.session.receive(frame('subscribe', { channel: 'asked:a' }, { message_id: 's' }))
    ada.session.receive(frame('unsubscribe', { channel: 'asked:a' }, { message_id: 'u' }))
    hook.waiting[0]?.resolve(true)
    await clock.settle()
    await core.publish(BACKEND, { channel: 'asked:a', type: 'message', payload: {} })
    await clock.settle()
    expect(ada.connection.of('unsubscribed')[0]?.metadata.correlation_id).toBe('u')
    expect(ada.connection.of('error')[0]).toMatchObject({
      payload: { reason: 'conflict' },
      metadata: { correlation_id: 's' },
    })
    expect(ada.connection.offsets).toEqual([])
  })

  it('gets nothing before it is allowed, and nothing when it is not', async () => {
    const ada = rights.connect()
    hook.answer = 'later'
    await rights.subscribe(ada, 'asked:a')
    await core.publish(BACKEND, { channel: 'asked:a', type: 'message', payload: {} })
    await clock.settle()
    expect(ada.connection.offsets).toEqual([])
    hook.waiting[0]?.resolve(false)
    await clock.settle()
    await core.publish(BACKEND, { channel: 'asked:a', type: 'message', payload: {} })
    await clock.settle()
    expect(errorsOf(ada)).toEqual(['forbidden'])
    expect(ada.connection.offsets).toEqual([])
  })

  it('does not begin when its user was revoked meanwhile', async () => {
    const ada = rights.connect()
    hook.answer = 'later'
    await rights.subscribe(ada, 'asked:a')
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    hook.waiting[0]?.resolve(true)
    await clock.settle()
    await core.publish(BACKEND, { channel: 'asked:a', type: 'message', payload: {} })
    await clock.settle()
    expect(ada.connection.of('subscribed')).toEqual([])
    expect(ada.connection.offsets).toEqual([])
    expect(ada.connection.closedWith?.code).toBe(4002)
  })
})
