import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { Gather } from './gather.ts'

let server: Server
let near: Socket
let far: Socket

beforeEach(async () => {
  server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  far = connect(address.port, '127.0.0.1')
  ;[near] = (await once(server, 'connection')) as [Socket]
})

afterEach(() => {
  near.destroy()
  far.destroy()
  server.close()
})

async function read(bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of far.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    length += chunk.length
    if (length >= bytes) break
  }
  return Buffer.concat(chunks)
}

it('writes the pieces in their order', async () => {
  const gather = new Gather()
  gather.write(near, [Buffer.from('one '), Buffer.from('two '), Buffer.from('three')])
  expect((await read(13)).toString()).toBe('one two three')
})

it('writes what is larger than the memory it shares', async () => {
  const gather = new Gather()
  const pieces = [Buffer.alloc(50_000, 'a'), Buffer.alloc(50_000, 'b')]
  gather.write(near, pieces)
  expect((await read(100_000)).equals(Buffer.concat(pieces))).toBe(true)
})

it('leaves alone what a slow peer has not taken yet', async () => {
  const gather = new Gather()
  const sent: Buffer[] = []
  far.pause()
  for (let i = 0; near.writableLength < 500_000; i++) {
    const pieces = [Buffer.alloc(20_000, i % 251), Buffer.alloc(20_000, (i + 1) % 251)]
    gather.write(near, pieces)
    sent.push(...pieces)
  }
  const expected = Buffer.concat(sent)
  expect((await read(expected.length)).equals(expected)).toBe(true)
})
