import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ServerProcess } from '../support/server-process.ts'
import { until } from '../support/until.ts'
import { openAll } from './revocation/readers.ts'
import { http, type HttpAnswer } from './support/http.ts'
import { serverKey } from './support/jwt.ts'
import { everywhere, showEverywhere } from './tokens/ways.ts'

const KEY = serverKey('backend')
/** How soon the end of a login has to reach its connections. */
const WITHIN_MS = 2_000

let server: ServerProcess
beforeAll(async () => {
  server = await ServerProcess.start({
    config: {
      no_limits: true,
      namespaces: { chat: { publish: 'user' } },
      auth: {
        jwt_secret: 'a secret of thirty-two bytes or more',
        server_keys: [KEY.entry],
        // Nothing here is a lost answer.
        refresh_grace_ms: 0,
      },
    },
  })
})
afterAll(() => server?.remove())

interface Login {
  token: string
  refresh_token: string
  session: string
  expires_at: string
}

async function login(user: string, more: object = {}): Promise<Login> {
  const answer = await http(`${server.url}/v1/tokens`, {
    method: 'POST',
    token: KEY.key,
    body: { user, refresh: true, ...more },
  })
  expect(answer.status).toBe(201)
  return answer.body as unknown as Login
}

function refresh(refresh_token: unknown): Promise<HttpAnswer> {
  return http(`${server.url}/v1/tokens/refresh`, { method: 'POST', body: { refresh_token } })
}

async function refreshed(from: Login): Promise<Login> {
  const answer = await refresh(from.refresh_token)
  expect(answer.status).toBe(200)
  return answer.body as unknown as Login
}

describe('a refresh token', () => {
  it('is good for a new token and its successor, of the same login', async () => {
    const one = await login('ada')
    const two = await refreshed(one)
    const three = await refreshed(two)
    expect(three.session).toBe(one.session)
    expect(new Set([one, two, three].map(({ token }) => token)).size).toBe(3)
    expect(await showEverywhere(server.url, three.token)).toEqual(everywhere('ok'))
  })

  it('opens nothing by itself', async () => {
    const { refresh_token } = await login('ada')
    expect(await showEverywhere(server.url, refresh_token)).toEqual(everywhere(4002))
  })

  it('brings no more rights than its login had', async () => {
    const two = await refreshed(await login('ada', { channels: { 'chat:other': ['subscribe'] } }))
    const url = `${server.url}/v1/poll?channel=chat:a&wait=0`
    expect((await http(url, { token: two.token })).code).toBe(4011)
  })

  it('that comes 50 times at once has one winner', async () => {
    const { refresh_token } = await login('bob')
    const answers = await Promise.all(Array.from({ length: 50 }, () => refresh(refresh_token)))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(new Set(answers.map(({ status, code }) => (status === 200 ? 'won' : code)))).toEqual(
      new Set(['won', 4002]),
    )
  })

  it('survives a restart, and so does that it was used', async () => {
    const one = await login('rob')
    const two = await refreshed(one)
    await server.kill()
    await server.start()
    const three = await refreshed(two)
    expect((await refresh(two.refresh_token)).code).toBe(4002)
    expect((await refresh(three.refresh_token)).code).toBe(4002)
    expect((await refresh(one.refresh_token)).code).toBe(4002)
  })

  it.each([
    ['nothing', undefined, 4009],
    ['a number', 7, 4009],
    ['an empty text', '', 4009],
    ['a word', 'refresh', 4002],
    ['a text of 100 KB', 'A'.repeat(100_000), 4005],
  ])('that is %s is refused', async (_, token, code) => {
    expect((await refresh(token)).code).toBeOneOf([code, 4002, 4009])
  })

  it('that is nearly right is refused, and harms nobody', async () => {
    const one = await login('eva')
    const last = one.refresh_token.at(-1) === 'A' ? 'B' : 'A'
    for (const near of [
      `${one.refresh_token.slice(0, -1)}${last}`,
      one.refresh_token.slice(0, -1),
      `${one.refresh_token}A`,
      one.refresh_token.toUpperCase(),
    ]) {
      expect((await refresh(near)).code, near).toBe(4002)
    }
    await refreshed(one)
  })
})

describe('a refresh token that was used before', () => {
  it('ends its login: tokens, successors and connections; other logins go on', async () => {
    const stolen = await login('cyd')
    const other = await login('cyd')
    const owner = await refreshed(stolen)
    const { url } = server
    const open = (token: string) => openAll({ url, token, channel: 'chat:a' })
    const readers = await open(owner.token)
    const others = await open(other.token)

    expect((await refresh(stolen.refresh_token)).code).toBe(4002)
    await until(
      () => readers.every(({ refusal }) => refusal === 4002),
      () => `Not ended: ${JSON.stringify(readers.map(({ name, refusal }) => [name, refusal]))}`,
      WITHIN_MS,
    )
    expect(await showEverywhere(url, owner.token)).toEqual(everywhere(4002))
    expect((await refresh(owner.refresh_token)).code).toBe(4002)

    expect(others.map(({ refusal }) => refusal)).toEqual([undefined, undefined, undefined])
    expect(await showEverywhere(url, other.token)).toEqual(everywhere('ok'))
    await refreshed(other)
    for (const reader of [...readers, ...others]) reader.end()
  })
})

describe('a login whose user was revoked', () => {
  it('has no refresh token any more', async () => {
    const one = await login('uli')
    const body = { user: 'uli' }
    await http(`${server.url}/v1/tokens/revoke`, { method: 'POST', token: KEY.key, body })
    expect((await refresh(one.refresh_token)).code).toBe(4002)
  })
})

it('no refresh token is in the log', async () => {
  const one = await login('log')
  await refreshed(one)
  expect((await refresh(one.refresh_token)).code).toBe(4002)
  expect(server.output).not.toContain(one.refresh_token)
})
