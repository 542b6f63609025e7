import { ProtocolError } from '@tidewire/protocol'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ADA, type Connected, frame, Paged } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import {
  errorsOf,
  type FewMembers,
  type SlowHook,
  startWithRights,
} from '../testing/rights-harness.ts'
import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'
import { parseCapabilities } from './ports/capabilities.ts'

const BACKEND: Actor = { kind: 'server', key_id: 'k1' }

let rights: Awaited<ReturnType<typeof startWithRights>>
let core: Core
let clock: FakeClock
let hook: SlowHook
let members: FewMembers

beforeEach(async () => {
  rights = await startWithRights()
  ;({ core, clock, hook, members } = rights)
})

/** What the server ended without being asked, by its reason. */
function ended({ connection }: Connected): unknown[] {
  return connection.of('unsubscribed').map(({ payload }) => {
    const error = payload['error'] as { reason: string } | undefined
    return [payload['channel'], error?.reason]
  })
}

describe('a member that is removed', () => {
  it('is told, gets nothing from then on, and keeps its other channels', async () => {
    members.all.add('club:a ada').add('club:b ada')
    const ada = rights.connect()
    await rights.subscribe(ada, 'club:a', 'club:b', 'chat:a')
    members.all.delete('club:a ada')
    await core.recheck('ada', 'club:a')
    for (const channel of ['club:a', 'club:b', 'chat:a']) {
      await core.publish(BACKEND, { channel, type: 'message', payload: {} })
    }
    await clock.settle()
    expect(ended(ada)).toEqual([['club:a', 'forbidden']])
    expect(ada.connection.of('message').map(({ metadata }) => metadata.channel)).toEqual([
      'club:b',
      'chat:a',
    ])
    expect(rights.harness.refusals).toMatchObject([
      { action: 'subscribe', channel: 'club:a', user: 'ada', reason: 'forbidden' },
    ])
    expect(hook.forgotten).toEqual(['ada'])
  })

  it('loses the stream, which cannot be told in another way', async () => {
    members.all.add('club:a ada')
    const ada = rights.connect(ADA, { transport: 'sse', duplex: false })
    await rights.subscribe(ada, 'club:a')
    members.all.delete('club:a ada')
    await core.recheck('ada', 'club:a')
    expect(errorsOf(ada)).toEqual(['forbidden'])
    expect(ada.connection.closedWith?.code).toBe(4011)
  })

  it('and still has the right, or is not there, sees nothing of it', async () => {
    members.all.add('club:a ada')
    const ada = rights.connect()
    await rights.subscribe(ada, 'club:a')
    await core.recheck('ada', 'club:a')
    await core.recheck('ada', 'club:other')
    await core.recheck('bob', 'club:a')
    await core.publish(BACKEND, { channel: 'club:a', type: 'message', payload: {} })
    await clock.settle()
    expect(ended(ada)).toEqual([])
    expect(ada.connection.offsets).toEqual([1])
  })

  it('gets nothing of what was still to be caught up', async () => {
    members.all.add('club:a ada')
    await rights.harness.add('small', new Paged(rights.harness.broker, 1), { subscribe: 'member' })
    members.all.add('small:a ada')
    await rights.harness.publishMany(20)
    const { epoch } = await core.history(BACKEND, 'chat:a', { limit: 1 })
    const ada = rights.connect()
    ada.session.receive(frame('subscribe', { channel: 'small:a', since: { epoch, offset: 0 } }))
    // The first page is on its way, the next ones wait for the connection to take it.
    ada.connection.waiting = 600
    await clock.settle()
    const before = ada.connection.offsets.length
    expect(before).toBeLessThan(20)
    members.all.delete('small:a ada')
    await core.recheck('ada', 'small:a')
    ada.connection.drain()
    await clock.settle()
    expect(ada.connection.offsets).toHaveLength(before)
    expect(ended(ada)).toEqual([['small:a', 'forbidden']])
  })
})

describe('the sweep over what is open', () => {
  it('ends the subscriptions that the hook refuses now, and no others', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a', 'asked:b', 'chat:a')
    const asked = hook.asked.length
    hook.answer = false
    await clock.advance(29_999)
    expect(ended(ada)).toEqual([])
    await clock.advance(1)
    expect(ended(ada)).toEqual([
      ['asked:a', 'forbidden'],
      ['asked:b', 'forbidden'],
    ])
    expect(hook.asked.slice(asked).map(({ channel }) => channel)).toEqual(['asked:a', 'asked:b'])
  })

  it('closes what nobody can answer for, until somebody can', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a')
    hook.answer = new ProtocolError('unavailable', 'The hook does not answer.')
    await clock.advance(30_000)
    expect(ended(ada)).toEqual([['asked:a', 'unavailable']])
    expect(ada.connection.closedWith).toBeUndefined()
    // Not a refusal: nobody said no.
    expect(rights.harness.refusals).toEqual([])
    hook.answer = true
    await rights.subscribe(ada, 'asked:a')
    expect(ada.connection.of('subscribed')).toHaveLength(2)
  })

  it('comes again and again', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a')
    await clock.advance(300_000)
    expect(hook.asked).toHaveLength(11)
    await core.stop(0)
    await clock.advance(300_000)
    expect(hook.asked).toHaveLength(11)
  })

  it('does not go on when the server stops in the middle of it', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a')
    hook.answer = 'later'
    await clock.advance(30_000)
    await core.stop(0)
    hook.waiting[0]?.resolve(true)
    await clock.settle()
    const sweeps = vi.spyOn(core.sessions, 'all')
    await clock.advance(300_000)
    expect(sweeps).not.toHaveBeenCalled()
  })

  it('does not end a subscription that was made anew while the hook was asked', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a')
    hook.answer = 'later'
    await clock.advance(30_000)
    hook.answer = true
    await rights.subscribe(ada, 'asked:a')
    hook.waiting[0]?.resolve(false)
    await clock.settle()
    expect(ended(ada)).toEqual([])
  })

  it('does not ask about server keys and claims', async () => {
    const claims: Actor = { ...ADA, channels: parseCapabilities({ 'club:*': ['subscribe'] }) }
    await rights.subscribe(rights.connect(BACKEND), 'asked:a')
    await rights.subscribe(rights.connect(claims), 'club:a')
    await clock.advance(30_000)
    expect(hook.asked).toEqual([])
  })
})

