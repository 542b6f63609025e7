import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { Resolve, Resolved } from './lookup.ts'
import { Outbound, type OutboundOptions } from './outbound.ts'

const LOOPBACK: Resolved = { address: '127.0.0.1', family: 4 }

/** Every name is this machine. */
const toLoopback: Resolve = async () => [LOOPBACK]

function outboundWith(options: OutboundOptions = {}): Outbound {
  const outbound = new Outbound(options)
  onTestFinished(() => outbound.close())
  return outbound
}

/** Listens where whoever fools the guard would come out, and counts every connection. */
async function startCanary() {
  const connections: Socket[] = []
  const server = createTcpServer((socket) => {
    connections.push(socket)
    socket.on('error', () => undefined)
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}')
  })
  server.listen(0, '::')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  return {
    port,
    connections,
    /** Connections are accepted in their order: when the last one is there, so are all others. */
    async countAfterOneMore(): Promise<number> {
      await outboundWith({ allowPrivate: true }).request(`http://127.0.0.1:${port}/`)
      return connections.length - 1
    },
  }
}

async function serve(listener: RequestListener): Promise<{ server: Server; url: string }> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }
}

async function failureOf(request: Promise<unknown>): Promise<ProtocolError> {
  const error: unknown = await request.then(
    () => new Error('It was answered.'),
    (error: unknown) => error,
  )
  if (!(error instanceof ProtocolError)) throw error
  return error
}

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

