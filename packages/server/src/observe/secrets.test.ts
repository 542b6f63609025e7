import { createHash } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { WebSocket } from 'ws'
import { createServer, type ServerOptions } from '../compose.ts'
import { createLogger } from './logs.ts'
import { ServerObserver } from './observer.ts'

/** Of every secret of this file, and of nothing else that a server may say. */
const CANARY = 'canary7f3a'
const SECRET = `${CANARY}-secret-of-the-server-and-its-backend`
const SERVER_KEY = `tw_billing_${CANARY}0123456789abcdefghijklmnopqrstuvwxyz`

interface Bearer {
  name: string
  text: string
}

/** What may stand in no output: the canary, and the parts of a token, which hold it encoded. */
function secretsOf(bearers: readonly Bearer[]): string[] {
  const parts = bearers.flatMap(({ text }) => text.split('.').slice(1))
  return [CANARY, ...parts.filter((part) => part.length >= 16)]
}

function sign(secret: string, user: string, expiresIn: number): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ note: CANARY })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(user)
    .setIssuedAt(now - 60)
    .setExpirationTime(now + expiresIn)
    .sign(new TextEncoder().encode(secret))
}

async function makeBearers(): Promise<Bearer[]> {
  const valid = await sign(SECRET, 'ada', 3600)
  return [
    { name: 'a valid token', text: valid },
    { name: 'a token that ends soon', text: await sign(SECRET, 'ada', 30) },
    { name: 'an expired token', text: await sign(SECRET, 'ada', -30) },
    { name: 'a token of somebody else', text: await sign(`${SECRET}?`, 'ada', 3600) },
    { name: 'half a token', text: valid.slice(0, -30) },
    { name: 'no token at all', text: `${CANARY}-garbage` },
    { name: 'a token of 9,000 characters', text: `${valid}${'x'.repeat(9000)}` },
    { name: 'the server key', text: SERVER_KEY },
    { name: 'a server key that is not known', text: `tw_other_${CANARY}0123456789abcdefghijkl` },
    { name: 'a wrong server key', text: `${SERVER_KEY.slice(0, -4)}xxxx` },
  ]
}

const HTTP: readonly [method: string, path: string, body?: string][] = [
  ['GET', '/v1/sse?channel=open:a'],
  ['GET', '/v1/sse?channel=closed:a'],
  ['GET', '/v1/sse?channel=not+a+channel'],
  ['GET', '/v1/poll?channel=open:a'],
  ['GET', '/v1/poll?channel=open:a&cursor=broken&wait=0'],
  ['GET', '/v1/poll?channel=closed:a&wait=0'],
  ['GET', '/v1/channels/open:a/publications?limit=1'],
  ['GET', '/v1/channels/closed:a/publications'],
  ['POST', '/v1/channels/open:a/publications', '{"type":"message","payload":{}}'],
  ['POST', '/v1/channels/closed:a/publications', '{"type":"message","payload":{}}'],
  ['POST', '/v1/channels/open:a/publications', `{"token": ${CANARY}`],
  ['POST', '/v1/publications', '{"channels":["open:a"],"type":"message","payload":{}}'],
  ['POST', '/v1/users/ada/disconnect', '{}'],
  ['POST', '/v1/tokens/revoke', '{"token_id":"1"}'],
  ['POST', '/v1/tokens/refresh', `{"refresh_token":"${CANARY}-refresh-token"}`],
  ['GET', '/v1/channels/open:a/members'],
  ['GET', '/v1/fail/on/purpose'],
  ['GET', '/v1/nowhere'],
  ['DELETE', '/v1/sse'],
]

let directory: string
let bearers: Bearer[]
/** Made by the server: answers with them are the only place for them. */
const issued: Bearer[] = []
let url: string
let metrics: string
/** By where it was said. */
const said: Record<'log' | 'audit' | 'refusals' | 'metrics' | 'bodies' | 'frames', string> = {
  log: '',
  audit: '',
  /** All of them, as they are before they are sampled and cleaned for the audit log. */
  refusals: '',
  metrics: '',
  bodies: '',
  frames: '',
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'tidewire-secrets-'))
  bearers = await makeBearers()
  const refused = vi.spyOn(ServerObserver.prototype, 'refused')
  const server = createServer(serverOptions())
  server.route('GET', '/v1/fail/on/purpose', ({ request }) => {
    const { authorization = '', ...others } = Object.fromEntries(request.headers)
    const cause = Object.assign(new Error(`GET ${request.url}`), { authorization, headers: others })
    throw new Error(`the backend did not take ${authorization}`, { cause })
  })
  const addresses = await server.listen()
  url = addresses.url
  metrics = `${addresses.opsUrl ?? ''}/metrics`
  await everything()
  await refreshing()
  said.metrics = await (await fetch(metrics)).text()
  await server.close()
  said.audit = readFileSync(join(directory, 'audit.log'), 'utf8')
  said.refusals = JSON.stringify(refused.mock.calls)
  refused.mockRestore()
}, 60_000)

