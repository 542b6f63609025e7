import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Chance } from '../chance.ts'
import { FaultProxy } from './fault-proxy.ts'

let proxy: FaultProxy
let server: Server
let sockets: Socket[]
/** What the server got. */
let got: { pieces: Buffer[]; bytes: number; ended: boolean; reset: boolean }
let serverSide: Socket | undefined

beforeEach(async () => {
  sockets = []
  serverSide = undefined
  got = { pieces: [], bytes: 0, ended: false, reset: false }
  server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.push(socket)
    serverSide = socket
    socket.on('data', (chunk: Buffer) => {
      got.pieces.push(chunk)
      got.bytes += chunk.byteLength
    })
    socket.on('end', () => (got.ended = true))
    socket.on('error', () => (got.reset = true))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  proxy = await FaultProxy.start({ target: port, chance: new Chance(7) })
})

afterEach(async () => {
  for (const socket of sockets) socket.destroy()
  await proxy.close()
  await new Promise((resolve) => server.close(resolve))
})

interface Client {
  socket: Socket
  pieces: Buffer[]
  text(): string
  ended: boolean
  error: string | undefined
}

async function open(): Promise<Client> {
  const socket = connect({ port: proxy.port, host: '127.0.0.1', allowHalfOpen: true })
  sockets.push(socket)
  const client: Client = {
    socket,
    pieces: [],
    text: () => Buffer.concat(client.pieces).toString(),
    ended: false,
    error: undefined,
  }
  socket.on('data', (chunk: Buffer) => client.pieces.push(chunk))
  socket.on('end', () => (client.ended = true))
  socket.on('error', ({ message }) => (client.error = message))
  await once(socket, 'connect')
  return client
}

async function arrived(bytes: number): Promise<void> {
  await expect.poll(() => got.bytes).toBe(bytes)
}

const text = () => Buffer.concat(got.pieces).toString()

