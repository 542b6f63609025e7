import type { AddressInfo } from 'node:net'
import { describe, expect, test, vi } from 'vitest'
import {
  failureOf,
  LOOPBACK,
  outboundWith,
  serve,
  startCanary,
  toLoopback,
} from '../testing/outbound.ts'
import type { Resolve, Resolved } from './lookup.ts'

describe('addresses that must not be asked', () => {
  const urls = [
    // This machine, as the URL standard reads it.
    'http://127.0.0.1:PORT/',
    'http://127.0.0.2:PORT/',
    'http://127.1:PORT/',
    'http://127.0.0.1.:PORT/',
    'http://0x7f.1:PORT/',
    'http://0x7f000001:PORT/',
    'http://2130706433:PORT/',
    'http://017700000001:PORT/',
    'http://0177.0.0.1:PORT/',
    'http://%31%32%37.0.0.1:PORT/',
    'http://１２７.0.0.1:PORT/',
    'http://127。0。0。1:PORT/',
    'http:127.0.0.1:PORT/',
    'http:\\\\127.0.0.1:PORT\\',
    'http://127.0.0.1:PORT\\@public.example/',
    'https://127.0.0.1:PORT/',
    'http://0.0.0.0:PORT/',
    'http://0:PORT/',
    // IPv6, and IPv4 inside of it.
    'http://[::1]:PORT/',
    'http://[0:0:0:0:0:0:0:1]:PORT/',
    'http://[::]:PORT/',
    'http://[::ffff:127.0.0.1]:PORT/',
    'http://[::ffff:7f00:1]:PORT/',
    'http://[0:0:0:0:0:ffff:7f00:0001]:PORT/',
    'http://[::127.0.0.1]:PORT/',
    'http://[64:ff9b::127.0.0.1]:PORT/',
    'http://[64:ff9b:1::7f00:1]:PORT/',
    'http://[2002:7f00:1::1]:PORT/',
    'http://[2001:0:7f00:1::1]:PORT/',
    'http://[fe80::1]:PORT/',
    'http://[fd12:3456::1]:PORT/',
    'http://[ff02::1]:PORT/',
    // Networks of others.
    'http://10.0.0.1:PORT/',
    'http://172.16.0.1:PORT/',
    'http://192.168.1.1:PORT/',
    'http://100.64.0.1:PORT/',
    'http://224.0.0.1:PORT/',
    'http://255.255.255.255:PORT/',
    // Metadata of clouds.
    'http://169.254.169.254:PORT/latest/meta-data/',
    'http://0xa9fea9fe:PORT/',
    'http://[fd00:ec2::254]:PORT/',
    'http://168.63.129.16:PORT/',
    'http://100.100.100.200:PORT/',
    // Names, all of which are this machine here.
    'http://localhost:PORT/',
    'http://LOCALHOST:PORT/',
    'http://localhost.:PORT/',
    'http://ⓛocalhost:PORT/',
    'http://sub.localhost:PORT/',
    'http://localhost.localdomain:PORT/',
    'http://ip6-localhost:PORT/',
    'http://metadata:PORT/',
    'http://metadata.google.internal:PORT/',
    'http://127.0.0.1.public.example:PORT/',
    'https://public.example:PORT/',
  ]

  test.each(urls)('%s', async (url) => {
    const canary = await startCanary()
    const outbound = outboundWith({ resolve: toLoopback })
    const error = await failureOf(outbound.request(url.replace('PORT', `${canary.port}`)))
    expect(error.reason).toBe('unavailable')
    expect(error.message).toContain('must not be asked')
    expect(await canary.countAfterOneMore()).toBe(0)
  })

  test.each<[string, Resolved[]]>([
    ['its second address is private', [{ address: '1.1.1.1', family: 4 }, LOOPBACK]],
    [
      'its IPv6 address is private',
      [
        { address: '1.1.1.1', family: 4 },
        { address: '::1', family: 6 },
      ],
    ],
    ['it is mapped', [{ address: '::ffff:127.0.0.1', family: 6 }]],
    ['it has a zone', [{ address: 'fe80::1%lo', family: 6 }]],
    ['it is the metadata of a cloud', [{ address: '169.254.169.254', family: 4 }]],
    ['it is no address', [{ address: 'localhost', family: 4 }]],
  ])('a name of which %s', async (_, addresses) => {
    const { port } = await startCanary()
    const outbound = outboundWith({ resolve: async () => addresses })
    const error = await failureOf(outbound.request(`http://public.example:${port}/`))
    expect(error.message).toContain('must not be asked')
  })

  test('what is reserved stays closed when private addresses are allowed', async () => {
    const { port } = await startCanary()
    const outbound = outboundWith({ allowPrivate: true, resolve: toLoopback })
    for (const host of [
      '169.254.169.254',
      '0.0.0.0',
      '[::ffff:7f00:1]',
      '[fe80::1]',
      '224.0.0.1',
    ]) {
      const error = await failureOf(outbound.request(`http://${host}:${port}/`))
      expect(error.message).toContain('must not be asked')
    }
  })

  test.each([
    'file:///etc/passwd',
    'ftp://public.example/',
    'gopher://public.example/',
    'data:application/json,{}',
    'unix:/run/docker.sock',
    '//public.example/',
    'public.example',
    'http://',
    'http://localhost%00.public.example/',
    'http://[fe80::1%25lo]/',
    'http://user@public.example/',
    'http://user:password-canary@127.0.0.1/',
    'http://127.0.0.1@public.example/',
    'http://public.example@127.0.0.1/',
    '',
  ])('is no address: %s', async (url) => {
    const error = await failureOf(outboundWith({ resolve: toLoopback }).request(url))
    expect(error).toMatchObject({ reason: 'unavailable' })
    expect(error.message).toContain('no http: or https: URL')
    expect(error.message).not.toContain('canary')
  })
})