afterAll(() => rmSync(directory, { recursive: true }))

function serverOptions(): ServerOptions {
  const sha256 = createHash('sha256').update(SERVER_KEY).digest('hex')
  return {
    host: '127.0.0.1',
    port: 0,
    ops: { host: '127.0.0.1', port: 0 },
    data: directory,
    shutdown_ms: 100,
    audit: { file: join(directory, 'audit.log') },
    auth: { jwt_secret: SECRET, refresh_grace_ms: 0, server_keys: [{ id: 'billing', sha256 }] },
    namespaces: {
      open: { durability: 'memory', subscribe: 'user', publish: 'user' },
      closed: { durability: 'memory', subscribe: 'server', publish: 'server' },
    },
    // Every token is looked at, however many were refused before.
    limits: { address: { failures: { burst: 1e6, per_second: 1e6 } } },
    logger: createLogger({
      level: 'trace',
      stream: { write: (line) => void (said.log += line) },
    }),
    authorize: ({ channel }) => {
      if (channel !== 'open:a') return true
      throw new Error(`no answer from https://example.org/may?token=${CANARY}`)
    },
  }
}

/** Every bearer by every way over every transport, one after the other. */
async function everything(): Promise<void> {
  for (const { text } of bearers) {
    for (const [method, path, body] of HTTP) {
      await request(method, path, { Authorization: `Bearer ${text}` }, body)
      const mark = path.includes('?') ? '&' : '?'
      await request(method, `${path}${mark}token=${encodeURIComponent(text)}`, {}, body)
    }
    await request('GET', '/v1/poll?wait=0', { Authorization: text })
    await request('GET', `/v1/poll?wait=0&cursor=${encodeURIComponent(text)}`, {})
    await request('GET', '/v1/poll?wait=0', { Cookie: `token=${text}`, 'X-Api-Key': text })
    await webSocket({ path: `?token=${encodeURIComponent(text)}` })
    await webSocket({ protocols: ['tidewire.v1.json', `bearer.${text}`] })
    await webSocket({ headers: { Authorization: `Bearer ${text}` } })
    await webSocket({ frames: [{ type: 'auth', payload: { token: text } }] })
    await webSocket({
      path: `?token=${encodeURIComponent(bearers[0]?.text ?? '')}`,
      frames: [
        { type: 'refresh', payload: { token: text } },
        { type: 'auth', payload: { token: text, extra: text } },
        { type: 'no.such.type', payload: { token: text } },
        { type: 'subscribe', payload: { channel: 'closed:a', token: text } },
        `{"type":"auth","payload":{"token":"${text}"`,
      ],
    })
  }
}

/** A login, a refresh, and what was used shown again: by the owner or a thief. */
async function refreshing(): Promise<void> {
  const first = await tokens('', { user: 'ada', refresh: true })
  const second = await tokens('/refresh', { refresh_token: first })
  await request('POST', '/v1/tokens/refresh', {}, JSON.stringify({ refresh_token: first }))
  await request('POST', '/v1/tokens/refresh', {}, JSON.stringify({ refresh_token: second }))
}

/** The refresh token of the answer. */
async function tokens(path: string, body: object): Promise<string> {
  const headers = { Authorization: `Bearer ${SERVER_KEY}`, 'Content-Type': 'application/json' }
  const init = { method: 'POST', headers, body: JSON.stringify(body) }
  const response = await fetch(`${url}/v1/tokens${path}`, init)
  const { token, refresh_token: refreshToken } = (await response.json()) as Record<string, string>
  expect(refreshToken).toMatch(/^twr_/)
  issued.push({ name: 'an access token', text: token ?? '' })
  // As `secretsOf` takes them apart.
  issued.push({ name: 'a refresh token', text: `.${refreshToken?.split('_').at(-1)}` })
  return refreshToken ?? ''
}

