import { mkdtempSync, mkdirSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Cli } from './support/cli.ts'
import { ServerProcess } from './support/server-process.ts'

let server: ServerProcess
let token: string
let healthy: Peer

beforeAll(async () => {
  server = await ServerProcess.start()
  token = await server.token('ada')
  healthy = await connect()
  healthy.send('subscribe', { channel: 'chat:a' })
  await healthy.next()
})
afterAll(async () => {
  healthy.socket.terminate()
  await server.remove()
})

interface Frame {
  type: string
  payload: Record<string, unknown>
}

interface Peer {
  socket: WebSocket
  /** The next frame, or `close <code>`. */
  next: () => Promise<Frame | string>
  send: (type: string, payload: object, metadata?: object) => void
}

async function connect(query = `?token=${token}`, protocol = 'tidewire.v1.json'): Promise<Peer> {
  const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/ws${query}`, protocol)
  const events: (Frame | string)[] = []
  let wake: () => void = () => undefined
  const push = (event: Frame | string): void => {
    events.push(event)
    wake()
  }
  socket.on('message', (data: Buffer, isBinary) =>
    push(isBinary ? { type: 'binary', payload: {} } : (JSON.parse(data.toString()) as Frame)),
  )
  socket.on('close', (code) => push(`close ${code}`))
  socket.on('error', () => undefined)
  const next = async (): Promise<Frame | string> => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve))
    return events.shift()!
  }
  const send = (type: string, payload: object, metadata: object = {}): void =>
    socket.send(JSON.stringify({ type, payload, metadata }))
  await next()
  return { socket, next, send }
}

const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`
const publishing = (payload: string): string =>
  `{"type":"message","payload":${payload},"metadata":{"channel":"chat:a"}}`

/** What a socket is sent, and the code of the error it gets. */
const FRAMES: [string, string | Buffer, number][] = [
  ['text that is not JSON', '{"type":', 4009],
  ['JSON that is no object', '[1,2]', 4009],
  ['an unknown type', '{"type":"dance","payload":{}}', 4010],
  ['a type that is no name', '{"type":"Not A Name"}', 4009],
  ['a payload that is no object', '{"type":"ping","payload":[]}', 4009],
  ['a bad channel name', '{"type":"subscribe","payload":{"channel":"Chat:a b"}}', 4009],
  ['a channel in unicode', '{"type":"subscribe","payload":{"channel":"chat:\u00e4"}}', 4009],
  ['an unknown namespace', '{"type":"subscribe","payload":{"channel":"nope:a"}}', 4012],
  ['a payload 65 levels deep', publishing(`{"a":${nested(64)}}`), 4009],
  ['a payload 10,000 levels deep', publishing(`{"a":${nested(10_000)}}`), 4009],
  [
    '1,001 keys',
    publishing(
      JSON.stringify(Object.fromEntries(Array.from({ length: 1001 }, (_, i) => [`k${i}`, 0]))),
    ),
    4009,
  ],
  [
    'an event that looks like a server frame',
    '{"type":"reset","payload":{},"metadata":{"channel":"chat:a"}}',
    4010,
  ],
  ['binary where text belongs', Buffer.from('{"type":"ping"}'), 4009],
  [
    'a message_id of 129 characters',
    `{"type":"message","metadata":{"channel":"chat:a","message_id":"${'x'.repeat(129)}"}}`,
    4009,
  ],
]

describe('a frame that is wrong', () => {
  it.each(FRAMES)(
    '%s: is answered with its code, and the connection goes on',
    async (_, data, code) => {
      const { socket, next, send } = await connect()
      socket.send(data)
      expect(await next()).toMatchObject({
        type: 'error',
        payload: { code, message: expect.any(String) as string },
      })
      send('ping', {})
      expect(await next()).toMatchObject({ type: 'pong' })
      socket.terminate()
    },
  )

  it('of 1 MiB: closes with 1009', async () => {
    const { socket, next } = await connect()
    socket.send(publishing(JSON.stringify({ text: 'x'.repeat(1024 * 1024) })))
    expect(await next()).toBe('close 1009')
  })

  it('of text on a binary codec: is answered in that codec', async () => {
    const { socket, next } = await connect(undefined, 'tidewire.v1.msgpack')
    socket.send('{"type":"ping"}')
    expect(await next()).toMatchObject({ type: 'binary' })
    socket.terminate()
  })

  it('again and again: closes with 4009', async () => {
    const { socket, next } = await connect()
    for (let i = 0; i < 10; i++) socket.send('nonsense')
    let last: Frame | string = ''
    while (typeof last !== 'string' || last === '') last = await next()
    expect(last).toBe('close 4009')
  })
})

describe('a token that is wrong', () => {
  const forged = `eyJhbGciOiJIUzI1NiJ9.${Buffer.from('{"sub":"ada","exp":4000000000}').toString('base64url')}.AAAA`

  it('over HTTP: 401 with 4002', async () => {
    const response = await fetch(`${server.url}/v1/poll?channel=chat:a&token=${forged}`)
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 4002, reason: 'authentication_failed' })
  })

  it('at the WebSocket handshake: 4002, told over the socket', async () => {
    const socket = new WebSocket(`${server.url.replace('http', 'ws')}/v1/ws?token=${forged}`)
    const heard: unknown[] = []
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString())))
    const code = await new Promise((resolve) => socket.on('close', resolve))
    expect(code).toBe(4002)
    expect(heard).toMatchObject([{ type: 'error', payload: { code: 4002 } }])
  })

  it('in a first frame: 4002', async () => {
    const { next, send } = await connect('')
    send('auth', { token: forged })
    expect(await next()).toMatchObject({ type: 'error', payload: { code: 4002 } })
    expect(await next()).toBe('close 4002')
  })

  it.each([
    ['GET', '/v1/sse?channel=chat:a'],
    ['GET', '/v1/poll?channel=chat:a'],
    ['GET', '/v1/channels/chat:a/publications'],
    ['POST', '/v1/channels/chat:a/publications'],
    ['POST', '/v1/users/ada/disconnect'],
  ])('missing on %s %s: 401 with 4001', async (method, path) => {
    const response = await fetch(`${server.url}${path}`, { method })
    expect(response.status).toBe(401)
    expect(await response.json()).toMatchObject({ code: 4001 })
  })

  it('missing on a socket that goes on regardless: 4001', async () => {
    const { next, send } = await connect('')
    send('subscribe', { channel: 'chat:a' })
    expect(await next()).toMatchObject({ type: 'error', payload: { code: 4001 } })
    expect(await next()).toBe('close 4001')
  })

  it('of a user where a server key belongs: 403 with 4011', async () => {
    const response = await fetch(`${server.url}/v1/users/bob/disconnect`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
    })
    expect(response.status).toBe(403)
    expect(await response.json()).toMatchObject({ code: 4011 })
  })
})

