import { once } from 'node:events'
import { connect as connectTcp } from 'node:net'
import { deflateRawSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ClientOptions, WebSocket } from 'ws'
import { startTestServer, type TestServer } from '../testing/index.ts'
import { deflater, withoutSmallWindows } from './websocket-deflate.ts'

const CHANNEL = 'live:deflated'
const LONG = 'It compresses well. '.repeat(200)

interface Client {
  socket: WebSocket
  /** Bytes that came over the connection. */
  received: () => number
  until: (holds: (text: string) => boolean) => Promise<string>
}

let server: TestServer
let open: WebSocket[]

beforeEach(async () => {
  open = []
  server = await startTestServer({ dev: true, compression: { enabled: true } })
})

afterEach(async () => {
  for (const socket of open) socket.terminate()
  await server.close()
})

async function connect(options: ClientOptions = {}): Promise<Client> {
  const address = `${server.url.replace('http', 'ws')}/v1/ws?token=${await server.token('ada')}`
  const socket = new WebSocket(address, options)
  open.push(socket)
  const texts: string[] = []
  let wake: () => void = () => undefined
  socket.on('message', (data: Buffer) => {
    texts.push(data.toString())
    wake()
  })
  const until: Client['until'] = async (holds) => {
    for (;;) {
      const found = texts.find(holds)
      if (found !== undefined) return found
      await new Promise<void>((resolve) => (wake = resolve))
    }
  }
  let tcp = { bytesRead: 0 }
  socket.on('upgrade', (response) => (tcp = response.socket))
  await until((text) => text.includes('connection_established'))
  return { socket, received: () => tcp.bytesRead, until }
}

async function subscribed(options?: ClientOptions): Promise<Client> {
  const client = await connect(options)
  client.socket.send(JSON.stringify({ type: 'subscribe', payload: { channel: CHANNEL } }))
  await client.until((text) => text.includes('"subscribed"'))
  return client
}

function publish({ socket }: Client, payload: object): void {
  socket.send(JSON.stringify({ type: 'message', payload, metadata: { channel: CHANNEL } }))
}

const holdsLong = (text: string): boolean => text.includes(LONG)

describe('with compression', () => {
  it('those who offer it receive long messages in fewer bytes, and the others as they are', async () => {
    const [packed, plain] = [await subscribed(), await subscribed({ perMessageDeflate: false })]
    expect([packed.socket.extensions, plain.socket.extensions]).toEqual(['permessage-deflate', ''])
    const before = [packed.received(), plain.received()]
    publish(plain, { text: LONG })
    const texts = await Promise.all([packed.until(holdsLong), plain.until(holdsLong)])
    expect(texts[0]).toBe(texts[1])
    expect(packed.received() - before[0]!).toBeLessThan(LONG.length / 4)
    expect(plain.received() - before[1]!).toBeGreaterThan(LONG.length)
  })

  it('short and long messages of one turn come in their order', async () => {
    const client = await subscribed()
    const order: number[] = []
    client.socket.on('message', (data: Buffer) => {
      const { type, payload } = JSON.parse(data.toString()) as {
        type: string
        payload: { n: number }
      }
      if (type === 'message') order.push(payload.n)
    })
    for (let n = 0; n < 20; n++) publish(client, n % 2 === 0 ? { n } : { n, text: LONG })
    await client.until((text) => text.includes('"n":19'))
    expect(order).toEqual(Array.from({ length: 20 }, (_, n) => n))
  })

  it('a message that grows beyond the limit when it is inflated ends its connection by 1009', async () => {
    const { socket } = await connect()
    socket.send(JSON.stringify({ type: 'ping', payload: { text: 'x'.repeat(10_000_000) } }))
    const [code] = (await once(socket, 'close')) as [number]
    expect(code).toBe(1009)
  })

  it('a smaller window than ours is not agreed to', async () => {
    const { socket } = await connect({ perMessageDeflate: { serverMaxWindowBits: 9 } })
    expect(socket.extensions).toBe('')
  })
})

describe('offers without those of a small window', () => {
  it.each([
    ['permessage-deflate', 'permessage-deflate'],
    ['permessage-deflate; server_max_window_bits=9', undefined],
    ['permessage-deflate; server_max_window_bits="12"; client_max_window_bits', undefined],
    ['permessage-deflate; server_max_window_bits=10, permessage-deflate', 'permessage-deflate'],
    // Left to `ws`, which refuses them.
    ...['server_max_window_bits=7', 'server_max_window_bits=9; server_max_window_bits=9'].map(
      (parameters) => {
        const offer = `permessage-deflate; ${parameters}`
        return [offer, offer] as const
      },
    ),
  ] as const)('%s become %s', (offers, left) => {
    expect(withoutSmallWindows(offers)).toBe(left)
  })
})

describe('without', () => {
  it('is not agreed to', async () => {
    await server.close()
    server = await startTestServer({ dev: true })
    expect((await connect()).socket.extensions).toBe('')
  })

  it('a compressed frame ends its connection by 1002', async () => {
    await server.close()
    server = await startTestServer({ dev: true })
    const token = await server.token('ada')
    const { hostname, port } = new URL(server.url)
    const tcp = connectTcp(Number(port), hostname)
    tcp.write(
      `GET /v1/ws?token=${token} HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
        'Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
    )
    const body = deflateRawSync('{"type":"ping"}')
    tcp.write(Buffer.concat([Buffer.from([0xc1, 0x80 | body.length, 0, 0, 0, 0]), body]))
    let heard = Buffer.alloc(0)
    for await (const chunk of tcp as AsyncIterable<Buffer>) heard = Buffer.concat([heard, chunk])
    // The close frame: its code comes first.
    expect(heard.includes(Buffer.from([0x03, 0xea]))).toBe(true)
  })
})

describe('a message that compression would not make smaller', () => {
  it('is left as it is', () => {
    const noise = crypto.getRandomValues(new Uint8Array(2_000))
    expect(deflater(512)(noise)).toBeUndefined()
    expect(deflater(512)('short')).toBeUndefined()
  })
})