describe('the fault proxy', () => {
  it('passes bytes and ends on, both ways', async () => {
    const client = await open()
    client.socket.end('to the server')
    await expect.poll(() => got.ended).toBe(true)
    expect(text()).toBe('to the server')
    serverSide!.end('and back')
    await expect.poll(() => client.ended).toBe(true)
    expect(client.text()).toBe('and back')
    await expect.poll(() => proxy.open).toBe(0)
  })

  it('passes megabytes through a reader that is slower', async () => {
    server.prependOnceListener('connection', (socket) => setImmediate(() => socket.pause()))
    const client = await open()
    // More than the buffers of two connections hold.
    const megabytes = Buffer.alloc(48 * 1024 * 1024, 'tide')
    client.socket.write(megabytes)
    await expect.poll(() => serverSide?.isPaused()).toBe(true)
    await expect.poll(() => proxy.held).toBeGreaterThan(1024 * 1024)
    expect(proxy.held).toBeLessThan(2 * 1024 * 1024)
    expect(client.socket.writableLength).toBeGreaterThan(0)
    serverSide!.resume()
    await arrived(megabytes.byteLength)
    expect(Buffer.concat(got.pieces).equals(megabytes)).toBe(true)
  })

  it('latency holds every chunk back and keeps the order', async () => {
    proxy.add({ type: 'latency', stream: 'upstream', latency: 60, jitter: 40 })
    const client = await open()
    const began = performance.now()
    for (let i = 0; i < 10; i++) client.socket.write(`${i}`)
    await arrived(10)
    expect(performance.now() - began).toBeGreaterThan(20)
    expect(text()).toBe('0123456789')
  })

  it('bandwidth lets no more through than it says', async () => {
    proxy.add({ type: 'bandwidth', stream: 'upstream', rate: 100 })
    proxy.add({ type: 'slicer', stream: 'upstream', average_size: 1000 })
    const client = await open()
    const began = performance.now()
    client.socket.write(Buffer.alloc(20_000))
    await arrived(20_000)
    // The last piece does not wait for what follows it.
    expect(performance.now() - began).toBeGreaterThan(180)
  })

  it('bandwidth holds also while more and more comes', async () => {
    proxy.add({ type: 'bandwidth', stream: 'upstream', rate: 10 })
    const client = await open()
    const began = performance.now()
    for (let i = 0; i < 50; i++) {
      client.socket.write(Buffer.alloc(1000))
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    // 10 bytes a millisecond, and one chunk passes before it is counted.
    expect(got.bytes).toBeLessThan((performance.now() - began) * 10 + 2000)
    expect(got.bytes).toBeGreaterThan(0)
  })

  it('a slicer cuts where the seed says, and loses nothing', async () => {
    proxy.add({
      type: 'slicer',
      stream: 'downstream',
      average_size: 5,
      size_variation: 3,
      delay: 500,
    })
    const client = await open()
    await expect.poll(() => serverSide).toBeDefined()
    const sentence = 'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich'
    serverSide!.write(sentence)
    await expect.poll(() => client.text()).toBe(sentence)
    expect(client.pieces.length).toBeGreaterThan(5)
  })

  it('a black hole lets nothing through until it is removed', async () => {
    const client = await open()
    client.socket.write('before')
    await arrived(6)
    const remove = proxy.add({ type: 'timeout', stream: 'upstream', timeout: 0 })
    client.socket.write('within')
    await expect.poll(() => serverSide).toBeDefined()
    serverSide!.write('the other way is open')
    await expect.poll(() => client.text()).toBe('the other way is open')
    expect(text()).toBe('before')
    remove()
    await arrived(12)
  })

  it('strands the open connections and leaves those that come after', async () => {
    const old = await open()
    old.socket.write('one')
    await expect.poll(() => got.bytes).toBe(3)
    const heal = proxy.strand()
    const stranded = serverSide!
    old.socket.resetAndDestroy()
    stranded.end('bye')
    const late = await open()
    late.socket.write('two')
    await expect.poll(() => got.bytes).toBe(6)
    expect(got).toMatchObject({ ended: false, reset: false })
    expect(proxy.open).toBe(2)
    heal()
    await expect.poll(() => got.reset).toBe(true)
    await expect.poll(() => proxy.open).toBe(1)
    expect(late.error).toBeUndefined()
  })

  it('a black hole with a timeout ends the connection', async () => {
    const client = await open()
    client.socket.write('x')
    await arrived(1)
    proxy.add({ type: 'timeout', stream: 'downstream', timeout: 30 })
    serverSide!.write('lost')
    await expect.poll(() => client.ended).toBe(true)
    expect(client.text()).toBe('')
  })

  it('reset_peer resets both sides', async () => {
    const client = await open()
    client.socket.write('x')
    await arrived(1)
    proxy.add({ type: 'reset_peer', stream: 'downstream', timeout: 10 })
    await expect.poll(() => client.error).toMatch(/ECONNRESET/)
    await expect.poll(() => got.reset).toBe(true)
  })

  it('limit_data ends the connection after so many bytes', async () => {
    proxy.add({ type: 'limit_data', stream: 'upstream', bytes: 4 })
    const client = await open()
    client.socket.write('123456')
    await expect.poll(() => got.ended).toBe(true)
    expect(text()).toBe('1234')
    await expect.poll(() => client.ended).toBe(true)
  })

  it('half_close ends one direction and leaves the other', async () => {
    proxy.add({ type: 'half_close', stream: 'upstream', bytes: 3 })
    const client = await open()
    client.socket.write('123456')
    await expect.poll(() => got.ended).toBe(true)
    expect(text()).toBe('123')
    serverSide!.write('still here')
    await expect.poll(() => client.text()).toBe('still here')
    expect(client.ended).toBe(false)
  })

  it('slow_close passes the end on late', async () => {
    proxy.add({ type: 'slow_close', stream: 'upstream', delay: 60 })
    const client = await open()
    const began = performance.now()
    client.socket.end('bye')
    await expect.poll(() => got.ended, { interval: 5 }).toBe(true)
    expect(performance.now() - began).toBeGreaterThan(55)
  })

  it('a filter rewrites what passes, with a state of its own for each connection', async () => {
    const make = () => {
      let count = 0
      return (bytes: Buffer) => Buffer.from(`${(count += 1)}:${bytes.toString()}`)
    }
    proxy.add({ type: 'filter', stream: 'upstream', make })
    for (const _ of [1, 2]) {
      got.pieces = []
      const client = await open()
      client.socket.write('x')
      await expect.poll(() => text()).toBe('1:x')
    }
  })

  it('toxicity decides by the seed which connections are met', async () => {
    proxy.add({ type: 'limit_data', stream: 'upstream', bytes: 0, toxicity: 0.5 })
    const clients = await Promise.all(Array.from({ length: 20 }, open))
    for (const { socket } of clients) socket.write('x')
    const met = () => clients.filter(({ ended }) => ended).length
    await expect.poll(() => met() + got.bytes).toBe(20)
    expect(met()).toBeGreaterThan(3)
    expect(met()).toBeLessThan(17)
  })

  it('severs every connection, and resets those that find nobody', async () => {
    const clients = [await open(), await open()]
    await expect.poll(() => proxy.open).toBe(2)
    proxy.sever()
    await expect.poll(() => clients.every(({ error }) => error !== undefined)).toBe(true)
    await new Promise((resolve) => {
      server.close(resolve)
      for (const socket of sockets) socket.destroy()
    })
    const late = await open()
    await expect.poll(() => late.error).toMatch(/ECONNRESET/)
  })
})
