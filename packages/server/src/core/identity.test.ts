import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import type { Actor } from './ports/actor.ts'
import { CoreHarness, frame, LIMITS } from '../testing/core-harness.ts'

describe('tokens that are refused', () => {
  const failures = { burst: 3, per_second: 1 }
  const limits = { ...LIMITS, address: { ...LIMITS.address, failures } }

  it('are not looked at any more when there were too many from the address', async () => {
    const harness = await CoreHarness.start({ limits })
    const { core, clock } = harness
    const answers: unknown[] = []
    for (let i = 0; i < 10; i++) {
      await core.authenticate('forged', '192.0.2.1').catch((error: unknown) => answers.push(error))
    }
    expect(answers.map((error) => (error as ProtocolError).reason)).toEqual([
      ...Array.from({ length: 3 }, () => 'authentication_failed'),
      ...Array.from({ length: 7 }, () => 'rate_limited'),
    ])
    expect(harness.authentications).toBe(3)
    await expect(core.authenticate('token of ada', '192.0.2.1')).rejects.toMatchObject({
      retryAfterMs: 1_000,
    })
    await expect(core.authenticate('token of ada', '192.0.2.2')).resolves.toMatchObject({
      user: 'ada',
    })
    await clock.advance(1_000)
    await expect(core.authenticate('token of ada', '192.0.2.1')).resolves.toMatchObject({
      user: 'ada',
      address: '192.0.2.1',
    })
  })

  it('are counted for frames, too, and good ones are not', async () => {
    const harness = await CoreHarness.start({ limits })
    const { core, clock } = harness
    for (let i = 0; i < 10; i++) await core.authenticate('token of ada', '192.0.2.1')
    for (let i = 0; i < 3; i++) {
      harness.connectStranger().session.receive(frame('auth', { token: 'forged' }))
      await clock.settle()
    }
    const { session, connection } = harness.connectStranger()
    session.receive(frame('auth', { token: 'token of ada' }))
    await clock.settle()
    expect(connection.of('error')[0]?.payload).toMatchObject({ code: 4004 })
    expect(connection.closedWith).toBeUndefined()
  })

  it('do not shut out what costs nothing to look at, and who guesses that learns no more', async () => {
    const authenticator = {
      isQuick: (token: string) => token.startsWith('tw_'),
      authenticate: async (token: string): Promise<Actor> => {
        if (token === 'tw_good') return { kind: 'server', key_id: 'good' }
        throw new ProtocolError('authentication_failed', 'No.')
      },
    }
    const { core } = await CoreHarness.start({ limits, authenticator })
    const reason = (token: string) =>
      core.authenticate(token, '192.0.2.1').catch((error: ProtocolError) => error.reason)
    for (let i = 0; i < 3; i++) expect(await reason('tw_bad')).toBe('authentication_failed')
    expect(await reason('tw_bad')).toBe('rate_limited')
    expect(await reason('forged')).toBe('rate_limited')
    expect(await reason('tw_good')).toMatchObject({ kind: 'server' })
  })

  it('count the same for who is told at once, and so does who was revoked', async () => {
    const authenticator = {
      authenticateNow: (token: string): Actor => {
        if (token === 'forged') throw new ProtocolError('authentication_failed', 'No.')
        return { kind: 'user', user: token, issued_at: 1 }
      },
      authenticate: async (): Promise<Actor> => ({ kind: 'user', user: 'nobody' }),
    }
    const harness = await CoreHarness.start({ limits, authenticator })
    const { core, refusals } = harness
    const atOnce = (token: string, address = '192.0.2.1'): unknown => {
      try {
        return core.authenticateNow(token, address)
      } catch (error) {
        return (error as ProtocolError).reason
      }
    }
    expect(atOnce('ada')).toMatchObject({ user: 'ada', address: '192.0.2.1' })
    await core.disconnect({ kind: 'server' }, { user: 'ada' }, { revoke: true })
    for (const token of ['ada', 'forged', 'forged']) {
      expect(atOnce(token)).toBe('authentication_failed')
    }
    expect(atOnce('bob')).toBe('rate_limited')
    expect(atOnce('bob', '192.0.2.2')).toMatchObject({ user: 'bob' })
    expect(refusals.map(({ action }) => action)).toEqual(Array(4).fill('authenticate'))
  })

  it('are refresh tokens, too, which are not looked at any more either', async () => {
    const { core, clock } = await CoreHarness.start({ limits })
    const refused = new ProtocolError('authentication_failed', 'Log in again.')
    let looks = 0
    const trade = async (isGood: boolean): Promise<string> => {
      looks += 1
      if (!isGood) throw refused
      return 'the next'
    }
    const reason = (isGood: boolean, address = '192.0.2.1') =>
      core.refresh(address, () => trade(isGood)).catch((error: ProtocolError) => error.reason)
    expect(await reason(true)).toBe('the next')
    for (let i = 0; i < 3; i++) expect(await reason(false)).toBe('authentication_failed')
    expect(await reason(true)).toBe('rate_limited')
    expect(looks).toBe(4)
    expect(await reason(true, '192.0.2.2')).toBe('the next')
    await expect(core.authenticate('token of ada', '192.0.2.1')).rejects.toMatchObject({
      reason: 'rate_limited',
    })
    await clock.advance(1_000)
    expect(await reason(true)).toBe('the next')
  })

  it('are not those that only expired', async () => {
    const expired = new ProtocolError('session_expired', 'The token expired.')
    const authenticator = { authenticate: () => Promise.reject(expired) }
    const { core } = await CoreHarness.start({ limits, authenticator })
    for (let i = 0; i < 10; i++) {
      await expect(core.authenticate('old', '192.0.2.1')).rejects.toMatchObject({
        reason: 'session_expired',
      })
    }
  })
})
