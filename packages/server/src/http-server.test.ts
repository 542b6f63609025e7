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
