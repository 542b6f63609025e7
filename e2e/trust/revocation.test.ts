import { randomUUID } from 'node:crypto'
import { get, type IncomingMessage } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'
import { lastAt, openAll, openWebSocket, type Reader, timeOf } from './revocation/readers.ts'
import { fill, Traffic } from './revocation/traffic.ts'
import { http } from './support/http.ts'
import { seconds, serverKey, tokenOf } from './support/jwt.ts'
import { LocalServer } from './support/local-server.ts'
import { codeOf, Peer } from './support/peer.ts'
import { type Verdict, WAYS } from './tokens/ways.ts'

const SECRET = 'a secret of thirty-two bytes or more'
const KEY = serverKey('backend')
const OTHER_KEY = serverKey('other')
/** The promise: nothing that was published later than this after the answer to the revocation. */
const WITHIN_MS = 2_000
const LOG = { retention: { max_entries: 100_000 } }
const ALL_REFUSED = (code: number) => ({ WebSocket: code, SSE: code, poll: code })

let server: ServerProcess
beforeAll(async () => {
  server = await startServer({ chat: { history: 'user' }, team: { subscribe: 'member' }, log: LOG })
})
afterAll(() => server?.remove())

function startServer(namespaces: object, auth: object = {}): Promise<ServerProcess> {
  const keys = { jwt_secret: SECRET, server_keys: [KEY.entry, OTHER_KEY.entry] }
  return ServerProcess.start({
    config: { no_limits: true, namespaces, auth: { ...keys, ...auth } },
  })
}

const token = (user: string, claims: object = {}): string => tokenOf(SECRET, user, { ...claims })
const backend = (method: string, path: string, body?: object) =>
  http(`${server.url}${path}`, { method, token: KEY.key, body })

async function revoke(target: object): Promise<void> {
  expect((await backend('POST', '/v1/tokens/revoke', target)).status).toBe(200)
}

async function makeMember(channel: string, user: string): Promise<void> {
  expect((await backend('PUT', memberOf(channel, user))).status).toBeLessThan(300)
}

async function removeMember(channel: string, user: string): Promise<void> {
  expect((await backend('DELETE', memberOf(channel, user))).status).toBeLessThan(300)
}

function memberOf(channel: string, user: string): string {
  return `/v1/channels/${encodeURIComponent(channel)}/members/${user}`
}

const refusals = (readers: readonly Reader[]) =>
  Object.fromEntries(readers.map(({ name, refusal }) => [name, refusal]))

interface CutOff {
  url: string
  channel: string
  victim: string
  /** Somebody else, who goes on. */
  survivor: string
  /** What takes the right away. */
  act: () => Promise<void>
  code: number
  withinMs?: number
}

/** The victim listens over every transport at 200 publications a second, and loses the right to it. */
async function cutOff({ url, channel, victim, survivor, act, code, withinMs = WITHIN_MS }: CutOff) {
  const traffic = await Traffic.start(url, KEY.key, channel)
  const readers = await openAll({ url, token: victim, channel })
  const witness = await openWebSocket({ url, token: survivor, channel })
  try {
    await until(() => readers.every(({ publications }) => publications.length > 20))
    await act()
    const promised = Date.now() + withinMs
    // As long as somebody else gets more, nothing is late for being slow.
    await until(() => lastAt(witness) > promised + 500)
    await until(() => readers.every(({ refusal }) => refusal !== undefined))
    expect(refusals(readers)).toEqual(ALL_REFUSED(code))
    for (const reader of readers) expect(lastAt(reader), reader.name).toBeLessThan(promised)
    expect(witness.refusal).toBeUndefined()
    return readers
  } finally {
    for (const reader of [...readers, witness]) reader.end()
    traffic.stop()
  }
}

/** The same readers where they were. */
async function comeBack(
  readers: readonly Reader[],
  token: string,
  channel: string,
  { url } = server,
) {
  const returned = await Promise.all(
    readers.map(({ cursor }) => openAll({ url, token, channel, cursor })),
  )
  for (const reader of returned.flat()) reader.end()
  return returned.flat().map((reader) => ({ [reader.name]: reader.refusal }))
}

const EVERY_RETURN = (code: number) =>
  [1, 2, 3].flatMap(() => [{ WebSocket: code }, { SSE: code }, { poll: code }])

