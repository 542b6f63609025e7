import { once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { DEFAULT_FRAME_LIMITS, type ErrorPayload, ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietObserver, ScriptedService } from '../../contract/scripted-service.ts'
import { attachTo } from '../http-server.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import { Turnstile } from './turnstile.ts'
import { Door } from './door.ts'
import { createRequestListener, type HttpApi } from './http-api.ts'
import { WebSocketTransport } from './websocket.ts'

// Which pages and names may is the table of origins.test.ts. That it holds at every door, over sockets, is told here.

type Reply = { status: number; headers: http.IncomingHttpHeaders; text: string }

describe('at every door of a server', () => {
  let server: http.Server
  let api: HttpApi
  let service: ScriptedService
  let transport: WebSocketTransport
  let port: number

  beforeEach(async () => {
    service = new ScriptedService()
    const observer = quietObserver()
    const door = new Door({
      origins: ['https://app.ex.com', 'https://*.wild.com'],
      hosts: ['live.ex.com'],
      proxies: [],
      observer,
    })
    const turnstile = new Turnstile({ maxWaiting: 10, random: () => 0, observer })
    const shared = { door, service, turnstile, observer, frame: DEFAULT_FRAME_LIMITS }
    transport = new WebSocketTransport({
      ...shared,
      heartbeatMs: 25_000,
      compression: { enabled: false, min_bytes: 512 },
    })
    api = createRequestListener({
      ...shared,
      clock: new FakeClock(),
      readiness: () => [],
      issueDevToken: async () => ({ token: 't', expires_at: 0 }),
    })
    api.route('GET', '/v1/orders', () => Response.json({}, { headers: { vary: 'accept' } }))
    service.publish = async () => {
      throw new ProtocolError('rate_limited', 'Slow down.', { retryAfterMs: 1_200 })
    }
    server = http.createServer((_, response) => response.end('theirs'))
    attachTo(server, {
      request: api.listener,
      upgrade: (request, socket, head) => void transport.upgrade(request, socket, head),
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    ;({ port } = server.address() as AddressInfo)
  })

  afterEach(async () => {
    api.close()
    transport.close()
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  const send = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: string,
  ): Promise<Reply> =>
    new Promise((resolve, reject) => {
      const all = { host: 'live.ex.com', ...headers }
      const asking = http.request({ port, method, path, headers: all, agent: false })
      asking.on('response', (response) => {
        let text = ''
        const { statusCode: status = 0, headers } = response
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status, headers, text }))
      })
      asking.on('upgrade', (response, socket) => {
        socket.destroy()
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text: '' })
      })
      asking.on('error', reject)
      asking.end(body)
    })

  const UPGRADE = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    'sec-websocket-version': '13',
    'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const DOORS: readonly [string, string, Record<string, string>][] = [
    ['GET', '/v1/ws?token=t', UPGRADE],
    ['GET', '/v1/sse?channel=chat:a', {}],
    ['GET', '/v1/poll?channel=chat:a', {}],
    ['POST', '/v1/channels/chat:a/publications', {}],
    ['GET', '/v1/channels/chat:a/publications', {}],
    ['GET', '/v1/orders', {}],
    ['POST', '/v1/dev/token', {}],
    ['POST', '/v1/tokens/refresh', {}],
    ['GET', '/openapi.json', {}],
    ['GET', '/health', {}],
    ['GET', '/v1/nothing', {}],
    ['OPTIONS', '/v1/orders', { 'access-control-request-method': 'GET' }],
  ]
  const NAMED = DOORS.filter(([, path]) => path !== '/health')
  const FOREIGN = [
    'https://evil.io',
    'null',
    '',
    'https://app.ex.com.evil.io',
    'https://APP.ex.com',
  ]

  it.each(DOORS)(
    '%s %s refuses a foreign page before anything else',
    async (method, path, more) => {
      for (const origin of FOREIGN) {
        const { status, headers, text } = await send(method, path, { ...more, origin })
        expect([origin, status, JSON.parse(text)]).toEqual([
          origin,
          403,
          expect.objectContaining({ code: 4003, reason: 'origin_not_allowed' }),
        ])
        expect(headers).not.toHaveProperty('access-control-allow-origin')
      }
      expect(service).toMatchObject({ tokens: [], admitted: [], sessions: [] })
    },
  )

  it('tells how it is by every name', async () => {
    for (const path of ['/health', '/ready']) {
      expect((await send('GET', path, { host: '10.0.0.7:8080' })).status).toBe(200)
    }
  })

  it('tells how it is without a name, as HTTP/1.0 has it', async () => {
    for (const path of ['/health', '/ready']) {
      const socket = connect(port, '127.0.0.1').end(`GET ${path} HTTP/1.0\r\n\r\n`)
      const [answer] = (await once(socket, 'data')) as [Buffer]
      expect(answer.toString()).toMatch(/^HTTP\/1.1 200 /)
      socket.destroy()
    }
  })

  it.each(NAMED)('%s %s refuses a foreign name', async (method, path, more) => {
    const { status, text } = await send(method, path, { ...more, host: `evil.io:${port}` })
    expect([status, (JSON.parse(text) as ErrorPayload).code]).toEqual([403, 4003])
    expect(service).toMatchObject({ tokens: [], admitted: [], sessions: [] })
  })

  it('lets a page of the list read answers, refusals and errors included', async () => {
    const origin = 'https://a.wild.com'
    const readable = {
      'access-control-allow-origin': origin,
      'access-control-expose-headers': 'Tidewire-Cursor, Retry-After',
    }
    const publish = '/v1/channels/chat:a/publications'
    const limited = await send('POST', publish, { origin }, '{"type":"a"}')
    expect(limited).toMatchObject({ status: 429, headers: { ...readable, 'retry-after': '2' } })
    const malformed = await send('POST', publish, { origin }, 'no')
    expect(malformed).toMatchObject({ status: 400, headers: { ...readable, vary: 'Origin' } })
    const route = await send('GET', '/v1/orders', { origin })
    expect(route).toMatchObject({ status: 200, headers: { ...readable, vary: 'accept, Origin' } })
    const noChannel = await send('GET', '/v1/sse', { origin })
    expect(noChannel).toMatchObject({ status: 400, headers: { ...readable, vary: 'Origin' } })
    const poll = await send('GET', '/v1/poll?channel=nonsense', { origin })
    expect(poll).toMatchObject({ status: 400, headers: { ...readable, vary: 'Origin' } })
    const upgraded = await send('GET', '/v1/ws?token=t', { ...UPGRADE, origin })
    expect(upgraded.status).toBe(101)
  })

  it('answers what a browser asks before a request, for every route', async () => {
    const asking = { origin: 'https://app.ex.com', 'access-control-request-method': 'POST' }
    for (const path of ['/v1/orders', '/v1/publications', '/v1/sse', '/v1/poll', '/openapi.json']) {
      const { status, headers } = await send('OPTIONS', path, asking)
      expect(status).toBe(204)
      expect(headers).toMatchObject({
        'access-control-allow-origin': 'https://app.ex.com',
        'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
        'access-control-allow-headers': 'authorization, content-type, last-event-id',
        'access-control-max-age': '600',
        vary: 'Origin',
      })
      expect(headers).not.toHaveProperty('access-control-allow-credentials')
    }
    expect(service).toMatchObject({ tokens: [], admitted: [] })
    // Without the headers of a browser it is a method as any other.
    expect((await send('OPTIONS', '/v1/orders', {})).status).toBe(405)
  })

  it('says to nobody in particular what an answer varies by', async () => {
    const { headers } = await send('GET', '/v1/orders', {})
    expect(headers).toMatchObject({ vary: 'accept, Origin' })
    expect(headers).not.toHaveProperty('access-control-allow-origin')
  })

  it('leaves the other paths of an application’s server alone', async () => {
    const { status, headers, text } = await send('GET', '/app', {
      origin: 'https://evil.io',
      host: 'any.thing',
    })
    expect([status, text]).toEqual([200, 'theirs'])
    expect(headers).not.toHaveProperty('vary')
  })

  it('refuses a hundred headers more than anyone needs', async () => {
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`x-${i}`, '1']))
    for (const [method, path, more] of DOORS.slice(0, 4)) {
      const { status, text } = await send(method, path, { ...more, ...many })
      expect([status, (JSON.parse(text) as ErrorPayload).code]).toEqual([431, 4009])
    }
    expect(service).toMatchObject({ tokens: [], admitted: [], sessions: [] })
  })

  it('closes the socket of a refused handshake also when the peer does not', async () => {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    const head = Object.entries({ host: 'live.ex.com', origin: 'null', ...UPGRADE })
    const lines = head.map(([name, value]) => `${name}: ${value}\r\n`).join('')
    socket.write(`GET /v1/ws HTTP/1.1\r\n${lines}\r\n`)
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += String(chunk)))
    socket.on('error', () => undefined)
    await once(socket, 'end')
    expect(text).toMatch(/^HTTP\/1\.1 403 Forbidden\r\n[^]*"code":4003/)
    await expect
      .poll(() => new Promise((resolve) => server.getConnections((_, count) => resolve(count))), {
        timeout: 5_000,
      })
      .toBe(0)
    socket.destroy()
  })
})
