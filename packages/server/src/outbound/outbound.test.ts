import { execFile } from 'node:child_process'
import { once } from 'node:events'
import type { RequestListener } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import { promisify } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { failureOf, outboundWith, serve, startCanary } from '../testing/outbound.ts'
import type { Resolve } from './lookup.ts'
import type { OutboundOptions } from './outbound.ts'

describe('replies', () => {
  const outbound = (options: OutboundOptions = {}) =>
    outboundWith({ allowPrivate: true, ...options })

  test('come as they are, with what was sent', async () => {
    const seen: unknown[] = []
    const { url } = await serve((request, response) => {
      const { method, url, headers } = request
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        seen.push({ method, url, host: headers.host, signature: headers['x-signature'], body })
        response.writeHead(418).end('tëa')
      })
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
    const closed: Promise<unknown>[] = []
    const { url } = await serve((_, response) => {
      const chunk = Buffer.alloc(64 * 1024)
      const more = (): void => {
        while (!response.destroyed && response.write(chunk)) written += chunk.byteLength
      }
      closed.push(once(response, 'close'))
      response.on('drain', more)
      more()
    })
    expect((await failureOf(outbound().request(url))).message).toContain('larger than')
    await Promise.all(closed)
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
        if (requests > 1) socket.destroy()
        else
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
