import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { DEFAULT_FRAME_LIMITS, type ErrorPayload, ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { quietObserver, ScriptedService } from '../../contract/scripted-service.ts'
import { attachTo } from '../http-server.ts'
import { FakeClock } from '../testing/fake-clock.ts'
import type { Refusal } from '../core/ports/observer.ts'
import { Admission } from './admission.ts'
import { Door, type DoorOptions } from './door.ts'
import { createRequestListener, type HttpApi } from './http-api.ts'
import { WebSocketTransport } from './websocket.ts'

const ORIGINS = ['https://app.ex.com', 'https://*.wild.com', 'https://shop.ex.com:8443', 'app://-']

/** Whether a server that is asked as `live.ex.com`, over a plain socket, lets it in; `*`: one that lets in all pages. */
const MATRIX: readonly [
  origin: string | string[] | undefined,
  allowed: boolean | '*',
  why: string,
][] = [
  [undefined, true, 'no page'],
  ['https://app.ex.com', true, 'in the list'],
  ['https://shop.ex.com:8443', true, 'in the list, with its port'],
  ['app://-', true, 'in the list, of a scheme without ports'],
  ['https://a.wild.com', true, 'one label before the wildcard'],
  ['https://a-1.b.c.wild.com', true, 'several labels before the wildcard'],
  ['https://live.ex.com', true, 'the same host, behind TLS'],
  ['http://live.ex.com', true, 'the same host'],
  ['', false, 'empty'],
  ['null', false, 'a sandbox or a file'],
  ['file://', false, 'a file'],
  ['https://app.ex.com.evil.io', '*', 'ours as a label of another'],
  ['https://evilapp.ex.com', '*', 'another name that ends as ours'],
  ['https://app.ex.com:444', '*', 'another port'],
  ['https://app.ex.com:443', false, 'a port that no browser writes'],
  ['https://shop.ex.com', '*', 'without its port'],
  ['http://app.ex.com', '*', 'another scheme'],
  ['wss://app.ex.com', '*', 'the scheme of the socket'],
  ['https://APP.ex.com', false, 'upper case'],
  ['HTTPS://app.ex.com', false, 'upper case scheme'],
  ['https://app.ex.com.', false, 'a dot at the end'],
  ['https://app.ex.com/', false, 'a path'],
  ['https://app.ex.com?x', false, 'a query'],
  ['https://app.ex.com#x', false, 'a fragment'],
  ['https://app.ex.com@evil.io', false, 'ours as a user'],
  ['https://evil.io@app.ex.com', false, 'a user before ours'],
  ['https://evil.io\\@app.ex.com', false, 'a backslash'],
  ['https://app.ex.com https://evil.io', false, 'two in one'],
  ['https://app.ex.com, https://evil.io', false, 'a list'],
  [['https://app.ex.com', 'https://app.ex.com'], false, 'two headers'],
  ['//app.ex.com', false, 'no scheme'],
  ['app.ex.com', false, 'a name'],
  ['https://wild.com', '*', 'no label before the wildcard'],
  ['https://.wild.com', false, 'an empty label before the wildcard'],
  ['https://a..wild.com', false, 'an empty label in between'],
  ['https://evilwild.com', '*', 'no dot before the wildcard'],
  ['https://a.wild.com:8443', '*', 'the wildcard on another port'],
  ['http://a.wild.com', '*', 'the wildcard with another scheme'],
  ['https://a.wild.com.evil.io', '*', 'the wildcard as a label of another'],
  ['https://*.wild.com', false, 'the wildcard itself'],
  ['*', false, 'all'],
  ['https://app%2eex%2ecom', false, 'percent-encoded'],
  ['https://äpp.ex.com', false, 'not in Punycode'],
  ['https://xn--pp-qka.ex.com', '*', 'another name in Punycode'],
  ['http://live.ex.com:8080', '*', 'the same host on another port'],
  ['http://live.ex.com.', false, 'the same host with a dot'],
  ['chrome-extension://app.ex.com', '*', 'an extension'],
  [`https://${'a.'.repeat(200)}wild.com`, false, 'too long'],
]

interface Asked {
  path?: string
  origin?: string | string[] | undefined
  host?: string | string[]
  headers?: Record<string, string>
  address?: string
  encrypted?: boolean
}

/** A request as Node hands it over. */
function request({ path = '/v1/ws', origin, host = 'live.ex.com', ...rest }: Asked): IncomingMessage {
  const { headers = {}, address = '203.0.113.9', encrypted = false } = rest
  const pairs = [
    ...[host].flat().map((value) => ['Host', value]),
    ...(origin === undefined ? [] : [origin].flat()).map((value) => ['Origin', value]),
    ...Object.entries(headers),
  ] as [string, string][]
  return {
    url: path,
    rawHeaders: pairs.flat(),
    headers: Object.fromEntries(pairs.map(([name, value]) => [name.toLowerCase(), value])),
    socket: { remoteAddress: address, ...(encrypted ? { encrypted } : {}) },
  } as unknown as IncomingMessage
}

function doorOf(options: Partial<DoorOptions> = {}): { door: Door; refusals: Refusal[] } {
  const refusals: Refusal[] = []
  const observer = { ...quietObserver(), refused: (refusal: Refusal) => void refusals.push(refusal) }
  return {
    door: new Door({ origins: ORIGINS, hosts: [], proxies: [], observer, ...options }),
    refusals,
  }
}

function isIn(door: Door, asked: Asked): boolean {
  try {
    door.check(request(asked), 'websocket')
    return true
  } catch (error) {
    if (error instanceof ProtocolError && error.reason === 'origin_not_allowed') return false
    throw error
  }
}

describe('the origin of a page', () => {
  it.each(MATRIX)('%j: %j, being %s', (origin, allowed) => {
    const { door, refusals } = doorOf()
    expect(isIn(door, { origin })).toBe(allowed === true)
    const refusal = {
      reason: 'origin_not_allowed',
      action: 'connect',
      address: '203.0.113.9',
      transport: 'websocket',
    }
    expect(refusals).toEqual(allowed === true ? [] : [refusal])
  })

  it.each(MATRIX)('%j where all may come: %j, being %s', (origin, allowed) => {
    const { door } = doorOf({ origins: ['*'] })
    expect(isIn(door, { origin })).toBe(allowed !== false)
  })

  it('asks for the exact port of the host that it names', () => {
    const { door } = doorOf({ origins: [] })
    const same: [string, string, boolean][] = [
      ['http://live.ex.com:8080', 'live.ex.com:8080', true],
      ['http://live.ex.com:8080', 'LIVE.ex.com:8080', true],
      ['http://live.ex.com', 'live.ex.com:80', true],
      ['https://live.ex.com', 'live.ex.com:443', true],
      ['http://live.ex.com', 'live.ex.com:443', false],
      ['http://live.ex.com', 'live.ex.com:8080', false],
      ['http://[::1]:8080', '[::1]:8080', true],
      ['http://[::1]:8080', '[0:0:0:0:0:0:0:1]:8080', true],
      ['http://127.0.0.1:8080', 'localhost:8080', false],
      ['ws://live.ex.com', 'live.ex.com', false],
      ['http://a b', 'a b', false],
    ]
    for (const [origin, host, allowed] of same) {
      expect([origin, host, isIn(door, { origin, host })]).toEqual([origin, host, allowed])
    }
  })

  it('has the scheme that the socket or a known proxy says', () => {
    const { door } = doorOf({ origins: [], proxies: ['10.0.0.0/8'] })
    const proto = (value: string) => ({ 'X-Forwarded-Proto': value })
    const asked: [Asked, boolean][] = [
      [{ origin: 'https://live.ex.com', encrypted: true }, true],
      [{ origin: 'http://live.ex.com', encrypted: true }, false],
      [{ origin: 'http://live.ex.com', headers: proto('https') }, true],
      [{ origin: 'http://live.ex.com', address: '10.1.1.1' }, true],
      [{ origin: 'http://live.ex.com', address: '10.1.1.1', headers: proto('https') }, false],
      [{ origin: 'https://live.ex.com', address: '10.1.1.1', headers: proto('wss') }, true],
      [{ origin: 'https://live.ex.com', address: '10.1.1.1', headers: proto('http') }, false],
      [{ origin: 'https://live.ex.com', address: '10.1.1.1', headers: proto('what') }, true],
    ]
    for (const [what, allowed] of asked) expect([what, isIn(door, what)]).toEqual([what, allowed])
  })
})

describe('the name in `Host`', () => {
  const hosts = ['live.ex.com', '[::1]']

  it.each([
    ['live.ex.com', true],
    ['live.ex.com:8080', true],
    ['LIVE.EX.COM', true],
    ['live.ex.com.', true],
    ['[0::1]:80', true],
    ['evil.io', false],
    ['evil.io:8080', false],
    ['live.ex.com.evil.io', false],
    ['xlive.ex.com', false],
    ['live.ex.com@evil.io', false],
    ['live.ex.com:80:80', false],
    ['live.ex.com/evil', false],
    ['localhost', false],
    ['127.0.0.1', false],
    ['', false],
  ])('%j against a list: %j', (host, allowed) => {
    const { door } = doorOf({ hosts })
    expect(isIn(door, { host, path: '/v1/sse?channel=a' })).toBe(allowed)
    for (const path of ['/health', '/ready', '/ready?x=1']) {
      expect(isIn(door, { host, path })).toBe(true)
    }
  })

  it.each([
    ['localhost', true],
    ['localhost:8080', true],
    ['app.localhost:8080', true],
    ['127.0.0.1:8080', true],
    ['127.9.9.9', true],
    ['[::1]:8080', true],
    ['192.168.1.7:8080', true],
    ['dev.box', true],
    ['evil.io', false],
    ['localhost.evil.io', false],
    ['evillocalhost', false],
    ['0x7f.1', false],
    ['2130706433', false],
    ['127.0.0.1.evil.io', false],
  ])('%j against this machine: %j', (host, allowed) => {
    const { door } = doorOf({ local: { host: 'dev.box' } })
    expect(isIn(door, { host })).toBe(allowed)
  })

  it('counts as every other one where nobody asks', () => {
    expect(isIn(doorOf().door, { host: 'evil.io' })).toBe(true)
  })

  it('may be missing only where nobody asks', () => {
    expect(isIn(doorOf().door, { host: [] })).toBe(true)
    expect(isIn(doorOf({ hosts }).door, { host: [] })).toBe(false)
  })

  it('comes once', () => {
    const { door } = doorOf()
    expect(() => door.check(request({ host: ['live.ex.com', 'evil.io'] }), 'http')).toThrow(
      expect.objectContaining({ reason: 'bad_envelope' }),
    )
  })

  it('is what a known proxy says that it was, and nobody else', () => {
    const { door } = doorOf({ hosts, proxies: ['10.0.0.1'], origins: [] })
    const headers = { 'X-Forwarded-Host': 'live.ex.com' }
    const origin = 'https://live.ex.com'
    expect(isIn(door, { host: 'upstream', headers, origin, address: '10.0.0.1' })).toBe(true)
    expect(isIn(door, { host: 'upstream', headers, address: '10.0.0.2' })).toBe(false)
    expect(isIn(door, { host: 'upstream', address: '10.0.0.1' })).toBe(false)
  })
})

// The same over sockets: the table above says which, this says that it holds everywhere.

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
    const { door } = doorOf({ observer, hosts: ['live.ex.com'] })
    const admission = new Admission({ maxWaiting: 10, random: () => 0, observer })
    const shared = { door, service, admission, observer, frame: DEFAULT_FRAME_LIMITS }
    transport = new WebSocketTransport({ ...shared, heartbeatMs: 25_000 })
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
  const FOREIGN = ['https://evil.io', 'null', '', 'https://app.ex.com.evil.io', 'https://APP.ex.com']

  it.each(DOORS)('%s %s refuses a foreign page before anything else', async (method, path, more) => {
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
  })

  it.each(DOORS)('%s %s refuses a foreign name', async (method, path, more) => {
    const { status, text } = await send(method, path, { ...more, host: `evil.io:${port}` })
    if (path === '/health') return expect(status).toBe(200)
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
