import { ProtocolError } from '@tidewire/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { ADA, CoreHarness, frame } from '../testing/core-harness.ts'
import type { FakeClock } from '../testing/fake-clock.ts'
import { HeldReads, startWithRights } from '../testing/rights-harness.ts'
import type { Core } from './core.ts'
import type { Actor } from './ports/actor.ts'
import type { RefreshTokenStore } from './ports/refresh-tokens.ts'
import type { Revocation, Target } from './ports/revocations.ts'
import { Revocations } from './revocations.ts'

const BACKEND: Actor = { kind: 'server', key_id: 'k1' }
const NO_REFRESH_TOKENS: RefreshTokenStore = {
  add: () => Promise.resolve(),
  use: () => Promise.resolve(undefined),
  isUsed: () => Promise.resolve(undefined),
  end: () => Promise.resolve(),
}

let rights: Awaited<ReturnType<typeof startWithRights>>
let core: Core
let clock: FakeClock

beforeEach(async () => {
  rights = await startWithRights()
  ;({ core, clock } = rights)
})

describe('a revocation', () => {
  const actors: [string, Target, Actor][] = [
    ['a user', { user: 'ada' }, ADA],
    ['a token', { token_id: 't1' }, { ...ADA, token_id: 't1' }],
    ['a login', { session: 's1' }, { ...ADA, session: 's1' }],
    ['a server key', { key_id: 'k2' }, { kind: 'server', key_id: 'k2' }],
  ]

  it.each(actors)('of %s ends its sessions, and no others', async (_, target, actor) => {
    const gone = [rights.connect(actor), rights.connect(actor)]
    const others = [
      rights.connect({ kind: 'user', user: 'eve', token_id: 't2', session: 's2' }),
      rights.connect(BACKEND),
    ]
    expect(await core.disconnect(BACKEND, target, { revoke: true })).toBe(2)
    const codes = [...gone, ...others].map(({ connection }) => connection.closedWith?.code)
    expect(codes).toEqual([4002, 4002, undefined, undefined])
  })

  it.each(actors)('of %s refuses it from then on, everywhere', async (_, target, actor) => {
    rights.tokens.set('token', actor)
    await core.disconnect(BACKEND, target, { revoke: true })
    const refused = { reason: 'authentication_failed' }
    await expect(core.authenticate('token', '192.0.2.1')).rejects.toMatchObject(refused)
    await expect(core.history(actor, 'chat:a', {})).rejects.toMatchObject(refused)
    await expect(
      core.publish(actor, { channel: 'chat:a', type: 'message', payload: {} }),
    ).rejects.toMatchObject(refused)
    // One that was let in before, and waited.
    const late = rights.connect(actor)
    expect(late.connection.closedWith?.code).toBe(4002)
    expect(late.connection.of('connection_established')).toEqual([])
  })

  it('stay as they are when the clock is set back', () => {
    const revocations = new Revocations()
    for (const at of [5_000, 3_000]) revocations.add({ target: { user: 'ada' }, at })
    const refused = outcome(() => revocations.check({ ...ADA, issued_at: 4_000 }))
    expect(refused).toBe('authentication_failed')
  })

  it.each([
    ['in the seconds before', -1_000, true],
    ['in whole seconds, within its own', 0, true],
    ['in whole seconds, within the next', 1_000, false],
    ['with milliseconds, before it', 122, true],
    ['with milliseconds, at its very moment', 123, true],
    ['with milliseconds, after it', 124, false],
  ])('of a user reaches tokens from before: issued %s (%i ms)', (_, ms, isRevoked) => {
    const [second, revocations] = [1_800_000_000_000, new Revocations()]
    revocations.add({ target: { user: 'ada' }, at: second + 123 })
    const refused = outcome(() => revocations.check({ ...ADA, issued_at: second + ms }))
    expect(refused).toBe(isRevoked ? 'authentication_failed' : undefined)
  })

  it('counts also when it comes while the token is looked at', async () => {
    const harness: CoreHarness = await CoreHarness.start({
      authenticator: {
        authenticate: () => {
          const looked = Promise.resolve(ADA)
          const after = looked.then(() => undefined)
          void after.then(() => harness.core.disconnect(BACKEND, { user: 'ada' }, { revoke: true }))
          return looked
        },
      },
    })
    const { session, connection } = harness.connectStranger()
    session.receive(frame('auth', { token: 'good' }))
    await harness.clock.settle()
    expect(connection.of('auth_response')).toEqual([])
    expect(connection.closedWith?.code).toBe(4002)
  })

  it('makes the hook forget what it knows of the user', async () => {
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: false })
    expect(rights.hook.forgotten).toEqual(['ada'])
  })

  it('without a lasting effect ends the sessions only', async () => {
    rights.tokens.set('token', ADA)
    const ada = rights.connect()
    expect(await core.disconnect(BACKEND, { user: 'ada' }, { revoke: false })).toBe(1)
    expect(ada.connection.closedWith?.code).toBe(1000)
    await expect(core.authenticate('token')).resolves.toMatchObject({ user: 'ada' })
  })

  it('is for servers only', async () => {
    rights.connect()
    await expect(core.disconnect(ADA, { user: 'ada' }, { revoke: true })).rejects.toMatchObject({
      reason: 'forbidden',
    })
    expect(core.sessions.of('ada')).toHaveLength(1)
  })

  it('is kept, and counts in the next life', async () => {
    const kept: Revocation[] = []
    const revocations = {
      all: () => Promise.resolve(kept),
      add: (revocation: Revocation) => Promise.resolve(void kept.push(revocation)),
    }
    const first = await CoreHarness.start({ revocations })
    await first.core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    const second = await CoreHarness.start({ revocations })
    await second.core.loadRevocations()
    await expect(second.core.authenticate('token of ada')).rejects.toMatchObject({
      reason: 'authentication_failed',
    })
    await expect(second.core.authenticate('token of bob')).resolves.toMatchObject({ user: 'bob' })
  })

  it('in the middle of paging history lets nothing more out', async () => {
    const held = new HeldReads(rights.harness.broker)
    await rights.harness.add('held', held)
    await rights.harness.publishMany(3)
    const ada = rights.connect()
    for (let i = 0; i < 3; i++) ada.session.receive(frame('history', { channel: 'held:a' }))
    const overHttp = core.history(ADA, 'held:a', {}).catch((error: unknown) => error)
    await clock.settle()
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    held.release()
    await clock.settle()
    expect(ada.connection.of('history')).toEqual([])
    expect(await overHttp).toMatchObject({ reason: 'authentication_failed' })
    // The pages that waited for the first one were never read.
    expect(held.reads).toBe(2)
  })

  it('in the middle of recovery lets nothing more out', async () => {
    const held = new HeldReads(rights.harness.broker)
    await rights.harness.add('held', held)
    await rights.harness.publishMany(3)
    const { epoch } = await core.history(BACKEND, 'chat:a', {})
    const ada = rights.connect()
    ada.session.receive(frame('subscribe', { channel: 'held:a', since: { epoch, offset: 0 } }))
    await clock.settle()
    await core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    held.release()
    await clock.settle()
    await core.publish(BACKEND, { channel: 'held:a', type: 'message', payload: {} })
    await clock.settle()
    expect(ada.connection.of('subscribed')).toEqual([])
    expect(ada.connection.offsets).toEqual([])
  })
})

