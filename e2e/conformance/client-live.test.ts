import { afterEach, describe, expect, it, vi } from 'vitest'
import { type App, Meetings, until, WEB_SOCKETS } from './app.ts'
import type { Mirror } from './mirror.ts'
import type { Envelope } from './peer.ts'
import { type Act, closing, GREETING, GREETS, STREAMS } from './vectors/client-acts.ts'

const meetings = new Meetings()
afterEach(async () => {
  vi.useRealTimers()
  await meetings.end()
})

describe.each(WEB_SOCKETS)('a client with %s', (_, WebSocket) => {
  describe('and its publications', () => {
    const publishing = async (...acts: Act[]) => {
      const { mirror, app } = await meetings.meet([[...STREAMS, { awaits: 'order' }, ...acts]], {
        WebSocket,
      })
      await app.channel.subscribe({ since: { epoch: 'e1', offset: 0 } })
      return { mirror, app }
    }
    const ack = (payload: object = {}): Act => ({
      tells: 'ack',
      payload: { channel: 'chat:a', epoch: 'e1', offset: 9, duplicate: false, ...payload },
      metadata: { correlation_id: '$id' },
    })
    const refusal = (code: number, reason: string, temporary: boolean): Act => ({
      tells: 'error',
      payload: { code, reason, message: 'No.', temporary },
      metadata: { correlation_id: '$id' },
    })
    const sent = (mirror: Mirror): Envelope[] =>
      mirror.callers.flatMap(({ heard }) => heard).filter(({ type }) => type === 'order')

    it('sends one again with the same identity when the connection broke before its ack', async () => {
      const { mirror, app } = await publishing({ falls: 'resets' })
      await app.channel.publish('order', { n: 1 }, { messageId: 'o1' })
      expect(
        sent(mirror).map(({ metadata, payload }) => [metadata['message_id'], payload]),
      ).toEqual([
        ['o1', { n: 1 }],
        ['o1', { n: 1 }],
      ])
    })

    it('settles one once, by the first of two acks', async () => {
      const { app } = await publishing(ack(), ack({ offset: 10 }), { serves: true })
      const published = await app.channel.publish('order', {}, { messageId: 'o1' })
      expect(published).toEqual({ messageId: 'o1', epoch: 'e1', offset: 9, duplicate: false })
      await app.channel.publish('done', {})
      expect(app.errors).toEqual([])
    })

    it('tells of a duplicate', async () => {
      const { app } = await publishing(ack({ duplicate: true }), { serves: true })
      expect(await app.channel.publish('order', {})).toMatchObject({ duplicate: true, offset: 9 })
    })

    it('rejects one that is refused for good', async () => {
      const { mirror, app } = await publishing(refusal(4013, 'conflict', false), { serves: true })
      await expect(app.channel.publish('order', {})).rejects.toMatchObject({
        code: 4013,
        reason: 'conflict',
      })
      await app.channel.publish('done', {})
      expect(sent(mirror)).toHaveLength(1)
    })

    it('repeats one that is refused for now, with the same identity', async () => {
      const { mirror, app } = await publishing(refusal(4014, 'unavailable', true), { serves: true })
      await app.channel.publish('order', {}, { messageId: 'o1' })
      expect(sent(mirror).map(({ metadata }) => metadata['message_id'])).toEqual(['o1', 'o1'])
    })

    it('rejects the one that was too large for the connection, and lands the other', async () => {
      const { app } = await publishing({ awaits: 'order' }, closing(1009))
      const large = app.channel.publish('order', { text: 'x'.repeat(5000) })
      const small = app.channel.publish('order', { text: 'x' })
      await expect(large).rejects.toMatchObject({ reason: 'message_too_large' })
      await small
    })
  })

  describe('and its token', () => {
    const tokensOf = (mirror: Mirror): (string | undefined)[] =>
      mirror.callers.map(
        ({ head, heard }) =>
          /bearer\.([\w-]+)/.exec(head)?.[1] ??
          (heard.find(({ type }) => type === 'auth')?.payload['token'] as string | undefined),
      )
    const asking = () => {
      const reasons: string[] = []
      const getToken = ({ reason }: { reason: string }): Promise<string> => {
        reasons.push(reason)
        return Promise.resolve(`token-${reasons.length}`)
      }
      return { reasons, getToken }
    }

    it.each([4001, 4002, 4006])('asks for another one after %i', async (code) => {
      const { reasons, getToken } = asking()
      const { mirror, app } = await meetings.meet([[...STREAMS, closing(code)]], {
        WebSocket,
        getToken,
      })
      await app.channel.subscribe({ since: { epoch: 'e1', offset: 0 } })
      await until(
        () => app.delivered.length === 3,
        () => app.states,
      )
      expect(reasons).toEqual(['connect', 'refused'])
      expect(tokensOf(mirror)).toEqual(['token-1', 'token-2'])
      expect(app.broken).toEqual([])
    })

    it('does not ask for ever: between two tokens that are refused it waits', async () => {
      const { reasons, getToken } = asking()
      const refusing = [{ upgrades: {} }, closing(4002)]
      const { app } = await meetings.meet([refusing, refusing, refusing], { WebSocket, getToken })
      await until(
        () => app.state === 'connected',
        () => app.states,
      )
      expect(reasons).toEqual(['connect', 'refused', 'refused', 'refused'])
      expect(app.lost).toEqual(['authentication_failed'])
    })

    it('says it in the first frame where a handshake failed, and hears that it is refused', async () => {
      const calls: Act[][] = [
        [{ falls: 'resets' }],
        [
          { upgrades: {} },
          { tells: 'connection_established', payload: { ...GREETING, authenticated: false } },
          { awaits: 'auth' },
          closing(4002),
        ],
      ]
      const { mirror, app } = await meetings.meet(calls, { WebSocket, token: 'token-1' })
      await until(
        () => app.state === 'failed',
        () => app.states,
      )
      expect(app.client.state).toMatchObject({ reason: 'authentication_failed' })
      expect(tokensOf(mirror)).toEqual(['token-1', 'token-1'])
    })
  })

  describe('and the pace that the server asks for', () => {
    const told = (type: string, payload: object): Act => ({ tells: type, payload })
    const retryIn = ({ client: { state } }: App): number =>
      state.name === 'reconnecting' ? state.retryAt - Date.now() : Number.NaN

    it.each([
      ['as told', 60_000, 55_000, 60_000],
      ['five minutes at most', 1e12, 295_000, 300_000],
      ['at once where that is past', -5000, -1000, 20],
    ])('comes back after a shutdown %s', async (_, reconnect_in_ms, atLeast, atMost) => {
      const { app } = await meetings.meet(
        [[{ upgrades: {} }, GREETS, told('server_shutdown', { reconnect_in_ms }), closing(1012)]],
        { WebSocket },
      )
      const waits: number[] = []
      app.client.on('state', ({ to }) => {
        if (to.name === 'reconnecting') waits.push(retryIn(app))
      })
      await until(
        () => waits.length > 0,
        () => app.states,
      )
      expect(app.lost).toEqual(['server_shutdown'])
      expect(waits[0]).toBeGreaterThan(atLeast)
      expect(waits[0]).toBeLessThanOrEqual(atMost)
    })

    it('waits as long as `retry_after_ms` says before it connects again', async () => {
      const error = {
        code: 4004,
        reason: 'rate_limited',
        message: 'Slow down.',
        temporary: true,
        retry_after_ms: 60_000,
      }
      const { app } = await meetings.meet(
        [[{ upgrades: {} }, GREETS, told('error', error), closing(4004)]],
        { WebSocket },
      )
      await until(
        () => app.state === 'reconnecting',
        () => app.states,
      )
      expect(retryIn(app)).toBeGreaterThan(55_000)
      expect(app.errors).toEqual(['rate_limited'])
    })
  })

  describe('and a server that is silent', () => {
    // Time is moved by hand from here on, for the client and not for sockets.
    const meetSlowly = (script: Act[]) => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date', 'performance'] })
      return meetings.meet([script], { WebSocket, backoff: { minMs: 1, maxMs: 1 } })
    }

    it.each<[string, Act[]]>([
      ['before its answer to the handshake', []],
      ['before its greeting', [{ upgrades: {} }]],
    ])('gives it up after 8 s %s', async (_, script) => {
      const { mirror, app } = await meetSlowly(script)
      await until(
        () => mirror.callers[0]?.head !== undefined && mirror.callers[0].head !== '',
        () => 0,
      )
      await vi.advanceTimersByTimeAsync(7900)
      expect(app.state).toBe('connecting')
      await vi.advanceTimersByTimeAsync(200)
      await until(
        () => app.state === 'connected',
        () => app.states,
      )
      expect(app.lost).toEqual(['timeout'])
    })

    it('asks after its heartbeat, and gives it up 10 s later', async () => {
      const { mirror, app } = await meetSlowly([
        { upgrades: {} },
        { tells: 'connection_established', payload: { ...GREETING, heartbeat_ms: 1000 } },
      ])
      await until(
        () => app.state === 'connected',
        () => app.states,
      )
      await vi.advanceTimersByTimeAsync(1100)
      const asked = () => mirror.callers[0]!.heard.map(({ type }) => type)
      await until(() => asked().includes('ping'), asked)
      await vi.advanceTimersByTimeAsync(9000)
      expect(app.state).toBe('connected')
      await vi.advanceTimersByTimeAsync(1000)
      await until(
        () => app.states.length > 1 && app.state === 'connected',
        () => app.states,
      )
      expect(app.lost).toEqual(['heartbeat_timeout'])
    })

    it('gives it up when `subscribe` has no answer after 15 s', async () => {
      const { mirror, app } = await meetSlowly([{ upgrades: {} }, GREETS])
      const subscribed = app.channel.subscribe({ since: { epoch: 'e1', offset: 0 } })
      await until(
        () => mirror.callers[0]?.heard.length === 1,
        () => app.states,
      )
      await vi.advanceTimersByTimeAsync(15_100)
      await subscribed
      await until(
        () => app.delivered.length === 3,
        () => app.states,
      )
      expect(app.lost).toEqual(['timeout'])
      expect(app.broken).toEqual([])
    })

    it('sends a publication again that has no answer after 10 s', async () => {
      const { mirror, app } = await meetSlowly([
        { upgrades: {} },
        GREETS,
        { awaits: 'order' },
        { awaits: 'order' },
        { serves: true },
      ])
      const published = app.channel.publish('order', {}, { messageId: 'o1' })
      await until(
        () => mirror.callers[0]?.heard.length === 1,
        () => app.states,
      )
      await vi.advanceTimersByTimeAsync(10_100)
      expect(await published).toMatchObject({ messageId: 'o1' })
      const ids = mirror.callers[0]!.heard.map(({ metadata }) => metadata['message_id'])
      expect(ids).toEqual(['o1', 'o1'])
    })
  })
})