describe('nothing reaches, later than 2 s after, over any transport', () => {
  const jti = randomUUID()
  const sid = randomUUID()

  it.concurrent.each([
    ['a user who was revoked', token('una'), token('ulf'), { user: 'una' }],
    ['one token that was revoked', token('tom', { jti }), token('tom'), { token_id: jti }],
    [
      'one login that was revoked',
      token('lea', { sid }),
      token('lea', { sid: 'another' }),
      { session: sid },
    ],
    ['a server key that was revoked', OTHER_KEY.key, KEY.key, { key_id: 'other' }],
  ])('%s; nor does it come back', async (what, victim, survivor, target) => {
    const channel = `chat:${what.replaceAll(' ', '-')}`
    const readers = await cutOff({
      url: server.url,
      channel,
      victim,
      survivor,
      act: () => revoke(target),
      code: 4002,
    })
    expect(await comeBack(readers, victim, channel)).toEqual(EVERY_RETURN(4002))
  })

  it.concurrent('a member who was removed; nor does it come back', async () => {
    const channel = 'team:red'
    await makeMember(channel, 'max')
    await makeMember(channel, 'moe')
    const readers = await cutOff({
      url: server.url,
      channel,
      victim: token('max'),
      survivor: token('moe'),
      act: () => removeMember(channel, 'max'),
      code: 4011,
    })
    expect(await comeBack(readers, token('max'), channel)).toEqual(EVERY_RETURN(4011))
  })

  it.concurrent('a user to whom the application says no', async ({ onTestFinished }) => {
    const shutOut = new Set<string>()
    const application = await LocalServer.start((body) => ({
      allow: !shutOut.has(String((body as { user?: string }).user)),
    }))
    onTestFinished(() => application.close())
    const rightsMs = 300
    const asking = await startServer(
      { app: { subscribe: 'user', hook: true } },
      {
        revalidate_ms: rightsMs,
        hook: { url: application.url, secret: SECRET, cache_ms: rightsMs, allow_private: true },
      },
    )
    onTestFinished(() => asking.remove())
    const channel = 'app:a'
    const readers = await cutOff({
      url: asking.url,
      channel,
      victim: token('hal'),
      survivor: token('hen'),
      act: () => Promise.resolve(void shutOut.add('hal')),
      code: 4011,
      // An answer counts for a while, and is asked for only now and then.
      withinMs: WITHIN_MS + 2 * rightsMs,
    })
    expect(await comeBack(readers, token('hal'), channel, asking)).toEqual(EVERY_RETURN(4011))
  })
})

describe('a token with fewer channels', () => {
  it('takes the place of one with more: what it does not grant ends, what it grants goes on', async () => {
    const [lost, kept] = ['chat:lost', 'chat:kept']
    const rights = ['subscribe', 'history']
    const more = token('dan', { channels: { [lost]: rights, [kept]: rights } })
    const fewer = token('dan', { channels: { [kept]: rights }, exp: seconds(7200) })
    const peer = await Peer.open(server.url, { token: more })
    for (const channel of [lost, kept]) await peer.ask('subscribe', { channel })
    const traffic = await Promise.all(
      [lost, kept].map((channel) => Traffic.start(server.url, KEY.key, channel)),
    )
    const timesOf = (channel: string): number[] =>
      peer.frames.filter(({ metadata }) => metadata['channel'] === channel).map(timeOf)
    await until(() => timesOf(lost).length > 20)

    expect(await peer.ask('refresh', { token: fewer })).toMatchObject({ type: 'auth_response' })
    const promised = Date.now() + WITHIN_MS
    await until(() => (timesOf(kept).at(-1) ?? 0) > promised + 500)
    expect(timesOf(lost).at(-1)).toBeLessThan(promised)
    expect(peer.of('unsubscribed')).toMatchObject([
      { payload: { channel: lost, error: { code: 4011 } } },
    ])

    const since = { epoch: 'any', offset: 1 }
    expect(codeOf(await peer.ask('subscribe', { channel: lost, since }))).toBe(4011)
    expect(codeOf(await peer.ask('history', { channel: lost }))).toBe(4011)
    for (const one of traffic) one.stop()
    peer.end()
  })
})