describe('a token that is refreshed', () => {
  const claims = (channels: Record<string, string[]>): Actor => ({
    ...ADA,
    channels: parseCapabilities(channels),
  })

  it('ends at once what the new one does not grant', async () => {
    const ada = rights.connect(claims({ 'chat:*': ['*'] }))
    await rights.subscribe(ada, 'chat:a', 'chat:b')
    rights.tokens.set('less', claims({ 'chat:b': ['subscribe'] }))
    ada.session.receive(frame('refresh', { token: 'less' }))
    await clock.settle()
    await core.publish(BACKEND, { channel: 'chat:a', type: 'message', payload: {} })
    await core.publish(BACKEND, { channel: 'chat:b', type: 'message', payload: {} })
    await clock.settle()
    expect(ended(ada)).toEqual([['chat:a', 'forbidden']])
    expect(ada.connection.of('message').map(({ metadata }) => metadata.channel)).toEqual(['chat:b'])
    const types = ada.connection.frames.map(({ type }) => type)
    expect(types.indexOf('unsubscribed')).toBeLessThan(types.indexOf('auth_response'))
  })

  it('is not judged by what was asked for the old one', async () => {
    const ada = rights.connect()
    await rights.subscribe(ada, 'asked:a')
    hook.answer = 'later'
    await clock.advance(30_000)
    hook.answer = true
    rights.tokens.set('newer', { ...ADA })
    ada.session.receive(frame('refresh', { token: 'newer' }))
    await clock.settle()
    hook.waiting[0]?.resolve(false)
    await clock.settle()
    expect(ended(ada)).toEqual([])
  })

  it.each([
    ['another user', { kind: 'user', user: 'eve' }],
    ['a server key', BACKEND],
  ] satisfies [string, Actor][])('is refused when it is of %s', async (_, actor) => {
    const ada = rights.connect()
    rights.tokens.set('other', actor)
    ada.session.receive(frame('refresh', { token: 'other' }))
    await clock.settle()
    expect(errorsOf(ada)).toEqual(['authentication_failed'])
    expect(ada.connection.closedWith).toBeUndefined()
    expect(core.sessions.of('ada')).toHaveLength(1)
    expect(rights.harness.refusals).toMatchObject([{ action: 'refresh', user: 'ada' }])
  })

  it('ends the connection when `auth` brings another user', async () => {
    const ada = rights.connect()
    rights.tokens.set('other', { kind: 'user', user: 'eve' })
    ada.session.receive(frame('auth', { token: 'other' }))
    await clock.settle()
    expect(ada.connection.closedWith?.code).toBe(4002)
    expect(core.sessions.size).toBe(0)
  })
})

describe('who watches revocations', () => {
  it('is told of each before its maker is answered, and stops nobody by failing', async () => {
    const told: unknown[] = []
    const failed = vi.spyOn(core.observer, 'failed').mockImplementation(() => undefined)
    let done = (): void => undefined
    core.rights.watch(() => {
      throw new Error('a listener that fails')
    })
    core.rights.watch(async ({ target }) => {
      await new Promise<void>((resolve) => (done = resolve))
      told.push(target)
    })
    const answered = core.disconnect(BACKEND, { user: 'ada' }, { revoke: true }).then(() => {
      told.push('answered')
    })
    await clock.settle()
    expect(told).toEqual([])
    done()
    await answered
    expect(told).toEqual([{ user: 'ada' }, 'answered'])
    expect(failed.mock.calls).toEqual([['revocation', expect.any(Error)]])
    expect(core.rights.isRevoked({ kind: 'user', user: 'ada', issued_at: 1 })).toBe(true)
    expect(core.rights.isRevoked({ kind: 'user', user: 'bob', issued_at: 1 })).toBe(false)
  })

  it('hears nothing of connections that only end, and nothing when it has left', async () => {
    const told: unknown[] = []
    const leave = core.rights.watch(({ target }) => void told.push(target))
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: false })
    await core.disconnect(BACKEND, { session: 'one' }, { revoke: true })
    leave()
    await core.disconnect(BACKEND, { session: 'two' }, { revoke: true })
    expect(told).toEqual([{ session: 'one' }])
  })
})
