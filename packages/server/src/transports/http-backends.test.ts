import { ProtocolError } from '@tidewire/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { type Body, send } from '../../contract/http-client.ts'
import { serveScripted } from '../../contract/scripted-service.ts'
import { FakeClock } from '../testing/fake-clock.ts'

type Fixture = Awaited<ReturnType<typeof serveScripted>>
let fixture: Fixture | undefined

const serve = async (options: Parameters<typeof serveScripted>[1] = {}): Promise<Fixture> =>
  (fixture = await serveScripted(new FakeClock(), options))

afterEach(() => fixture?.close())

describe('what a request may cost', () => {
  it('counts every request but those of backends, and none that only asks how it is', async () => {
    const { url, service } = await serve({
      issueDevToken: async () => ({ token: 't', expires_at: 0 }),
    })
    const counted = async (path: string, body?: unknown): Promise<string[]> => {
      await send(url + path, { body })
      return service.admitted.splice(0)
    }
    const one = ['request 127.0.0.1']
    const publish = ['/v1/channels/chat:a/publications', { type: 'a' }] as const
    expect(await counted(...publish)).toEqual(one)
    expect(await counted('/v1/dev/token', { user: 'ada' })).toEqual(one)
    expect(await counted('/v1/tokens/refresh', { refresh_token: 'r' })).toEqual(one)
    expect(await counted('/openapi.json')).toEqual(one)
    expect(await counted('/v1/ws')).toEqual(one)
    expect(await counted('/v1/poll?wait=0')).toEqual(['connection 127.0.0.1'])
    expect(await counted('/health')).toEqual([])
    expect(await counted('/ready')).toEqual([])
    service.actor = { kind: 'server' }
    expect(await counted(...publish)).toEqual([])
  })

  it('refuses what is not admitted before it looks any further', async () => {
    const { url, service } = await serve()
    service.admit = () => {
      throw new ProtocolError('rate_limited', 'Slow down.', { retryAfterMs: 2_001 })
    }
    for (const path of ['/v1/poll?channel=chat:a', '/v1/sse?channel=chat:a', '/openapi.json']) {
      const { status, headers, body } = await send(url + path)
      expect([path, status, headers.get('retry-after')]).toEqual([path, 429, '3'])
      expect(body['code']).toBe(4004)
    }
    expect(service).toMatchObject({ tokens: [], sessions: [] })
  })
})