describe('while it was away', () => {
  it('a user was revoked: its position brings nothing back', async () => {
    const channel = 'chat:away'
    const traffic = await Traffic.start(server.url, KEY.key, channel)
    const victim = token('ava')
    const readers = await openAll({ url: server.url, token: victim, channel })
    await until(() => readers.every(({ publications }) => publications.length > 0))
    for (const reader of readers) reader.end()
    await revoke({ user: 'ava' })
    expect(await comeBack(readers, victim, channel)).toEqual(EVERY_RETURN(4002))
    traffic.stop()
  })

  it('a member was removed: its position brings nothing back', async () => {
    const channel = 'team:blue'
    await makeMember(channel, 'amy')
    const traffic = await Traffic.start(server.url, KEY.key, channel)
    const readers = await openAll({ url: server.url, token: token('amy'), channel })
    await until(() => readers.every(({ publications }) => publications.length > 0))
    for (const reader of readers) reader.end()
    await removeMember(channel, 'amy')
    expect(await comeBack(readers, token('amy'), channel)).toEqual(EVERY_RETURN(4011))
    traffic.stop()
  })
})

describe('in the middle of a long history', () => {
  const channel = 'log:long'
  const ENTRIES = { count: 20_000, bytes: 1_000 }
  beforeAll(() => fill(server.url, KEY.key, channel, ENTRIES))

  /** Reads page after page, and has its user revoked after the third. Resolves to how it ended. */
  async function readOn(user: string, page: (after: number) => Promise<number | undefined>) {
    for (let n = 0; n < 3; n++) expect(await page(n * 100)).toBeUndefined()
    await revoke({ user })
    const promised = Date.now() + WITHIN_MS
    let code: number | undefined
    for (let n = 3; code === undefined; n++) {
      expect(Date.now()).toBeLessThan(promised)
      code = await page((n * 100) % ENTRIES.count)
    }
    return code
  }

  it('a user who pages over WebSocket is revoked: there is no next page', async () => {
    const peer = await Peer.open(server.url, { token: token('pam') })
    const code = await readOn('pam', async (after) =>
      codeOf(await peer.ask('history', { channel, after, limit: 100 })),
    )
    expect(code).toBe(4002)
  })

  it('a user who pages over HTTP is revoked: there is no next page', async () => {
    const path = `/v1/channels/${channel}/publications?limit=100`
    const victim = token('pat')
    const code = await readOn('pat', async (after) => {
      const { code } = await http(`${server.url}${path}&after=${after}`, { token: victim })
      return code
    })
    expect(code).toBe(4002)
  })

  it('a user who catches up slowly over WebSocket is revoked: the rest never comes', async () => {
    const peer = await Peer.open(server.url, { token: token('sam') })
    const { body } = await backend('GET', `/v1/channels/${channel}/publications?limit=1`)
    const since = { epoch: body['epoch'], offset: 0 }
    await peer.ask('subscribe', { channel, since })
    peer.socket.pause()
    await revoke({ user: 'sam' })
    peer.socket.resume()
    await until(() => peer.closed !== undefined)
    expect(peer.closed).toBe(4002)
    expect(peer.of('message').length).toBeLessThan(ENTRIES.count)
  })

  it('a user who catches up slowly over SSE is revoked: the rest never comes', async () => {
    const { body } = await backend('GET', `/v1/channels/${channel}/publications?limit=1`)
    const cursor = `1~${channel}~${String(body['epoch'])}~0`
    const path = `/v1/sse?channel=${channel}&cursor=${cursor}&token=${token('sue')}`
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${server.url}${path}`, resolve).on('error', reject)
    })
    await revoke({ user: 'sue' })
    let text = ''
    for await (const chunk of response) text += String(chunk)
    expect(text).toContain('"code":4002')
    expect(text.match(/^event: message$/gm)?.length).toBeLessThan(ENTRIES.count)
  })
})

describe('what was revoked stays revoked', () => {
  it('when the server is killed and starts again', async () => {
    const jti = randomUUID()
    const tokens = { user: token('ron'), one: token('rob', { jti }), good: token('rob') }
    await revoke({ user: 'ron' })
    await revoke({ token_id: jti })
    await server.kill()
    await server.start()
    const says = (token: string): Promise<Verdict> => WAYS[0]!.show(server.url, token, token)
    expect(await says(tokens.user)).toBe(4002)
    expect(await says(tokens.one)).toBe(4002)
    expect(await says(tokens.good)).toBe('ok')
  })
})
