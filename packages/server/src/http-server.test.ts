import { once } from 'node:events'
import http from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { attachTo, createHttpServer, type HttpHandlers } from './http-server.ts'

const handlers: HttpHandlers = {
  request(request, response) {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => response.end(`ours: ${Buffer.concat(chunks).toString()}`))
  },
  upgrade: (_request, socket) => void socket.end('HTTP/1.1 101 Ours\r\n\r\n'),
}

let running: http.Server[] = []
afterEach(() => {
  for (const server of running.splice(0)) {
    server.closeAllConnections()
    server.close()
  }
})

async function listen(server: http.Server): Promise<http.Server> {
  running.push(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Everything that the server says to a POST of `hi` that offers to upgrade, until it hangs up. */
async function upgrade(server: http.Server, path: string, protocol: string): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(
    `POST ${path} HTTP/1.1\r\nHost: x\r\nConnection: close, Upgrade, HTTP2-Settings\r\n` +
      `Upgrade: ${protocol}\r\nContent-Length: 2\r\n\r\nhi`,
  )
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  return text
}

/** As a Node that has no `shouldUpgradeCallback`. */
function ofOldNode(server: http.Server): http.Server {
  return Object.assign(server, { shouldUpgradeCallback: () => true })
}

describe('a request that offers an upgrade', () => {
  it.each([
    ['/health', 'h2c'],
    ['/v1/ws', 'h2c'],
    ['/health', 'websocket'],
  ])('%s, %s: is answered as any other by our server', async (path, protocol) => {
    const server = await listen(createHttpServer(handlers))
    expect(await upgrade(server, path, protocol)).toMatch(/^HTTP\/1.1 200 [^]*ours: hi/)
  })

  it.each(['websocket', 'WebSocket'])('to %s on our path: is upgraded', async (protocol) => {
    const server = await listen(createHttpServer(handlers))
    expect(await upgrade(server, '/v1/ws?token=a', protocol)).toMatch(/^HTTP\/1.1 101 Ours/)
  })

  it.each([
    ['/app', 'h2c', /^HTTP\/1.1 200 [^]*theirs/],
    ['/app', 'websocket', /^HTTP\/1.1 200 [^]*theirs/],
    ['/health', 'h2c', /^HTTP\/1.1 200 [^]*ours: hi/],
    ['/v1/ws', 'websocket', /^HTTP\/1.1 101 Ours/],
  ])('%s, %s: finds its answer on the server of an application', async (path, protocol, answer) => {
    const app = await listen(http.createServer((_, response) => response.end('theirs')))
    attachTo(app, handlers)
    expect(await upgrade(app, path, protocol)).toMatch(answer)
  })

  it('is left to an application that upgrades itself, also after we are gone', async () => {
    const app = await listen(http.createServer())
    app.on('upgrade', (request, socket) => {
      if (request.url === '/app') socket.end('HTTP/1.1 101 Theirs\r\n\r\n')
    })
    const detach = attachTo(app, handlers)
    expect(await upgrade(app, '/app', 'websocket')).toMatch(/^HTTP\/1.1 101 Theirs/)
    expect(await upgrade(app, '/v1/ws', 'websocket')).toMatch(/^HTTP\/1.1 101 Ours/)
    detach()
    expect(await upgrade(app, '/app', 'websocket')).toMatch(/^HTTP\/1.1 101 Theirs/)
  })

  it('does not hang where Node hands over every upgrade', async () => {
    const server = await listen(ofOldNode(createHttpServer(handlers)))
    expect(await upgrade(server, '/health', 'h2c')).toMatch(/^HTTP\/1.1 400 [^]*"code":4009/)
    const app = await listen(http.createServer())
    attachTo(app, handlers)
    ofOldNode(app)
    expect(await upgrade(app, '/app', 'h2c')).toMatch(/^HTTP\/1.1 400 [^]*"code":4009/)
  })
})

describe('a peer that takes its time', () => {
  const patience = { headersMs: 100, requestMs: 200, streamMs: 1_000, idleMs: 300, checkMs: 20 }

  /** Whatever the server says and however it ends, over a socket that stays open on this side. */
  function talk(server: http.Server) {
    const { port } = server.address() as AddressInfo
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
    let text = ''
    socket.on('data', (chunk: Buffer) => (text += String(chunk)))
    socket.on('error', () => undefined)
    const drips: NodeJS.Timeout[] = []
    return {
      socket,
      drip: (bytes: string) => void drips.push(setInterval(() => socket.write(bytes), 10)),
      async end(): Promise<string> {
        await Promise.race([once(socket, 'end'), once(socket, 'close')])
        for (const drip of drips) clearInterval(drip)
        return text
      },
    }
  }

  const connectionsOf = (server: http.Server): Promise<unknown> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)))

  it.each<[string, (peer: ReturnType<typeof talk>) => void]>([
    ['says nothing', () => undefined],
    ['stops in its headers', ({ socket }) => socket.write('GET /health HTTP/1.1\r\nHost: x\r\n')],
    [
      'drips its headers',
      ({ socket, drip }) => {
        socket.write('GET /health HTTP/1.1\r\nHost: x\r\n')
        drip('X-A: b\r\n')
      },
    ],
    [
      'drips its body',
      ({ socket, drip }) => {
        socket.write('POST /v1/publications HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n')
        drip('x')
      },
    ],
    [
      'drips chunks of its body',
      ({ socket, drip }) => {
        socket.write(
          'POST /v1/publications HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n',
        )
        drip('1\r\nx\r\n')
      },
    ],
  ])('is told so and sent away, also when it does not go, when it %s', async (_, slow) => {
    const server = await listen(createHttpServer(handlers, { patience }))
    const peer = talk(server)
    await once(peer.socket, 'connect')
    slow(peer)
    expect(await peer.end()).toMatch(/^HTTP\/1\.1 408 Request Timeout[^]*"code":4014/)
    await expect.poll(() => connectionsOf(server), { timeout: 15_000 }).toBe(0)
    peer.socket.destroy()
  })

  it('may take longer where a body is read as it comes, and not for ever', async () => {
    const streams: HttpHandlers = { ...handlers, isStreamed: () => true }
    const server = await listen(createHttpServer(streams, { patience }))
    const began = performance.now()
    const peer = talk(server)
    peer.socket.write('POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\n')
    peer.drip('x')
    expect(await peer.end()).toMatch(/^HTTP\/1\.1 408 Request Timeout/)
    expect(performance.now() - began).toBeGreaterThan(patience.requestMs * 2)
    peer.socket.destroy()
  })

  it('is sent away when it does not take its answer', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024)
    const server = await listen(
      createHttpServer(
        { ...handlers, request: (_, response) => response.end(large) },
        { patience },
      ),
    )
    const { port } = server.address() as AddressInfo
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.pause()
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
    await once(server, 'connection')
    await expect.poll(() => connectionsOf(server), { timeout: 15_000 }).toBe(0)
    socket.destroy()
  })

  it('is in nobody’s way', async () => {
    // Patience enough for whoever takes no more time than the machine does.
    const enough = { ...patience, headersMs: 2_000, streamMs: 4_000 }
    const server = await listen(createHttpServer(handlers, { patience: enough }))
    const peers = Array.from({ length: 50 }, () => talk(server))
    for (const { socket, drip } of peers) {
      socket.write('GET /health HTTP/1.1\r\n')
      drip('X-A: b\r\n')
    }
    const { port } = server.address() as AddressInfo
    const answer = await fetch(`http://127.0.0.1:${port}/health`)
    expect(await answer.text()).toBe('ours: ')
    await Promise.all(peers.map((peer) => peer.end()))
    for (const { socket } of peers) socket.destroy()
  })

  it('has no more sockets than there are', async () => {
    const server = await listen(createHttpServer(handlers, { maxConnections: 2 }))
    const peers = [talk(server), talk(server)]
    await expect.poll(() => connectionsOf(server)).toBe(2)
    expect(await talk(server).end()).toBe('')
    expect(await connectionsOf(server)).toBe(2)
    for (const { socket } of peers) socket.destroy()
  })
})

it.each([
  ['a header that is too large', `X-A: ${'a'.repeat(17_000)}`, 431],
  ['many headers that are too large together', 'X-A: aaaaaaaaaaaaaaaa\r\n'.repeat(900).trim(), 431],
  ['a header without a name', ': a', 400],
  ['two lengths', 'Content-Length: 1\r\nContent-Length: 2', 400],
  ['a length and chunks', 'Content-Length: 1\r\nTransfer-Encoding: chunked', 400],
  ['a folded header', 'X-A: a\r\n b', 400],
  ['a bare line feed', 'X-A: a\nX-B: b', 400],
  ['no host', '', 400],
])('%s is refused in time, and its socket closed', async (_, lines, status) => {
  const server = await listen(createHttpServer(handlers))
  const { port } = server.address() as AddressInfo
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => undefined)
  const host = lines === '' ? '' : `Host: x\r\n${lines}\r\n`
  socket.write(`GET /v1/ws HTTP/1.1\r\n${host}\r\n`)
  let text = ''
  socket.on('data', (chunk: Buffer) => (text += String(chunk)))
  await once(socket, 'end')
  expect(text).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `))
  socket.destroy()
})
