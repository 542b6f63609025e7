import { once } from 'node:events'
import http from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createServer, createServerKey, issueToken, type Server } from '../index.ts'

const SECRET = 'a secret of this test, 32 bytes or more'
const ONE = '/v1/channels/chat:a/publications'
const MANY = '/v1/publications'
const { key, ...known } = createServerKey('backend')

let server: Server
let url: string
let user: string

beforeAll(async () => {
  server = createServer({
    host: '127.0.0.1',
    port: 0,
    ops: { port: null },
    auth: { jwt_secret: SECRET, server_keys: [{ id: known.id, sha256: known.sha256 }] },
    log: { level: 'silent' },
    namespaces: {
      chat: { durability: 'memory', publish: 'user' },
      signal: { durability: 'none', publish: 'user' },
      news: { durability: 'memory', publish: 'server' },
    },
  })
  url = (await server.listen()).url
  const issued = await issueToken({ secret: SECRET, user: 'ada', ttlMs: 600_000, now: Date.now() })
  user = issued.token
})
afterAll(() => server.close())

interface Sent {
  path?: string
  token?: string | null
  body?: string | Buffer
  headers?: http.OutgoingHttpHeaders
}

/** The whole answer, but for what is different each time. */
async function answer({ path = ONE, token = user, body = '', headers = {} }: Sent) {
  const request = http.request(url + path, {
    method: 'POST',
    agent: false,
    headers: {
      'Content-Length': Buffer.byteLength(body),
      ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
      ...headers,
    },
  })
  request.end(body)
  const [response] = (await once(request, 'response')) as [http.IncomingMessage]
  const { statusCode, statusMessage, rawHeaders } = response
  const said = (await text(response))
    .replaceAll(/"epoch":"[^"]+"/g, '"epoch":""')
    .replaceAll(/"message_id":"0[^"]+"/g, '"message_id":""')
    .replaceAll(/"offset":\d+/g, '"offset":0')
  const [date, length] = ['date', 'content-length'].map((name) =>
    rawHeaders.findIndex((raw, i) => i % 2 === 0 && raw.toLowerCase() === name),
  )
  // Offsets have more digits as time goes on.
  for (const i of [date, length]) if (i !== undefined && i >= 0) rawHeaders[i + 1] = ''
  return { statusCode, statusMessage, rawHeaders, said }
}

const message = (more: object = {}): string =>
  JSON.stringify({ type: 'message', payload: { content: 'hi' }, ...more })

describe('publishing is answered the same, whichever way the request takes', () => {
  // A query means nothing here, and it is reason enough for the router.
  it.each<[string, () => Sent]>([
    ['a publish', () => ({ body: message() })],
    ['a publish by a backend', () => ({ token: key, body: message() })],
    [
      'a publish where nothing is kept',
      () => ({ path: ONE.replace('chat', 'signal'), body: message() }),
    ],
    ['no payload', () => ({ body: '{"type":"a"}' })],
    ['a repeated message_id', () => ({ body: message({ message_id: 'm1' }) })],
    ['the id of another message', () => ({ body: '{"type":"other","message_id":"m1"}' })],
    ['no token', () => ({ token: null, body: message() })],
    ['a token that is none', () => ({ token: 'x', body: message() })],
    ['a malformed header', () => ({ token: '"', body: message() })],
    ['no such namespace', () => ({ path: ONE.replace('chat', 'none'), body: message() })],
    ['a channel for backends', () => ({ path: ONE.replace('chat', 'news'), body: message() })],
    ['a name that is none', () => ({ path: '/v1/channels/CHAT:a/publications', body: message() })],
    ['an empty body', () => ({})],
    ['no JSON', () => ({ body: '{' })],
    ['no object', () => ({ body: '[1]' })],
    ['no UTF-8', () => ({ body: Buffer.from([0xff, 0xfe]) })],
    ['an unknown field', () => ({ body: message({ more: 1 }) })],
    ['a type of the protocol', () => ({ body: '{"type":"ping"}' })],
    [
      'too many keys',
      () => ({
        body: message({ payload: Object.fromEntries([...Array(1001).keys()].map((n) => [n, 0])) }),
      }),
    ],
    ['too large a message', () => ({ body: message({ payload: { text: 'x'.repeat(66_000) } }) })],
    ['too large a body', () => ({ body: 'x'.repeat(200_000) })],
    ['a page of this host', () => ({ body: message(), headers: { Origin: url } })],
    [
      'a page of another host',
      () => ({ body: message(), headers: { Origin: 'https://evil.example' } }),
    ],
    ['the end of the connection', () => ({ body: message(), headers: { Connection: 'close' } })],
    [
      'many',
      () => ({
        path: MANY,
        body: message({ channels: ['chat:a', 'none:a', 'news:a', 'signal:a', 'chat:a'] }),
      }),
    ],
    ['many, none of them', () => ({ path: MANY, body: message({ channels: [] }) })],
    [
      'many, one of them no name',
      () => ({ path: MANY, body: message({ channels: ['chat:a', 'chat'] }) }),
    ],
    ['many without their names', () => ({ path: MANY, body: message() })],
  ])('%s', async (_, sent) => {
    const request = sent()
    await answer(request)
    const straight = await answer(request)
    const routed = await answer({ ...request, path: `${request.path ?? ONE}?routed` })
    expect(straight).toEqual(routed)
  })
})