describe('replies', () => {
  const outbound = (options: OutboundOptions = {}) =>
    outboundWith({ allowPrivate: true, ...options })

  test('come as they are, with what was sent', async () => {
    const seen: unknown[] = []
    const { url } = await serve(async (request, response) => {
      const { method, url, headers } = request
      let body = ''
      for await (const chunk of request) body += String(chunk)
      seen.push({ method, url, host: headers.host, signature: headers['x-signature'], body })
      response.writeHead(418).end('tëa')
    })
    const reply = await outbound().request(`${url}/pot?a=1&b=%20`, {
      method: 'POST',
      headers: { 'x-signature': 'one' },
      body: '{"ä":1}',
    })
    expect(reply).toEqual({ status: 418, body: 'tëa' })
    expect(seen).toEqual([
      {
        method: 'POST',
        url: '/pot?a=1&b=%20',
        host: new URL(url).host,
        signature: 'one',
        body: '{"ä":1}',
      },
    ])
  })

  test.each([300, 301, 302, 303, 304, 305, 307, 308])(
    'redirects are errors: %d',
    async (status) => {
      const canary = await startCanary()
      const { url } = await serve((_, response) => {
        response.writeHead(status, { location: `http://127.0.0.1:${canary.port}/` }).end()
      })
      const error = await failureOf(outbound().request(url))
      expect(error.message).toContain('it redirects')
      expect(error.message).not.toContain(`${canary.port}`)
      expect(await canary.countAfterOneMore()).toBe(0)
    },
  )

  test('of exactly the bytes that are allowed are taken, of one more not', async () => {
    const { url } = await serve((request, response) => {
      response.end('x'.repeat(Number(request.url?.slice(1))))
    })
    expect((await outbound().request(`${url}/65536`)).body).toHaveLength(65_536)
    const error = await failureOf(outbound().request(`${url}/65537`))
    expect(error.message).toContain('larger than 65536 bytes')
  })

  test('that announce 1 GB are not read', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200, { 'content-length': 1024 ** 3 }).write('x')
    })
    expect((await failureOf(outbound().request(url))).message).toContain('larger than')
  })

  test('that never end are cut', async () => {
    let written = 0
    const closed = Promise.withResolvers<void>()
    const { url } = await serve((_, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.byteLength
      }
      response.on('drain', more).on('close', () => closed.resolve())
      more()
    })
    expect((await failureOf(outbound().request(url))).message).toContain('larger than')
    await closed.promise
    // What fits into the buffers of two sockets, far from 1 GB.
    expect(written).toBeLessThan(64 * 1024 * 1024)
  })

  test('that do not come are not waited for', async () => {
    const { url } = await serve(() => undefined)
    const error = await failureOf(outbound({ timeoutMs: 50 }).request(url))
    expect(error.message).toBe(`The request to ${url} failed: no whole reply within 50 ms.`)
  })

  test('that drip have no more time', async () => {
    const { url } = await serve((_, response) => {
      const drip = setInterval(() => response.write('x'), 5)
      response.on('close', () => clearInterval(drip))
    })
    const error = await failureOf(outbound({ timeoutMs: 100 }).request(url))
    expect(error.message).toContain('no whole reply within 100 ms')
  })

  test('of which the name is not found in time are not waited for', async () => {
    const resolve: Resolve = () => new Promise(() => undefined)
    const error = await failureOf(
      outbound({ timeoutMs: 50, resolve }).request('http://public.example/'),
    )
    expect(error.message).toContain('no whole reply within 50 ms')
  })

  test.each<[string, (socket: Socket) => void]>([
    ['is cut', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf')],
    ['does not come', (socket) => socket.end()],
    ['is no HTTP', (socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n\r\n')],
    [
      'changes the protocol',
      (socket) => socket.end('HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'),
    ],
    [
      'has endless headers',
      (socket) => socket.end(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`),
    ],
  ])('one that %s is an error that names neither path nor query', async (_, reply) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => undefined).once('data', () => reply(socket))
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    const url = `http://127.0.0.1:${port}/path-canary?token=query-canary`
    const headers = { authorization: 'header-canary' }
    const error = await failureOf(outbound().request(url, { headers }))
    expect(error.reason).toBe('unavailable')
    expect(error.message).toContain(`http://127.0.0.1:${port} failed`)
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('canary')
  })

  test('nobody there is an error', async () => {
    const { server, url } = await serve(() => undefined)
    server.close()
    await once(server, 'close')
    expect((await failureOf(outbound().request(url))).message).toContain('ECONNREFUSED')
  })

  test('https: speaks TLS', async () => {
    const requests = vi.fn<RequestListener>()
    const { url } = await serve(requests)
    const error = await failureOf(outbound().request(url.replace('http:', 'https:')))
    expect(error.reason).toBe('unavailable')
    expect(requests).not.toHaveBeenCalled()
  })
})

describe('connections', () => {
  /** Answers the first request of each connection and ends it at the second. */
  async function startForgetful() {
    let connections = 0
    const server = createTcpServer((socket) => {
      connections += 1
      let requests = 0
      socket.on('error', () => undefined)
      socket.on('data', () => {
        requests += 1
        if (requests > 1) return socket.destroy()
        socket.write('HTTP/1.1 200 OK\r\nconnection: keep-alive\r\ncontent-length: 2\r\n\r\nok')
      })
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
    return { url, connections: () => connections }
  }

  test('are kept for the next request', async () => {
    const ports = new Set<number | undefined>()
    const { url } = await serve((request, response) => {
      ports.add(request.socket.remotePort)
      response.end()
    })
    const outbound = outboundWith({ allowPrivate: true })
    for (let i = 0; i < 3; i++) await outbound.request(url)
    expect(ports.size).toBe(1)
  })

  test('that were kept and have ended are replaced', async () => {
    const { url, connections } = await startForgetful()
    const outbound = outboundWith({ allowPrivate: true })
    for (let i = 0; i < 3; i++) expect(await outbound.request(url)).toMatchObject({ body: 'ok' })
    expect(connections()).toBeGreaterThan(1)
  })

  test('that end before they answered anything are not tried again', async () => {
    let connections = 0
    const server = createTcpServer((socket) => {
      connections += 1
      socket.on('error', () => undefined).on('data', () => socket.destroy())
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const outbound = outboundWith({ allowPrivate: true })
    const { port } = server.address() as AddressInfo
    await failureOf(outbound.request(`http://127.0.0.1:${port}/`))
    expect(connections).toBe(1)
  })

  test('go through no proxy that the environment names', async () => {
    const canary = await startCanary()
    const { url } = await serve((_, response) => response.end('direct'))
    const script = `
      import { get } from 'node:http'
      import { once } from 'node:events'
      import { Outbound } from ${JSON.stringify(new URL('outbound.ts', import.meta.url).href)}
      const proxied = get('http://127.0.0.1:9/')
      await once(proxied, 'response')
      const { body } = await new Outbound({ allowPrivate: true }).request('${url}')
      process.stdout.write(body)
      process.exit()`
    const proxy = `http://127.0.0.1:${canary.port}`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['-C', 'tidewire-source', '--input-type=module', '-e', script],
      { env: { ...process.env, NODE_USE_ENV_PROXY: '1', HTTP_PROXY: proxy, NO_PROXY: '' } },
    )
    expect(stdout).toBe('direct')
    // Other requests of the same process do go through it.
    expect(canary.connections).toHaveLength(1)
  })
})
