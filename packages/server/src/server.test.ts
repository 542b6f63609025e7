import { once } from 'node:events'
import http from 'node:http'
import { connect as connectTcp } from 'node:net'
import { type JsonObject, ProtocolError, type Publication } from '@tidewire/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import { createServerKey } from './auth/server-keys.ts'
import { createServer, type ServerOptions } from './compose.ts'
import { ConfigError } from './config/resolve.ts'
import { startTestServer, type TestServer } from './testing/index.ts'

interface Frame {
  type: string
  payload: Record<string, unknown>
  metadata: Record<string, unknown>
}

let running: TestServer[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((server) => server.close()))
})

async function start(options?: ServerOptions): Promise<TestServer> {
  const server = await startTestServer(options)
  running.push(server)
  return server
}

async function connect(
  url: string,
  token: string,
): Promise<{ socket: WebSocket; next: (type: string) => Promise<Frame>; closed: Promise<number> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws${token && `?token=${token}`}`)
  const frames: Frame[] = []
  const waiting: (() => void)[] = []
  socket.addEventListener('message', ({ data }) => {
    frames.push(JSON.parse(String(data)) as Frame)
    for (const wake of waiting.splice(0)) wake()
  })
  const closed = new Promise<number>((resolve) =>
    socket.addEventListener('close', ({ code }) => resolve(code)),
  )
  const next = async (type: string): Promise<Frame> => {
    for (;;) {
      const at = frames.findIndex((frame) => frame.type === type)
      if (at >= 0) return frames.splice(at, 1)[0]!
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
  }
  await next('connection_established')
  return { socket, next, closed }
}

function send(socket: WebSocket, type: string, payload: object, metadata: object = {}): void {
  socket.send(JSON.stringify({ type, payload, metadata }))
}

function eventually<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((r) => (resolve = r))
  return { promise, resolve }
}

const HANDSHAKE =
  'GET /v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'
const ignore = (): void => undefined
const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

function circle(): unknown {
  const itself: { itself?: object } = {}
  itself.itself = itself
  return itself
}

describe('an application that embeds the server', () => {
  it.each(['chat', 'live', 'signal'])(
    'hears what is published to %s by channel and by pattern',
    async (namespace) => {
      const { server, url, token } = await start()
      const exact = eventually<Publication>()
      const pattern = eventually<Publication>()
      const off = server.subscribe(`${namespace}:a`, exact.resolve)
      server.subscribe(`${namespace}:*`, pattern.resolve)
      const { socket } = await connect(url, await token('ada'))
      send(socket, 'greeting', { text: 'hi' }, { channel: `${namespace}:a` })
      expect(await exact.promise).toMatchObject({ type: 'greeting', metadata: { user: 'ada' } })
      expect(await pattern.promise).toMatchObject({ payload: { text: 'hi' } })
      off()
    },
  )

  it('publishes, and clients that subscribed receive it', async () => {
    const { server, url, token } = await start()
    const { socket, next } = await connect(url, await token('ada'))
    send(socket, 'subscribe', { channel: 'chat:orders' })
    await next('subscribed')
    const receipt = await server.publish('chat:orders', {
      type: 'order.created',
      payload: { id: 7 },
    })
    expect(receipt).toMatchObject({ offset: 1, duplicate: false })
    expect(await next('order.created')).toMatchObject({
      payload: { id: 7 },
      metadata: { offset: 1 },
    })
  })

  it('answers commands of its own, and turns their errors into frames', async () => {
    const { server, url, token } = await start()
    server.command('add', ({ payload, user }) => {
      if (typeof payload['a'] !== 'number')
        throw new ProtocolError('bad_envelope', '`a` is missing.')
      return { type: 'sum', payload: { sum: payload['a'] + 1, for: user ?? '' } }
    })
    const { socket, next } = await connect(url, await token('ada'))
    send(socket, 'add', { a: 1 }, { message_id: 'q' })
    send(socket, 'add', {})
    expect(await next('sum')).toMatchObject({
      payload: { sum: 2, for: 'ada' },
      metadata: { correlation_id: 'q' },
    })
    expect(await next('error')).toMatchObject({ payload: { code: 4009 } })
    expect(() => server.command('subscribe', () => undefined)).toThrow('exists already')
  })

  it('adds HTTP routes that know who asks', async () => {
    const { server, url, token } = await start()
    server.route('GET', '/v1/hello/:name', ({ actor, params }) =>
      Response.json({ hello: params['name'], from: actor.user }),
    )
    const headers = { authorization: `Bearer ${await token('ada')}` }
    const response = await fetch(`${url}/v1/hello/bob`, { headers })
    expect(await response.json()).toEqual({ hello: 'bob', from: 'ada' })
    expect((await fetch(`${url}/v1/hello/bob`)).status).toBe(401)
  })

  it('asks a client and gets its answer', async () => {
    const { server, url, token } = await start()
    const { socket, next } = await connect(url, await token('ada'))
    const answer = server.call('ada', 'confirm', { order: 7 })
    const call = await next('call')
    expect(call.payload).toMatchObject({ method: 'confirm', args: { order: 7 } })
    send(socket, 'result', { value: 'yes' }, { correlation_id: call.metadata['message_id'] })
    await expect(answer).resolves.toEqual({ value: 'yes' })
  })

  it.each<[string, unknown, number]>([
    ['a bigint', { n: 1n }, 4009],
    ['a circle', circle(), 4009],
    ['no object', 'text', 4009],
    ['nothing', undefined, 4009],
    ['too many keys', Object.fromEntries(range(2_000).map((n) => [`k${n}`, n])), 4009],
    ['too many bytes', { text: 'x'.repeat(70_000) }, 4005],
  ])('is told that %s is no payload, and harms nobody', async (_, payload, code) => {
    const { server, url, token } = await start()
    const { socket, next } = await connect(url, await token('ada'))
    for (const namespace of ['chat', 'live', 'signal']) {
      send(socket, 'subscribe', { channel: `${namespace}:a` })
      await next('subscribed')
      const message = { type: 'order', payload: payload as JsonObject }
      await expect(server.publish(`${namespace}:a`, message)).rejects.toMatchObject({ code })
    }
    await server.publish('signal:a', { type: 'fine', payload: {} })
    await next('fine')
  })

  it.each<[string, unknown, number]>([
    ['a bigint', 1n, 4009],
    ['a function', () => undefined, 4009],
    ['too many keys', Object.fromEntries(range(2_000).map((n) => [`k${n}`, n])), 4009],
    ['too many bytes', 'x'.repeat(70_000), 4005],
  ])('is told that %s is no argument of a call', async (_, args, code) => {
    const { server, url, token } = await start()
    await connect(url, await token('ada'))
    await expect(server.call('ada', 'confirm', args)).rejects.toMatchObject({ code })
  })

  it.each(['chat', 'live'])('may change in %s what it published, and history stays', async (ns) => {
    const { server, url, token } = await start()
    const { socket, next } = await connect(url, await token('ada'))
    const payload = { items: [1] }
    await server.publish(`${ns}:a`, { type: 'order', payload })
    payload.items.push(2)
    send(socket, 'history', { channel: `${ns}:a` })
    expect((await next('history')).payload).toMatchObject({
      publications: [{ payload: { items: [1] } }],
    })
  })

  it.each(['user', 'session'])('ends the logins of a %s that it revokes', async (what) => {
    const { key, ...known } = createServerKey('app')
    const { url, server } = await start({ auth: { server_keys: [known] } })
    const post = async (path: string, body: object): Promise<Response> =>
      fetch(`${url}/v1/tokens${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${key}` },
        body: JSON.stringify(body),
      })
    const answer = await post('', { user: 'ada', refresh: true })
    const { session, refresh_token } = (await answer.json()) as Record<string, string>
    await server.disconnect({ session: session! })
    const again = await post('/refresh', { refresh_token })
    expect(again.status).toBe(200)
    const next = (await again.json()) as Record<string, string>
    await server.disconnect(what === 'user' ? { user: 'ada' } : { session: session! }, {
      revoke: true,
    })
    const refused = await post('/refresh', { refresh_token: next['refresh_token'] })
    expect(refused.status).toBe(401)
  })

  it('ends only the client whose command has an answer that is no JSON, and logs why', async () => {
    const errors: unknown[] = []
    const logger = {
      debug: ignore,
      info: ignore,
      warn: ignore,
      error: (e: unknown) => errors.push(e),
    }
    const { server, url, token } = await start({ logger })
    server.command('count', () => ({ type: 'count', payload: { n: 1n } as never }))
    const { socket, next, closed } = await connect(url, await token('ada'))
    const other = await connect(url, await token('bob'))
    send(socket, 'count', {})
    expect(await next('error')).toMatchObject({ payload: { code: 4000 } })
    expect(await closed).toBe(4000)
    expect(errors).toHaveLength(1)
    send(other.socket, 'ping', {})
    await other.next('pong')
  })

  it('shares its own http.Server and keeps its own paths', async () => {
    const app = http.createServer((_request, response) => response.end('mine'))
    const server = createServer({ dev: false, auth: { jwt_secret: 'x'.repeat(32) } })
    server.namespace('open', { publish: 'anyone', subscribe: 'anyone' })
    await server.attach(app)
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(app.address() as { port: number }).port}`
    expect(await (await fetch(`${url}/anything`)).text()).toBe('mine')
    expect((await fetch(`${url}/health`)).status).toBe(200)
    const { socket, next, closed } = await connect(url, '')
    send(socket, 'subscribe', { channel: 'open:a' })
    await next('subscribed')
    await server.close()
    expect(await closed).toBe(1012)
    expect(await (await fetch(`${url}/health`)).text()).toBe('mine')
    app.closeAllConnections()
    await new Promise((resolve) => app.close(resolve))
  })

  it('says what is wrong with its options', () => {
    expect(() => createServer({ port: -1 })).toThrow(ConfigError)
    const server = createServer({ auth: { jwt_secret: 'x'.repeat(32) } })
    expect(() => server.namespace('Bad Name')).toThrow(ConfigError)
  })
})