describe('a name that leads elsewhere when it is asked again', () => {
  test('leads where it was when it was checked', async () => {
    const canary = await startCanary()
    const { server, url } = await serve((_, response) => response.end('here'))
    const { port } = server.address() as AddressInfo
    // The canary listens at 127.0.0.2, too; the server does not.
    const answers: Resolved[][] = [[LOOPBACK], [{ address: '127.0.0.2', family: 4 }]]
    const resolve = vi.fn<Resolve>(async () => answers.shift() ?? [])
    const outbound = outboundWith({ allowPrivate: true, resolve })
    const reply = await outbound.request(url.replace('127.0.0.1', 'public.example'))
    expect(reply).toEqual({ status: 200, body: 'here' })
    expect(resolve.mock.calls).toEqual([['public.example']])
    expect(port).not.toBe(canary.port)
    expect(await canary.countAfterOneMore()).toBe(0)
  })

  test('is looked at again for the next connection', async () => {
    const { url } = await serve((_, response) => {
      response.setHeader('connection', 'close').end('here')
    })
    const answers: Resolved[][] = [[LOOPBACK], [{ address: '169.254.169.254', family: 4 }]]
    const outbound = outboundWith({
      allowPrivate: true,
      resolve: async () => answers.shift() ?? [],
    })
    const named = url.replace('127.0.0.1', 'public.example')
    expect(await outbound.request(named)).toMatchObject({ status: 200 })
    expect((await failureOf(outbound.request(named))).message).toContain('must not be asked')
  })

  test('and one that leads nowhere is said to', async () => {
    const none = outboundWith({ resolve: async () => [] })
    expect((await failureOf(none.request('http://public.example/'))).message).toBe(
      'The request to http://public.example failed: its name has no address.',
    )
    const unknown = outboundWith({
      resolve: async () => {
        throw Object.assign(new Error('getaddrinfo ENOTFOUND public.example'), {
          code: 'ENOTFOUND',
        })
      },
    })
    expect((await failureOf(unknown.request('http://public.example/'))).message).toBe(
      'The request to http://public.example failed: ENOTFOUND.',
    )
  })
})
