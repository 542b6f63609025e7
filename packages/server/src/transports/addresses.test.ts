import type { IncomingMessage } from 'node:http'
import { describe, expect, it } from 'vitest'
import { Proxies, shortAddress } from './addresses.ts'

describe('an address', () => {
  it.each([
    ['203.0.113.9', '203.0.113.9'],
    ['203.0.113.9:4711', '203.0.113.9'],
    ['::ffff:203.0.113.9', '203.0.113.9'],
    ['::FFFF:cb00:7109', '203.0.113.9'],
    ['0:0:0:0:0:ffff:203.0.113.9', '203.0.113.9'],
    ['2001:0db8:0000:0000:0000:0000:0000:0001', '2001:db8::1'],
    ['2001:DB8::1', '2001:db8::1'],
    ['[2001:db8::1]:443', '2001:db8::1'],
    ['[2001:db8::1]', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::1', '::1'],
    ['', undefined],
    ['unknown', undefined],
    ['203.0.113', undefined],
    ['203.0.113.09', undefined],
    ['203.0.113.9.9', undefined],
    ['0x7f.1', undefined],
    ['203.0.113.9:', undefined],
    ['[203.0.113.9]:80', undefined],
    ['[2001:db8::1', undefined],
    ['203.0.113.9 evil', undefined],
    ['::ffff:203.0.113.9]', undefined],
  ])('%j is %j in short', (text, short) => {
    expect(shortAddress(text)).toBe(short)
  })
})

describe('who sent a request', () => {
  const proxies = new Proxies(['10.0.0.0/8', '2001:db8:aa::/48', '192.0.2.1'])
  const clientOf = (remoteAddress: string | undefined, forwarded?: string): string => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }
    return proxies.clientOf({ headers, socket: { remoteAddress } } as unknown as IncomingMessage)
  }

  it.each([
    ['the peer', '203.0.113.9', undefined, '203.0.113.9'],
    ['the peer, whatever it claims', '203.0.113.9', '198.51.100.1', '203.0.113.9'],
    ['the peer in short', '::ffff:203.0.113.9', undefined, '203.0.113.9'],
    ['nobody over a Unix socket', undefined, '198.51.100.1', ''],
    ['whom a proxy names', '10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['whom a proxy on IPv6 names', '2001:db8:aa::7', '2001:0db8::0001', '2001:db8::1'],
    ['whom a proxy names, on a socket of both', '::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['the last one, whatever it claims', '10.0.0.1', '1.1.1.1, 198.51.100.1', '198.51.100.1'],
    ['who came through two', '10.0.0.1', '1.1.1.1,198.51.100.1 , 192.0.2.1', '198.51.100.1'],
    ['the first of proxies only', '10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['the proxy, when it names nobody', '10.0.0.1', undefined, '10.0.0.1'],
    ['the proxy, when it names nonsense', '10.0.0.1', '1.1.1.1, unknown', '10.0.0.1'],
    ['the proxy, when it names an empty one', '10.0.0.1', '1.1.1.1,', '10.0.0.1'],
    ['who stands before nonsense', '10.0.0.1', 'unknown, 198.51.100.1', '198.51.100.1'],
    [
      'the farthest of twenty',
      '10.0.0.1',
      `198.51.100.1, ${Array.from({ length: 20 }, (_, i) => `10.0.1.${i}`).join()}`,
      '10.0.1.0',
    ],
  ])('is %s', (_, peer, forwarded, client) => {
    expect(clientOf(peer, forwarded)).toBe(client)
  })

  it('is the peer where no proxy is known', () => {
    const request = {
      headers: { 'x-forwarded-for': '198.51.100.1' },
      socket: { remoteAddress: '127.0.0.1' },
    }
    expect(new Proxies([]).clientOf(request as unknown as IncomingMessage)).toBe('127.0.0.1')
  })
})