describe('the logins of whom is revoked', () => {
  const ended = { connection: { closedWith: { code: 4002 } } }
  const failure = new ProtocolError('unavailable', 'The store failed.')

  /** A core whose store notes what it is asked, and how many sessions of Ada were there then. */
  async function startWithLogins(failing: { end?: true; add?: true } = {}) {
    const asked: [string, unknown, number][] = []
    const note = async (what: 'end' | 'add', target: unknown): Promise<void> => {
      asked.push([what, target, harness.core.sessions.of('ada').length])
      if (failing[what] === true) throw failure
    }
    const harness: CoreHarness = await CoreHarness.start({
      refreshTokens: { ...NO_REFRESH_TOKENS, end: (target) => note('end', target) },
      revocations: {
        all: () => Promise.resolve([]),
        add: ({ target }) => note('add', target),
      },
    })
    const ada = harness.connect({ ...ADA, session: 's1', token_id: 't1' })
    return { harness, core: harness.core, ada, asked }
  }

  it.each([
    ['a user', { user: 'ada' }, ['add', 'end', 'add']],
    ['a login', { session: 's1' }, ['add', 'end']],
  ] satisfies [string, Target, string[]][])(
    'end after their sessions, which do not wait: of %s',
    async (_, target, kept) => {
      const { core, ada, asked } = await startWithLogins()
      const answer = core.disconnect(BACKEND, target, { revoke: true })
      expect(ada).toMatchObject(ended)
      expect(await answer).toBe(1)
      expect(asked).toEqual(kept.map((what) => [what, target, 0]))
    },
  )

  it('take along what was made of a refresh token before that ended', async () => {
    let end = (): void => undefined
    const refreshTokens = {
      ...NO_REFRESH_TOKENS,
      end: () => new Promise<void>((resolve) => (end = resolve)),
    }
    const harness = await CoreHarness.start({ refreshTokens })
    const { core, clock } = harness
    harness.connect()
    const answer = core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
    await clock.advance(2_000)
    const made: Actor = { ...ADA, session: 's1', issued_at: clock.now() }
    const ada = harness.connect(made)
    expect(ada.connection.closedWith).toBeUndefined()
    end()
    expect(await answer).toBe(2)
    expect(ada).toMatchObject(ended)
    expect(core.rights.isRevoked(made)).toBe(true)
    await clock.advance(2_000)
    expect(core.rights.isRevoked({ ...made, issued_at: clock.now() })).toBe(false)
  })

  it.each([
    ['a token', { token_id: 't1' }],
    ['a server key', { key_id: 'k2' }],
  ] satisfies [string, Target][])('stay those that they are: of %s', async (_, target) => {
    const { core, asked } = await startWithLogins()
    await core.disconnect(BACKEND, target, { revoke: true })
    expect(asked.map(([what]) => what)).toEqual(['add'])
  })

  it('stay those that they are where connections end and nothing is revoked', async () => {
    const { core, asked } = await startWithLogins()
    expect(await core.disconnect(BACKEND, { user: 'ada' }, { revoke: false })).toBe(1)
    expect(asked).toEqual([])
  })

  it('stay those that they are when somebody asks who may not', async () => {
    const { core, ada, asked } = await startWithLogins()
    await expect(core.disconnect(ADA, { user: 'ada' }, { revoke: true })).rejects.toMatchObject({
      reason: 'forbidden',
    })
    expect(asked).toEqual([])
    expect(ada.connection.closedWith).toBeUndefined()
  })

  it.each([
    ['the logins cannot be ended', { end: true }, ['add', 'end']],
    ['the revocation cannot be kept', { add: true }, ['add', 'end', 'add']],
    ['neither can be', { end: true, add: true }, ['add', 'end']],
  ] satisfies [string, { end?: true; add?: true }, string[]][])(
    'do not keep their sessions when %s: those end, and who asked is told',
    async (_, failing, tried) => {
      const { core, ada, asked } = await startWithLogins(failing)
      const told: unknown[] = []
      core.rights.watch(({ target }) => void told.push(target))
      const answer = core.disconnect(BACKEND, { user: 'ada' }, { revoke: true })
      await expect(answer).rejects.toBe(failure)
      expect(ada).toMatchObject(ended)
      expect(asked.map(([what]) => what)).toEqual(tried)
      expect(told).toEqual(tried.filter((what) => what === 'add').map(() => ({ user: 'ada' })))
      await expect(core.authenticate('token of ada')).rejects.toMatchObject({
        reason: 'authentication_failed',
      })
    },
  )
})

function outcome(check: () => void): string | undefined {
  try {
    check()
    return undefined
  } catch (error) {
    return (error as ProtocolError).reason
  }
}