describe('what is no HTTP', () => {
  it.each([
    ['nonsense', 'nonsense\r\n\r\n', 400, 4009],
    [
      'headers without end',
      `GET / HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`,
      431,
      4009,
    ],
  ])('%s: is answered with an error of the protocol', async (_, bytes, status, code) => {
    const { url } = await start()
    const socket = connectTcp({
      port: Number(new URL(url).port),
      host: '127.0.0.1',
      allowHalfOpen: true,
    })
    socket.end(bytes)
    let text = ''
    for await (const chunk of socket) text += String(chunk)
    const [head = '', body = ''] = text.split('\r\n\r\n')
    expect(head).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(JSON.parse(body)).toMatchObject({ code })
  })
})

it('a request that breaks off is not answered: its sender is not to blame', async () => {
  const { url } = await start()
  const { port } = new URL(url)
  const socket = connectTcp({ port: Number(port), host: '127.0.0.1', allowHalfOpen: true })
  socket.end('GET /v1/poll?channel=chat:a HTTP/1.1\r\nHost: x\r\nAuthor')
  let text = ''
  for await (const chunk of socket) text += String(chunk)
  expect(text).toBe('')
})

describe('a server that stops', () => {
  it('lets clients say goodbye also on the server of an application', async () => {
    const app = http.createServer()
    const server = createServer({ dev: false, auth: { jwt_secret: 'x'.repeat(32) } })
    server.namespace('open', { publish: 'anyone', subscribe: 'anyone' })
    await server.attach(app)
    await new Promise<void>((resolve) => app.listen(0, '127.0.0.1', resolve))
    const socket = connectTcp((app.address() as { port: number }).port, '127.0.0.1')
    socket.write(HANDSHAKE)
    await once(socket, 'data')
    const order: string[] = []
    socket.on('data', (bytes: Buffer) => {
      if (!bytes.includes(Buffer.from([0x03, 0xf4]))) return
      order.push('told 1012')
      // A close frame with the same code, masked by zeros.
      socket.write(Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xf4]))
    })
    const ended = once(socket, 'end')
    await server.close()
    order.push('closed')
    await ended
    expect(order).toEqual(['told 1012', 'closed'])
    socket.destroy()
    await new Promise((resolve) => app.close(resolve))
  })

  it('is not kept by readers that come back while it drains', async () => {
    const { server, url, token } = await start({ shutdown_ms: 60_000 })
    const headers = { authorization: `Bearer ${await token('ada')}` }
    const poll = async (): Promise<void> => {
      const response = await fetch(`${url}/v1/poll?channel=chat:a&last=0`, { headers })
      await response.arrayBuffer()
      return poll()
    }
    const polling = Array.from({ length: 5 }, () => poll().catch((error: Error) => error.message))
    await fetch(`${url}/health`)
    await server.close()
    // They came back until nobody answered.
    expect(new Set(await Promise.all(polling))).toEqual(new Set(['fetch failed']))
  })

  it('does not wait longer than it promised for a client that never says goodbye', async () => {
    const { server, url, token } = await start({ shutdown_ms: 200 })
    const { port } = new URL(url)
    const socket = connectTcp(Number(port), '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(HANDSHAKE.replace('/v1/ws', `/v1/ws?token=${await token('ada')}`))
    await once(socket, 'data')
    const ended = once(socket, 'close')
    socket.resume()
    await server.close()
    await ended
    expect(socket.destroyed).toBe(true)
  })

  it('answers what it accepted, tells clients when to come back, and closes with 1012', async () => {
    const { server, url, token } = await start()
    const { socket, next, closed } = await connect(url, await token('ada'))
    send(socket, 'subscribe', { channel: 'chat:a' })
    await next('subscribed')
    send(socket, 'message', {}, { channel: 'chat:a', message_id: 'm1' })
    await next('message')
    const closing = server.close()
    expect((await next('server_shutdown')).payload['reconnect_in_ms']).toBeGreaterThanOrEqual(0)
    expect(await closed).toBe(1012)
    await closing
    await expect(fetch(`${url}/health`)).rejects.toThrow('fetch failed')
  })
})