async function request(
  method: string,
  path: string,
  headers: Record<string, string>,
  body?: string,
): Promise<void> {
  const init = body === undefined ? {} : { body }
  const json = body === undefined ? {} : { 'Content-Type': 'application/json' }
  const response = await fetch(url + path, { method, headers: { ...headers, ...json }, ...init })
  const head = [response.status, response.statusText, ...response.headers].join(' ')
  said.bodies += `${method} ${head}\n${await beginning(response)}\n`
}

/** A stream does not end by itself: its first piece is enough. */
async function beginning(response: Response): Promise<string> {
  const type = response.headers.get('content-type')
  if (type?.startsWith('text/event-stream') !== true) return response.text()
  const reader = response.body?.getReader()
  const piece = await reader?.read()
  await reader?.cancel()
  return new TextDecoder().decode(piece?.value)
}

interface Attempt {
  path?: string
  protocols?: string[]
  headers?: Record<string, string>
  frames?: (object | string)[]
}

/** Sends the frames, and hears until all of them were answered or the connection ended. */
function webSocket({
  path = '',
  protocols = ['tidewire.v1.json'],
  headers = {},
  frames = [],
}: Attempt): Promise<void> {
  return new Promise((resolve) => {
    const address = `${url.replace('http', 'ws')}/v1/ws${path}`
    const socket = new WebSocket(address, protocols, { headers })
    let answers = 0
    socket.on('error', () => undefined)
    socket.on('unexpected-response', (_, response) => {
      said.frames += `${JSON.stringify(response.headers)}\n`
      response.on('data', (data: Buffer) => (said.frames += `${data.toString()}\n`))
      response.on('end', resolve)
    })
    socket.on('open', () => {
      for (const frame of frames) {
        socket.send(typeof frame === 'string' ? frame : JSON.stringify({ metadata: {}, ...frame }))
      }
    })
    socket.on('message', (data: Buffer) => {
      said.frames += `${data.toString()}\n`
      answers += 1
      if (answers > frames.length) socket.close()
    })
    socket.on('close', (code, reason) => {
      said.frames += `${code} ${reason.toString()}\n`
      resolve()
    })
  })
}

describe('a server that is shown tokens in every way', () => {
  test.each(['log', 'audit', 'refusals', 'metrics', 'bodies', 'frames'] as const)(
    'says none of them: %s',
    (where) => {
      const found = secretsOf([...bearers, ...issued]).filter((secret) =>
        said[where].includes(secret),
      )
      expect(found).toEqual([])
    },
  )

  test('said something in each place', () => {
    expect(said.log).toContain('the backend did not take')
    expect(said.log).toContain('no answer from https://example.org/may')
    expect(said.audit).toContain('"audit":"refused"')
    expect(said.refusals).toContain('"reason":"authentication_failed"')
    expect(said.metrics).toMatch(/tidewire_refused_total\{reason="authentication_failed"\} \d\d+/)
    expect(said.bodies).toContain('"reason":"authentication_failed"')
    expect(said.bodies).toContain('event: connection_established')
    expect(said.frames).toContain('"type":"connection_established"')
    expect(said.frames).toContain('4002 authentication_failed')
  })

  test('writes nothing but JSON lines', () => {
    for (const line of `${said.log}${said.audit}`.trimEnd().split('\n')) {
      expect(JSON.parse(line)).toBeTypeOf('object')
      expect(line).not.toMatch(/\p{Cc}/u)
    }
  })
})

test.each<[string, ServerOptions['auth']]>([
  ['a secret that is too short', { jwt_secret: CANARY }],
  ['a secret that is no text', { jwt_secret: [CANARY] as unknown as string }],
  ['a server key instead of its digest', { server_keys: [{ id: 'a', sha256: SERVER_KEY }] }],
])('an error of the configuration does not repeat %s', (_, auth) => {
  const thrown = (): unknown => {
    try {
      return createServer({ ...serverOptions(), auth })
    } catch (error) {
      return error
    }
  }
  const { name, message, stack } = thrown() as Error
  expect(name).toBe('ConfigError')
  expect(`${message} ${stack}`).not.toContain(CANARY)
})