describe('the straight way', () => {
  const raw = (lines: string[], body: string): string =>
    [
      'Host: x',
      `Authorization: Bearer ${user}`,
      `Content-Length: ${body.length}`,
      ...lines,
      '',
      body,
    ].join('\r\n')

  async function exchange(sent: string, until: RegExp, later?: string): Promise<string> {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(sent)
    let said = ''
    for await (const chunk of socket) {
      said += String(chunk)
      if (later !== undefined) socket.write(later)
      later = undefined
      if (until.test(said)) break
    }
    return said
  }

  it('takes bodies that come in pieces, and requests that do not wait for an answer', async () => {
    const body = '{"type":"a"}'
    const request = `POST ${ONE} HTTP/1.1\r\n${raw([], body)}`
    const [head, tail] = [request.slice(0, -5), request.slice(-5)]
    const said = await exchange(request + head, /(201 Created[^]*){2}/, tail)
    expect(said.match(/201 Created/g)).toHaveLength(2)
    const offsets = [...said.matchAll(/"offset":(\d+)/g)].map(([, offset]) => Number(offset))
    expect(offsets[1]).toBe(offsets[0]! + 1)
  })

  it('refuses two tokens in one request, whichever is the good one', async () => {
    const tokens = [`Bearer ${user}`, 'Bearer forged']
    for (const Authorization of [tokens, tokens.toReversed()]) {
      const { statusCode } = await answer({
        body: message(),
        token: null,
        headers: { Authorization },
      })
      expect(statusCode).toBe(401)
    }
  })

  it('survives who goes away in the middle of a body', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(`POST ${ONE} HTTP/1.1\r\n${raw([], '{"type":"a"}').slice(0, -5)}`)
    await once(socket, 'connect')
    socket.destroy()
    expect(await answer({ body: message() })).toMatchObject({ statusCode: 201 })
  })

  it('gives the publications of one request to a channel the offsets of their order', async () => {
    const body = message({ channels: ['chat:twice', 'chat:twice', 'chat:once'] })
    const request = http.request(url + MANY, {
      method: 'POST',
      headers: { Authorization: `Bearer ${key}`, 'Content-Length': Buffer.byteLength(body) },
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [http.IncomingMessage]
    const { results } = JSON.parse(await text(response)) as { results: object[] }
    expect(results).toMatchObject([
      { channel: 'chat:twice', offset: 1 },
      { channel: 'chat:twice', offset: 2 },
      { channel: 'chat:once', offset: 1 },
    ])
  })
})