it('the healthy client beside all this saw nothing of it', async () => {
  healthy.send('message', { content: 'still here' }, { channel: 'chat:a' })
  const seen = [await healthy.next(), await healthy.next()]
  // The protocol promises no order between an answer and a delivery.
  expect(seen).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ type: 'ack' }),
      expect.objectContaining({ type: 'message', payload: { content: 'still here' } }),
    ]),
  )
})

describe('`tidewire serve` that cannot start says why in one sentence and exits 1', () => {
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-bad-'))
  const file = join(directory, 'a-file')
  writeFileSync(file, 'not a directory')
  const damaged = join(directory, 'damaged')
  mkdirSync(damaged)
  writeFileSync(join(damaged, 'tidewire.db'), Buffer.alloc(8192, 'garbage'))
  const config = join(directory, 'bad.yaml')
  writeFileSync(config, 'portt: 8080\n')
  const syntax = join(directory, 'syntax.yaml')
  writeFileSync(syntax, 'port: [\n')

  it.each([
    ['--data is not a directory', ['--data', join(file, 'data')], /director/],
    ['the database is damaged', ['--data', damaged], /database|damaged/],
    ['a key is unknown', ['--config', config], /`portt`.*Did you mean `port`\?/],
    ['the file is no YAML', ['--config', syntax], /syntax\.yaml/],
    ['the file is not there', ['--config', join(directory, 'nowhere.yaml')], /nowhere\.yaml/],
    ['a value is out of bounds', ['--port', '70000'], /--port.*65535/],
  ])('%s', async (_, args, sentence) => {
    const data = args.includes('--data') ? [] : ['--data', join(directory, 'fresh')]
    const cli = new Cli([
      'serve',
      '--dev',
      '--ops-port',
      'off',
      ...data,
      ...(args.includes('--port') ? [] : ['--port', '0']),
      ...args,
    ])
    expect(await cli.exit).toBe(1)
    expect(cli.errors.trim()).toMatch(sentence)
    expect(cli.errors.trim().split('\n')).toHaveLength(1)
  })

  it('the port is taken', async () => {
    const taken = createServer()
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
    const { port } = taken.address() as { port: number }
    const cli = new Cli([
      'serve',
      '--dev',
      '--ops-port',
      'off',
      '--data',
      join(directory, 'taken'),
      '--port',
      String(port),
    ])
    expect(await cli.exit).toBe(1)
    expect(cli.errors.trim()).toMatch(new RegExp(`${port}.*taken`))
    expect(cli.errors.trim().split('\n')).toHaveLength(1)
    taken.close()
  })
})
