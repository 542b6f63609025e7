import type { IncomingMessage } from 'node:http'
import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import { quietObserver } from '../../contract/scripted-service.ts'
import type { Refusal } from '../core/ports/observer.ts'
import { Door, type DoorOptions } from './door.ts'

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
function request({
  path = '/v1/ws',
  origin,
  host = 'live.ex.com',
  ...rest
}: Asked): IncomingMessage {
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
  const observer = {
    ...quietObserver(),
    refused: (refusal: Refusal) => void refusals.push(refusal),
  }
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
    expect(() => doorOf({ hosts }).door.check(request({ host: [] }), 'http')).toThrow(
      expect.objectContaining({ reason: 'bad_envelope' }),
    )
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

describe('under dev', () => {
  const local = { host: '127.0.0.1' }
  const host = 'localhost:8080'

  it.each([
    ['http://localhost:5173', true],
    ['https://localhost', true],
    ['http://app.localhost:3000', true],
    ['http://127.0.0.1:5173', true],
    ['http://[::1]:5173', true],
    ['http://192.168.1.7:5173', false],
    ['http://localhost.evil.io', false],
    ['http://evillocalhost:5173', false],
    ['https://evil.io', false],
    ['null', false],
  ])('a page of %s may connect: %j', (origin, allowed) => {
    const { door } = doorOf({ local, origins: [] })
    expect(isIn(door, { host, origin })).toBe(allowed)
  })

  it('a list of origins is the whole list', () => {
    const { door } = doorOf({ local, origins: ['https://app.ex.com'] })
    expect(isIn(door, { host, origin: 'http://localhost:5173' })).toBe(false)
  })
})