describe('the routes of backends', () => {
  const backend = (fixture: Fixture): void => void (fixture.service.actor = { kind: 'server' })

  it('makes tokens, with everything that belongs to them', async () => {
    const asked: unknown[] = []
    const fixture = await serve({
      tokens: {
        issue: async (request) => {
          asked.push(request)
          return { token: 't', expires_at: 0 }
        },
        refresh: async (refreshToken) => ({
          token: `after ${refreshToken}`,
          expires_at: 0,
          session: 's',
          refresh_token: 'next',
          refresh_expires_at: 1_000,
        }),
      },
    })
    backend(fixture)
    const { url } = fixture
    const request = {
      user: 'ada',
      ttl_ms: 60_000,
      channels: { 'chat:*': ['subscribe', 'publish'], 'orders:42': ['*'] },
      refresh: true,
    }
    const made = await send(`${url}/v1/tokens`, { body: request })
    expect(made).toMatchObject({
      status: 201,
      body: { token: 't', expires_at: '1970-01-01T00:00:00.000Z' },
    })
    expect(made.headers.get('cache-control')).toBe('no-store')
    expect(asked).toEqual([request])
    await send(`${url}/v1/tokens`, { body: { user: 'ada' } })
    expect(asked[1]).toEqual({ user: 'ada' })
    const refreshed = await send(`${url}/v1/tokens/refresh`, { body: { refresh_token: 'r' } })
    expect(fixture.service.refreshed).toEqual(['127.0.0.1'])
    expect(refreshed.headers.get('cache-control')).toBe('no-store')
    expect([refreshed.status, refreshed.body]).toEqual([
      200,
      {
        token: 'after r',
        expires_at: '1970-01-01T00:00:00.000Z',
        session: 's',
        refresh_token: 'next',
        refresh_expires_at: '1970-01-01T00:00:01.000Z',
      },
    ])
  })

  it.each([
    [{}, /^`user`/],
    [{ user: 'ada', ttl_ms: 0 }, /^`ttl_ms`/],
    [{ user: 'ada', ttl_ms: 1e12 }, /^`ttl_ms`/],
    [{ user: 'ada', refresh: 'yes' }, /^`refresh`/],
    [{ user: 'ada', channels: ['chat:*'] }, /^`channels`/],
    [{ user: 'ada', channels: { 'chat:*': ['read'] } }, /^`channels`/],
    [{ user: 'ada', channels: { '*:a': ['publish'] } }, /^`channels`/],
    [{ user: 'ada', admin: true }, /^`admin`/],
  ])('makes no token of %j', async (body, message) => {
    const fixture = await serve()
    backend(fixture)
    const answer = await send(`${fixture.url}/v1/tokens`, { body })
    expect([answer.status, answer.body['code']]).toEqual([400, 4009])
    expect(answer.body['message']).toMatch(message)
  })

  it('says so when it makes no tokens and keeps no members', async () => {
    const fixture = await serve()
    backend(fixture)
    const { url } = fixture
    for (const [path, body] of [
      ['tokens', { user: 'ada' }],
      ['tokens/refresh', { refresh_token: 'r' }],
      ['channels/chat:a/members', undefined],
    ] as const) {
      const answer = await send(`${url}/v1/${path}`, { body })
      expect([path, answer.status, answer.body['code']]).toEqual([path, 404, 4012])
      expect(answer.body['message']).toMatch(/^This server does not offer it/)
    }
  })

  it('revokes a user, a login, a token or a key, and one of them at a time', async () => {
    const fixture = await serve()
    backend(fixture)
    const asked: unknown[] = []
    fixture.service.disconnect = async (actor, target, { revoke }) => {
      asked.push([actor.kind, target, revoke])
      return 2
    }
    const path = `${fixture.url}/v1/tokens/revoke`
    for (const target of [{ user: 'ada' }, { session: 's' }, { token_id: 't' }, { key_id: 'k' }]) {
      const { status, body } = await send(path, { body: target })
      expect([status, body]).toEqual([200, { disconnected: 2 }])
      expect(asked.splice(0)).toEqual([['server', target, true]])
    }
    const both = await send(path, { body: { user: 'ada', session: 's' } })
    expect([both.status, asked]).toEqual([400, []])
  })

  it.each([
    ['unavailable', 503],
    ['storage_full', 507],
  ] as const)('is told that what it revokes could not be kept: %s', async (reason, status) => {
    const fixture = await serve()
    backend(fixture)
    fixture.service.disconnect = () =>
      Promise.reject(new ProtocolError(reason, 'The store failed.'))
    const answer = await send(`${fixture.url}/v1/tokens/revoke`, { body: { user: 'ada' } })
    expect([answer.status, answer.body['reason']]).toEqual([status, reason])
    expect(answer.body).not.toHaveProperty('disconnected')
  })

  it('keeps members, and looks again at the rights of those whom it adds', async () => {
    const kept = new Set<string>()
    const fixture = await serve({
      members: {
        has: (_, user) => kept.has(user),
        add: async (_, user) => kept.size < kept.add(user).size,
        remove: async (_, user) => kept.delete(user),
        count: async () => kept.size,
        channels: async () => [],
        list: async (_, { after = '', limit }) =>
          [...kept]
            .toSorted()
            .filter((user) => user > after)
            .slice(0, limit),
      },
    })
    backend(fixture)
    const { url, service } = fixture
    const path = `${url}/v1/channels/${encodeURIComponent('chat:a/b')}/members`
    const change = async (method: string, user: string): Promise<[number, Body]> => {
      const { status, body } = await send(`${path}/${user}`, { method })
      return [status, body]
    }
    const member = { channel: 'chat:a/b', user: 'ada@l' }
    expect(await change('PUT', 'ada%40l')).toEqual([201, { ...member, added: true }])
    expect(await change('PUT', 'ada%40l')).toEqual([200, { ...member, added: false }])
    expect(await change('PUT', 'ada%20l')).toMatchObject([400, { code: 4009 }])
    await change('PUT', 'bob')
    await change('PUT', 'eve')
    const again = ['ada@l', 'ada@l', 'bob', 'eve'].map((user) => `${user} chat:a/b`)
    expect(service.rechecked).toEqual(again)
    const page = await send(`${path}?limit=2`)
    expect(page.body).toEqual({ channel: 'chat:a/b', members: ['ada@l', 'bob'], more: true })
    const rest = await send(`${path}?after=bob`)
    expect(rest.body).toEqual({ channel: 'chat:a/b', members: ['eve'], more: false })
    expect(await change('DELETE', 'eve')).toEqual([
      200,
      { channel: 'chat:a/b', user: 'eve', removed: true },
    ])
    expect((await change('DELETE', 'eve'))[1]).toMatchObject({ removed: false })
    expect((await change('PUT', 'e%00e'))[0]).toBe(400)
    expect((await send(`${path}?limit=1001`)).status).toBe(400)
  })

  it('keeps no members of a channel that cannot be', async () => {
    const untouched = async (): Promise<never> => {
      throw new Error('The store was asked.')
    }
    const fixture = await serve({
      members: {
        has: () => false,
        add: untouched,
        remove: untouched,
        count: untouched,
        channels: untouched,
        list: untouched,
      },
    })
    backend(fixture)
    fixture.service.checkChannel = (channel) => {
      throw new ProtocolError('not_found', `There is no ${channel}.`)
    }
    const path = `${fixture.url}/v1/channels/nope:7/members`
    for (const [method, at] of [
      ['GET', path],
      ['PUT', `${path}/ada`],
      ['DELETE', `${path}/ada`],
    ] as const) {
      const { status, body } = await send(at, { method })
      expect([method, status, body['message']]).toEqual([method, 404, 'There is no nope:7.'])
    }
  })

  it('is for nobody else, who is noted', async () => {
    const { url, service, refusals } = await serve()
    service.actor = { kind: 'user', user: 'ada', address: '192.0.2.1' }
    const asked = [
      ['POST', 'tokens'],
      ['POST', 'tokens/revoke'],
      ['GET', 'channels/chat:a/members'],
      ['PUT', 'channels/chat:a/members/eve'],
      ['DELETE', 'channels/chat:a/members/eve'],
    ] as const
    for (const [method, path] of asked) {
      const answer = await send(`${url}/v1/${path}`, { method })
      expect([path, answer.status, answer.body['code']]).toEqual([path, 403, 4011])
    }
    expect(refusals).toHaveLength(asked.length)
    expect(refusals[0]).toEqual({
      reason: 'forbidden',
      action: 'request',
      user: 'ada',
      address: '192.0.2.1',
      transport: 'http',
    })
  })
})
