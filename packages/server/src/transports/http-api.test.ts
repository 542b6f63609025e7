import http from 'node:http'
import { type ErrorPayload, ProtocolError } from '@tidewire/protocol'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { subscribeByWebSocket } from '../../contract/transport-clients.ts'
import { type Body, send } from '../../contract/http-client.ts'
import { serveScripted } from '../../contract/scripted-service.ts'
import { createServer, createServerKey, issueToken, type Server } from '../index.ts'
import { FakeClock } from '../testing/fake-clock.ts'

const SECRET = 'a secret of this test, 32 bytes or more'

describe('the HTTP API of a server', () => {
  let server: Server
  let url: string
  let user: string
  const { key, ...known } = createServerKey('backend')

  beforeAll(async () => {
    server = createServer({
      host: '127.0.0.1',
      port: 0,
      ops: { port: null },
      auth: { jwt_secret: SECRET, server_keys: [{ id: known.id, sha256: known.sha256 }] },
      log: { level: 'silent' },
      namespaces: {
        chat: { durability: 'memory', publish: 'user' },
        signal: { durability: 'none', publish: 'user' },
        news: { durability: 'memory', publish: 'server' },
      },
    })
    url = (await server.listen()).url
    user = (await issueToken({ secret: SECRET, user: 'ada', ttlMs: 600_000, now: Date.now() }))
      .token
  })
  afterAll(() => server.close())

  const message = { type: 'message', payload: { content: 'hi' } }

  it('publishes, and answers a repeated message_id with the first receipt', async () => {
    const path = `${url}/v1/channels/chat:publish/publications`
    const body = { ...message, message_id: 'm1' }
    const first = await send(path, { token: user, body })
    expect(first.status).toBe(201)
    expect(first.body).toEqual({
      epoch: expect.any(String),
      offset: 1,
      message_id: 'm1',
      duplicate: false,
    })
    const again = await send(path, { token: user, body })
    expect(again.status).toBe(200)
    expect(again.body).toEqual({ ...first.body, duplicate: true })
    const other = await send(path, { token: user, body: { ...body, payload: { content: 'ho' } } })
    expect([other.status, other.body['code']]).toEqual([409, 4013])
  })

  it('makes a message_id, and takes no payload for an empty one', async () => {
    const path = `${url}/v1/channels/signal:publish/publications`
    const { status, body } = await send(path, { token: user, body: { type: 'ring' } })
    expect(status).toBe(201)
    expect(body).toEqual({ message_id: expect.any(String), duplicate: false })
  })

  it('reads history by its bounds, ascending', async () => {
    const path = `${url}/v1/channels/chat:history/publications`
    for (let i = 1; i <= 5; i++) await send(path, { token: user, body: message })
    const newest = await send(`${path}?limit=2`, { token: user })
    expect(newest.status).toBe(200)
    expect(newest.body).toMatchObject({ channel: 'chat:history', oldest: 1, newest: 5, more: true })
    expect(offsets(newest.body)).toEqual([4, 5])
    expect(offsets((await send(`${path}?after=1&limit=2`, { token: user })).body)).toEqual([2, 3])
    expect(offsets((await send(`${path}?before=3`, { token: user })).body)).toEqual([1, 2])
    const stale = await send(`${path}?epoch=old`, { token: user })
    expect([stale.status, stale.body['code']]).toEqual([409, 4013])
  })

  it('decodes the channel of a path once', async () => {
    const path = `${url}/v1/channels/${encodeURIComponent('chat:a/b@c,d=e')}/publications`
    await send(path, { token: user, body: message })
    const { body } = await send(path, { token: user })
    expect(body['channel']).toBe('chat:a/b@c,d=e')
    const twice = await send(`${url}/v1/channels/chat%253Aa/publications`, { token: user })
    expect([twice.status, twice.body['message']]).toEqual([
      400,
      '`channel` is not a channel name such as `chat:general`.',
    ])
  })

  it('publishes to several channels with a result for each', async () => {
    const channels = ['chat:many', 'news:many', 'nowhere:many', 'signal:many']
    const { status, body } = await send(`${url}/v1/publications`, {
      token: user,
      body: { channels, ...message },
    })
    expect(status).toBe(200)
    expect(body['results']).toEqual([
      expect.objectContaining({ channel: 'chat:many', offset: 1, duplicate: false }),
      { channel: 'news:many', error: expect.objectContaining({ code: 4011 }) },
      { channel: 'nowhere:many', error: expect.objectContaining({ code: 4012 }) },
      { channel: 'signal:many', message_id: expect.any(String), duplicate: false },
    ])
  })

  it('asks who may', async () => {
    const path = `${url}/v1/channels/news:a/publications`
    const nobody = await send(path, { body: message })
    expect([nobody.status, nobody.body['code']]).toEqual([401, 4001])
    expect(nobody.headers.get('www-authenticate')).toBe('Bearer')
    const anyone = await send(path, { body: message, token: user })
    expect([anyone.status, anyone.body['code']]).toEqual([403, 4011])
    expect((await send(path, { body: message, token: key })).status).toBe(201)
    const forged = await send(path, { body: message, token: `${user}x` })
    expect([forged.status, forged.body['code']]).toEqual([401, 4002])
  })

  it('takes no token from the query', async () => {
    const path = `${url}/v1/channels/chat:a/publications?token=${user}`
    expect((await send(path, { body: message })).status).toBe(401)
  })

  it('calls, disconnects and revokes for server keys only', async () => {
    for (const path of ['users/ada/call', 'users/ada/disconnect', 'tokens/revoke']) {
      const body = path.endsWith('revoke') ? { user: 'nobody' } : { method: 'ask' }
      const answer = await send(`${url}/v1/${path}`, { token: user, body })
      expect([path, answer.status, answer.body['code']]).toEqual([path, 403, 4011])
    }
    const away = await send(`${url}/v1/users/nobody/call`, { token: key, body: { method: 'ask' } })
    expect([away.status, away.body['code']]).toEqual([404, 4012])
  })

  it('says 504 when a connected client does not answer a call in time, and ends it on demand', async () => {
    const client = await subscribeByWebSocket({ url, token: user, channels: ['chat:a'] })
    const body = { method: 'ask', args: { a: [1] }, timeout_ms: 20 }
    const call = await send(`${url}/v1/users/ada/call`, { token: key, body })
    expect([call.status, call.body['code']]).toEqual([504, 4014])
    const end = await send(`${url}/v1/users/ada/disconnect`, { token: key, method: 'POST' })
    expect([end.status, end.body]).toEqual([200, { disconnected: 1 }])
    await vi.waitFor(() => expect(client.ended).toBe(true))
  })

  it('refuses a revoked user from then on', async () => {
    const now = Date.now() - 5_000
    const { token } = await issueToken({ secret: SECRET, user: 'eve', ttlMs: 600_000, now })
    const path = `${url}/v1/channels/chat:a/publications`
    expect((await send(path, { token })).status).toBe(200)
    const revoke = await send(`${url}/v1/tokens/revoke`, { token: key, body: { user: 'eve' } })
    expect(revoke.status).toBe(200)
    expect((await send(path, { token })).status).toBe(401)
  })

  it.each([
    ['not JSON', '{"type": ', 'The body is not valid JSON.'],
    ['not an object', '[1]', 'The body is not a JSON object.'],
    ['without a type', { payload: {} }, /^`type` is missing/],
    ['of a type of the protocol', { type: 'reset', payload: {} }, /^`type` is a name of the/],
    ['with a bad payload', { type: 'a', payload: [] }, '`payload` is not a JSON object.'],
    ['with a foreign field', { ...message, messageId: 'm' }, /^`messageId` is not a field/],
    ['with a bad message_id', { ...message, message_id: 7 }, /^`message_id` is not a text/],
    ['too deep', `{"type":"a","payload":${'{"a":'.repeat(9999)}1${'}'.repeat(9999)}}`, /deeper/],
    [
      'with too many keys',
      { type: 'a', payload: Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [i, i])) },
      /keys/,
    ],
  ])('refuses a body that is %s with 4009', async (_, body, sentence) => {
    const path = `${url}/v1/channels/chat:bad/publications`
    const answer = await send(path, { token: user, body })
    expect([answer.status, answer.body['code']]).toEqual([400, 4009])
    expect(answer.body['message']).toMatch(sentence)
  })

  it('takes text in UTF-8 and in nothing else', async () => {
    const path = `${url}/v1/channels/chat:bytes/publications`
    const headers = { authorization: `Bearer ${user}` }
    const post = async (content: number[], stream: boolean): Promise<[number, unknown]> => {
      const parts = ['{"type":"a","payload":{"content":"', Buffer.from(content), '"}}']
      const body = Buffer.concat(parts.map((part) => Buffer.from(part)))
      const response = await fetch(path, {
        method: 'POST',
        headers,
        ...(stream ? { body: new Blob([body]).stream(), duplex: 'half' } : { body }),
      })
      const answer = (await response.json()) as Body
      return [response.status, answer['code'] ?? answer['offset']]
    }
    for (const stream of [false, true]) {
      expect(await post([0xff], stream)).toEqual([400, 4009])
      expect(await post([0xc3], stream)).toEqual([400, 4009])
      // A surrogate by itself.
      expect(await post([0xed, 0xa0, 0x80], stream)).toEqual([400, 4009])
    }
    expect(await post([0xc3, 0xa4], false)).toEqual([201, 1])
    expect(await post([0xef, 0xbf, 0xbd], true)).toEqual([201, 2])
  })

  it('takes a payload that is as deep as one of a frame, and none that is deeper', async () => {
    const path = `${url}/v1/channels/chat:deep/publications`
    // The payload itself is the first level.
    const publish = (levels: number) =>
      send(path, {
        token: user,
        body: `{"type":"a","payload":${'{"a":'.repeat(levels - 1)}{}${'}'.repeat(levels - 1)}}`,
      })
    expect((await publish(64)).status).toBe(201)
    expect(await publish(65)).toMatchObject({ status: 400, body: { code: 4009 } })
  })

  it.each([
    ['limit=0', '`limit` is not a whole number from 1 to 500.'],
    ['limit=501', '`limit` is not a whole number from 1 to 500.'],
    ['after=-1', /^`after` is not a whole number/],
    ['afer=1', '`afer` is not a field of this request.'],
  ])('refuses the query %j with 4009', async (query, sentence) => {
    const path = `${url}/v1/channels/chat:bad/publications?${query}`
    const answer = await send(path, { token: user })
    expect([answer.status, answer.body['code']]).toEqual([400, 4009])
    expect(answer.body['message']).toMatch(sentence)
  })

  it('bounds the body, announced or not', async () => {
    const path = `${url}/v1/channels/chat:large/publications`
    const large = JSON.stringify({ type: 'a', payload: { content: 'x'.repeat(120_000) } })
    const announced = await send(path, { token: user, body: large })
    expect([announced.status, announced.body['code']]).toEqual([413, 4005])
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${user}` }
      const request = http.request(path, { method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', reject)
      request.write(large.slice(0, 60_000))
      request.end(large.slice(60_000))
    })
    expect(status).toBe(413)
  })

  it.each([
    ['x', 70_000, 413, 4005],
    // Three bytes each.
    ['€', 22_000, 413, 4005],
    ['€', 21_000, 201, undefined],
    ['x', 65_000, 201, undefined],
  ])('bounds a publication as a frame: %j × %i gets %i', async (char, times, status, code) => {
    const path = `${url}/v1/channels/chat:frames/publications`
    const body = { type: 'a', payload: { content: char.repeat(times) } }
    const answer = await send(path, { token: user, body })
    expect([answer.status, answer.body['code']]).toEqual([status, code])
  })

  it('takes a body without an announced length', async () => {
    const status = await new Promise((resolve, reject) => {
      const path = `${url}/v1/channels/chat:chunks/publications`
      const headers = { authorization: `Bearer ${user}` }
      const request = http.request(path, { method: 'POST', headers }, (response) => {
        response.resume()
        resolve(response.statusCode)
      })
      request.on('error', reject)
      request.write('{"type":"mes')
      request.end('sage","payload":{"content":"ü"}}')
    })
    expect(status).toBe(201)
  })

  it('answers unknown addresses and wrong methods in JSON', async () => {
    const unknown = await send(`${url}/v1/nothing`)
    expect([unknown.status, unknown.body['code']]).toEqual([404, 4012])
    const method = await send(`${url}/v1/publications`, { method: 'DELETE' })
    expect([method.status, method.headers.get('allow')]).toEqual([405, 'POST'])
    expect(method.body['code']).toBe(4009)
    const socket = await send(`${url}/v1/ws`)
    expect([socket.status, socket.body['code']]).toEqual([426, 4009])
  })

  it('gives no token for the asking', async () => {
    const answer = await send(`${url}/v1/dev/token`, { body: { user: 'ada' } })
    expect([answer.status, answer.body['code']]).toEqual([404, 4012])
  })

  it('is alive, ready and described', async () => {
    expect(await send(`${url}/health`)).toMatchObject({ status: 200, body: { status: 'ok' } })
    expect(await send(`${url}/ready`)).toMatchObject({ status: 200, body: { status: 'ready' } })
  })

  it('describes what is there, all of it', async () => {
    const { body } = await send(`${url}/openapi.json`)
    expect(body['openapi']).toBe('3.1.0')
    const paths = body['paths'] as Record<string, Record<string, unknown>>
    expect(Object.keys(paths).toSorted()).toEqual([
      '/health',
      '/ready',
      '/v1/channels/{channel}/members',
      '/v1/channels/{channel}/members/{user}',
      '/v1/channels/{channel}/publications',
      '/v1/dev/token',
      '/v1/poll',
      '/v1/publications',
      '/v1/sse',
      '/v1/tokens',
      '/v1/tokens/refresh',
      '/v1/tokens/revoke',
      '/v1/users/{user}/call',
      '/v1/users/{user}/disconnect',
      '/v1/ws',
    ])
    for (const [path, operations] of Object.entries(paths)) {
      // Only a server for development has it.
      if (path === '/v1/dev/token') continue
      for (const method of Object.keys(operations)) {
        const { status } = await send(url + path, { method: method.toUpperCase() })
        expect([path, method, status]).not.toEqual([path, method, 404])
        expect([path, method, status]).not.toEqual([path, method, 405])
      }
    }
  })
})

describe('the HTTP API over any service', () => {
  type Fixture = Awaited<ReturnType<typeof serveScripted>>
  let fixture: Fixture | undefined

  const serve = async (options: Parameters<typeof serveScripted>[1] = {}): Promise<Fixture> =>
    (fixture = await serveScripted(new FakeClock(), options))

  afterEach(() => fixture?.close())

  it('logs what is nobody’s fault but its own, and tells nothing of it', async () => {
    const { url, service, failures } = await serve()
    const bug = new Error('the password is hunter2')
    service.history = async () => {
      throw bug
    }
    const answer = await send(`${url}/v1/channels/chat:a/publications`)
    expect([answer.status, answer.body['code']]).toEqual([500, 4000])
    expect(JSON.stringify(answer.body)).not.toContain('hunter2')
    expect(failures).toEqual([bug])
  })

  it('says when to come back', async () => {
    const { url, service } = await serve()
    service.publish = async () => {
      throw new ProtocolError('rate_limited', 'Slow down.', { retryAfterMs: 1200 })
    }
    const path = `${url}/v1/channels/chat:a/publications`
    const answer = await send(path, { body: { type: 'a' } })
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([429, '2'])
    expect(answer.body).toMatchObject({ code: 4004, retry_after_ms: 1200 })
  })

  it('is not ready for a reason', async () => {
    const { url } = await serve({ readiness: () => ['stopping', 'full'] })
    const { status, body } = await send(`${url}/ready`)
    expect(status).toBe(503)
    expect(body).toMatchObject({ code: 4014, reasons: ['stopping', 'full'] })
  })

  it('gives development tokens when it may', async () => {
    const { url } = await serve({
      issueDevToken: async (user) => ({ token: `for-${user}`, expires_at: 0 }),
    })
    const { status, body } = await send(`${url}/v1/dev/token`, { body: { user: 'ada' } })
    expect([status, body]).toEqual([
      200,
      { token: 'for-ada', expires_at: '1970-01-01T00:00:00.000Z' },
    ])
    const bad = await send(`${url}/v1/dev/token`, { body: { user: '' } })
    expect(bad.body['message']).toMatch(/^`user` is not a text/)
  })

  it('leaves to the fallback what is a page', async () => {
    const { url } = await serve({
      fallback: (request) =>
        request.url.endsWith('/gone')
          ? new Response('no such file', { status: 404 })
          : new Response(`page ${new URL(request.url).pathname}`),
    })
    const page = await fetch(`${url}/room/1`)
    expect(page.headers.has('vary')).toBe(false)
    expect([await page.text(), page.headers.get('x-content-type-options')]).toEqual([
      'page /room/1',
      'nosniff',
    ])
    expect((await send(`${url}/gone`)).body['code']).toBe(4012)
    expect((await send(`${url}/v1/nothing`)).body['code']).toBe(4012)
    expect((await send(`${url}/room/1`, { method: 'POST' })).body['code']).toBe(4012)
  })

  it('serves the routes of its users, at any time', async () => {
    const { url, api } = await serve()
    expect((await send(`${url}/v1/orders/7`)).status).toBe(404)
    api.route('GET', '/v1/orders/:id', ({ request, actor, params }) =>
      Response.json({ ...params, user: actor.user, query: new URL(request.url).search }),
    )
    api.route('POST', '/v1/orders/:id', async ({ request }) => {
      const { total } = (await request.json()) as { total: number }
      if (total < 0) throw new ProtocolError('conflict', 'The total is negative.')
      return Response.json({ total })
    })
    expect((await send(`${url}/v1/orders/a%20b?x=1`)).body).toEqual({
      id: 'a b',
      user: 'ada',
      query: '?x=1',
    })
    expect((await send(`${url}/v1/orders/7`, { body: { total: 3 } })).body).toEqual({ total: 3 })
    expect((await send(`${url}/v1/orders/7`, { body: { total: -3 } })).status).toBe(409)
    expect((await send(`${url}/v1/orders/7`, { body: 'x'.repeat(200_000) })).status).toBe(413)
    const method = await send(`${url}/v1/orders/7`, { method: 'PUT' })
    expect(method.headers.get('allow')).toBe('GET, POST')
  })

  it('answers a malformed request in JSON', async () => {
    const { url } = await serve()
    const answer = await new Promise<ErrorPayload>((resolve, reject) => {
      const request = http.get(url, { headers: { host: 'a b' }, setHost: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
        response.on('end', () => resolve(JSON.parse(text) as ErrorPayload))
      })
      request.on('error', reject)
    })
    expect(answer.code).toBe(4009)
  })
})

function offsets(body: Body): unknown[] {
  return (body['publications'] as { metadata: { offset: number } }[]).map(
    ({ metadata }) => metadata.offset,
  )
}
