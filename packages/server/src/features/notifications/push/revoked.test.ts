import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { expect, it, onTestFinished, vi } from 'vitest'
import { startTestServer, type TestServer } from '../../../testing/index.ts'
import { type Notifications, notifications } from '../index.ts'
import { type Database, MIGRATIONS, type Tables } from '../tables.ts'
import type { PushProvider } from './provider.ts'

const secret = 'another secret of the tests, long enough for HS256'
const PUSH = '/v1/notifications/push'

/** As issuers of applications may make one: it does not say when. */
function tokenWithoutIat(user: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 3600
  const text = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ sub: user, jti: `token of ${user}`, exp })}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

interface Running extends TestServer {
  inbox: Notifications
  database: Database
  /** Whom subscriptions are kept of. */
  users: () => Promise<string[]>
  /** Which pagers rang. */
  rang: string[]
  subscribe: (user: string) => Promise<Response>
}

async function start(check?: () => void): Promise<Running> {
  const rang: string[] = []
  const pager: PushProvider = {
    name: 'pager',
    check: () => check?.(),
    send: async ({ endpoint }) => {
      rang.push(endpoint)
      return 'sent'
    },
  }
  const inbox = notifications({ webPush: false, providers: [pager] })
  const running = await startTestServer({ features: [inbox], auth: { jwt_secret: secret } })
  onTestFinished(() => running.close())
  const database = await running.server.tables<Tables>('notifications', MIGRATIONS)
  return {
    ...running,
    inbox,
    database,
    users: async () => {
      const rows = database.selectFrom('notifications_subscriptions').select('user').orderBy('user')
      return (await rows.execute()).map(({ user }) => user)
    },
    rang,
    subscribe: (user) =>
      fetch(`${running.url}${PUSH}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${tokenWithoutIat(user)}` },
        body: JSON.stringify({ provider: 'pager', endpoint: `pager of ${user}` }),
      }),
  }
}

it("a user who is revoked while the subscription comes has none, and takes nobody else's away", async () => {
  const { server, url, users, subscribe } = await start()
  expect((await subscribe('bob')).status).toBe(201)
  const body = JSON.stringify({ provider: 'pager', endpoint: 'pager of bob' })
  const permits = vi.spyOn(server, 'permits')
  const asking = request(`${url}${PUSH}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${tokenWithoutIat('ada')}`, 'content-length': body.length },
  })
  asking.write(body.slice(0, 10))
  // The token was looked at; the rest of the body is waited for.
  await expect.poll(() => permits.mock.calls.length).toBe(1)
  await server.disconnect({ user: 'ada' }, { revoke: true })
  asking.end(body.slice(10))
  const [answer] = (await once(asking, 'response')) as [IncomingMessage]
  answer.resume()
  expect(answer.statusCode).toBe(401)
  expect(await users()).toEqual(['bob'])
})

it('a token that is revoked while its subscription is kept leaves none', async () => {
  let ended: Promise<number> | undefined
  const running = await start(() => {
    queueMicrotask(() => {
      ended = running.server.disconnect({ token_id: 'token of ada' }, { revoke: true })
    })
  })
  expect((await running.subscribe('ada')).status).toBe(401)
  await ended
  expect(await running.users()).toEqual([])
})

it('a revocation ends also what a token has subscribed that does not say when it was issued', async () => {
  const { server, inbox, database, users, rang, subscribe } = await start()
  for (const user of ['ada', 'bob']) expect((await subscribe(user)).status).toBe(201)
  const kept = await database.selectFrom('notifications_subscriptions').selectAll().execute()
  await server.disconnect({ user: 'ada' }, { revoke: true })
  expect(await users()).toEqual(['bob'])
  // As if the server had ended before it could.
  const hers = kept.filter(({ user }) => user === 'ada')
  await database.insertInto('notifications_subscriptions').values(hers).execute()
  await inbox.send(['ada', 'bob'], { kind: 'order.shipped', title: 'On its way' })
  await expect.poll(users).toEqual(['bob'])
  await expect.poll(() => rang).toEqual(['pager of bob'])
})
