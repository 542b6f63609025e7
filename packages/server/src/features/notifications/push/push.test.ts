import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { issueToken } from '../../../auth/jwt.ts'
import { runModule } from '../../../testing/child.ts'
import { Device } from '../../../testing/device.ts'
import { startTestServer, type TestServer } from '../../../testing/index.ts'
import { PushService } from '../../../testing/push-service.ts'
import { type Notifications, notifications, type NotificationsOptions } from '../index.ts'
import { MIGRATIONS, type Tables } from '../tables.ts'

interface Running extends TestServer {
  inbox: Notifications
  http: (user: string, method: string, path: string, body?: unknown) => Promise<Response>
  /** Subscribes a browser of the user, called `name`. */
  browser: (user: string, name: string) => Promise<string>
}

const SHIPPED = { kind: 'order.shipped', title: 'On its way' }
const PUSH = '/v1/notifications/push'

const ends: (() => unknown)[] = []
let service: PushService
beforeEach(async () => {
  service = await PushService.start()
  ends.push(() => service.close())
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(
  options: NotificationsOptions = {},
  serverOptions: Parameters<typeof startTestServer>[0] = {},
): Promise<Running> {
  const inbox = notifications({
    webPush: { subject: 'mailto:ops@shop.example', hosts: ['127.0.0.1'], allowPrivate: true },
    retryMs: 5,
    ...options,
  })
  const server = await startTestServer({ features: [inbox], ...serverOptions })
  ends.push(server.close)
  const http = async (
    user: string,
    method: string,
    path: string,
    body?: unknown,
  ): Promise<Response> =>
    fetch(`${server.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${await server.token(user)}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  return {
    ...server,
    inbox,
    http,
    browser: async (user, name) => {
      const { public_key } = (await (await http(user, 'GET', PUSH)).json()) as Record<
        string,
        string
      >
      service.applicationServerKey = public_key ?? ''
      const subscription = { ...service.subscription(name), expirationTime: null }
      expect((await http(user, 'POST', PUSH, subscription)).status).toBe(201)
      return subscription.endpoint
    },
  }
}

async function connected({ url, token }: Running, user: string): Promise<Device> {
  const device = await Device.connect(url, await token(user))
  ends.push(() => device.close())
  return device
}

const removed = async (answer: Promise<Response>): Promise<unknown> => (await answer).json()
const titles = (): unknown[] => service.pushed.map(({ message }) => message['title'])

describe('a push', () => {
  it('tells a browser whose user is not connected, so that only the browser can read it', async () => {
    const { inbox, browser } = await start()
    await browser('ada', 'phone')
    const { id } = await inbox.send('ada', { ...SHIPPED, body: 'Two days ✓', data: { order: 7 } })
    await service.until(() => service.pushed.length === 1)
    const [pushed] = service.pushed
    expect(service.faults).toEqual([])
    expect(pushed).toMatchObject({
      path: '/push/phone',
      headers: { ttl: '86400', urgency: 'normal', topic: expect.stringMatching(/^[\w-]{32}$/) },
      claims: { aud: service.origin, sub: 'mailto:ops@shop.example' },
      message: { id, ...SHIPPED, body: 'Two days ✓', data: { order: 7 } },
    })
  })

  it('reaches each browser of each user', async () => {
    const { inbox, browser } = await start()
    await browser('ada', 'phone')
    await browser('ada', 'laptop')
    await browser('bob', 'tablet')
    await inbox.send(['ada', 'bob', 'cyd'], SHIPPED)
    await service.until(() => service.pushed.length === 3)
    expect(service.pushed.map(({ path }) => path).toSorted()).toEqual([
      '/push/laptop',
      '/push/phone',
      '/push/tablet',
    ])
  })

  it('waits for a user who is connected, and is not made of what was read', async () => {
    const running = await start({ unreadAfterMs: 2_000 })
    await running.browser('ada', 'phone')
    await connected(running, 'ada')
    const { id } = await running.inbox.send('ada', { kind: 'a', title: 'read' })
    await running.http('ada', 'POST', '/v1/notifications/read', { ids: [id] })
    expect(service.requests).toBe(0)
    await running.inbox.send('ada', { kind: 'a', title: 'unread' })
    await service.until(() => service.pushed.length > 0)
    expect(titles()).toEqual(['unread'])
  })

  it('is not made in quiet hours, when the notification is only kept', async () => {
    const { inbox, browser, http } = await start()
    await browser('ada', 'phone')
    const at = (hours: number): string =>
      new Date(Date.now() + hours * 3_600_000).toISOString().slice(11, 16)
    const quiet_hours = { from: at(-2), to: at(2), time_zone: 'UTC' }
    await http('ada', 'PUT', '/v1/notifications/preferences', { off: [], quiet_hours })
    await inbox.send('ada', { kind: 'a', title: 'quiet' })
    const loud = { ...quiet_hours, from: at(2), to: at(4) }
    await http('ada', 'PUT', '/v1/notifications/preferences', { off: [], quiet_hours: loud })
    await inbox.send('ada', { kind: 'a', title: 'loud' })
    await service.until(() => service.pushed.length > 0)
    expect(titles()).toEqual(['loud'])
    const inboxOf = await (await http('ada', 'GET', '/v1/notifications')).json()
    expect(inboxOf).toMatchObject({ unread: 2 })
  })

  it('is tried again when the service fails, and not before it wants it', async () => {
    const { inbox, browser } = await start()
    await browser('ada', 'phone')
    service.answers = [{ status: 503 }, { status: 429, headers: { 'retry-after': '1' } }]
    const before = performance.now()
    await inbox.send('ada', SHIPPED)
    await service.until(() => service.pushed.length === 1)
    expect(performance.now() - before).toBeGreaterThanOrEqual(1000)
    expect(service.requests).toBe(3)
  })

  it('is given up after five attempts', async () => {
    const { inbox, browser } = await start({ retryMs: 1 })
    await browser('ada', 'phone')
    service.answers = Array.from({ length: 5 }, () => ({ status: 500 }))
    await inbox.send('ada', { kind: 'a', title: 'lost' })
    await service.until(() => service.requests === 5)
    await inbox.send('ada', { kind: 'a', title: 'kept' })
    await service.until(() => service.pushed.length > 0)
    expect(titles()).toEqual(['kept'])
  })

  it.each([404, 410])('that is answered %i ends the subscription', async (status) => {
    const { inbox, browser, http } = await start()
    const endpoint = await browser('ada', 'phone')
    service.answers = [{ status }]
    await inbox.send('ada', { kind: 'a', title: 'gone' })
    await service.until(() => service.requests === 1)
    const other = await browser('ada', 'laptop')
    await inbox.send('ada', { kind: 'a', title: 'there' })
    await service.until(() => service.pushed.length > 0)
    expect(service.pushed).toMatchObject([{ path: '/push/laptop', message: { title: 'there' } }])
    expect(await removed(http('ada', 'DELETE', PUSH, { endpoint }))).toEqual({ removed: false })
    expect(await removed(http('ada', 'DELETE', PUSH, { endpoint: other }))).toEqual({
      removed: true,
    })
  })

  it('goes to whoever uses the browser now', async () => {
    const { inbox, browser, http } = await start()
    const endpoint = await browser('ada', 'shared')
    await browser('bob', 'shared')
    await inbox.send('ada', { kind: 'a', title: 'for ada' })
    await inbox.send('bob', { kind: 'a', title: 'for bob' })
    await service.until(() => service.pushed.length > 0)
    expect(titles()).toEqual(['for bob'])
    expect(await removed(http('ada', 'DELETE', PUSH, { endpoint }))).toEqual({ removed: false })
  })

  it('goes to at most ten browsers of a user, those that came last', async () => {
    const { browser, http } = await start()
    const endpoints: string[] = []
    for (let i = 0; i < 11; i++) endpoints.push(await browser('ada', `b${i}`))
    const answers = await Promise.all(
      endpoints.map((endpoint) => removed(http('ada', 'DELETE', PUSH, { endpoint }))),
    )
    expect(answers).toEqual(endpoints.map((_, i) => ({ removed: i > 0 })))
  })

  it('is no larger than push services take', async () => {
    const { inbox, browser } = await start()
    await browser('ada', 'phone')
    const data = { text: 'x'.repeat(4000) }
    await inbox.send('ada', { ...SHIPPED, body: '🙂'.repeat(1000), data })
    await service.until(() => service.pushed.length === 1)
    expect(service.faults).toEqual([])
    const message = service.pushed[0]!.message
    expect(message).toMatchObject({ ...SHIPPED, truncated: true })
    expect(message['body']).toMatch(/^(🙂){500,}$/u)
    expect(message['data']).toBeUndefined()
  })

  it('survives kill -9 of the server', { timeout: 40_000 }, async () => {
    const data = mkdtempSync(join(tmpdir(), 'tidewire-push-'))
    ends.push(() => rmSync(data, { recursive: true, force: true }))
    const first = await start({}, { data })
    await first.browser('ada', 'phone')
    await first.server.close()
    service.status = 503
    const child = runModule(`
      import { createServer, notifications } from '@tidewire/server'
      const inbox = notifications({
        webPush: { hosts: ['127.0.0.1'], allowPrivate: true }, retryMs: 1_000,
      })
      const logger = { debug() {}, info() {}, warn() {}, error() {} }
      const server = createServer({
        dev: true, port: 0, ops: { port: null }, data: ${JSON.stringify(data)},
        features: [inbox], logger,
      })
      await server.listen()
      await inbox.send('ada', ${JSON.stringify(SHIPPED)})
      setInterval(() => undefined, 1000)
    `)
    ends.push(() => child.process.kill('SIGKILL'))
    await service.until(() => service.requests > 0)
    child.process.kill('SIGKILL')
    await child.ended
    expect(service.pushed).toEqual([])
    service.status = 201
    await start({}, { data })
    await service.until(() => service.pushed.length > 0)
    expect(service.pushed).toMatchObject([{ path: '/push/phone', message: SHIPPED }])
    expect(service.faults).toEqual([])
  })
})

describe('a revocation', () => {
  const secret = 'another secret of the tests, long enough for HS256'

  /** A browser of ada, subscribed with a token of this login. */
  async function subscribeWith(server: Running, session: string): Promise<string> {
    const now = Date.now()
    const { token } = await issueToken({ secret, user: 'ada', ttlMs: 60_000, now, session })
    const subscription = { ...service.subscription(session), expirationTime: null }
    const answer = await fetch(`${server.url}${PUSH}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}` },
      body: JSON.stringify(subscription),
    })
    expect(answer.status).toBe(201)
    return token
  }

  it('of a user ends the subscriptions, and what waits to be pushed to them', async () => {
    const running = await start({ unreadAfterMs: 200 })
    await running.browser('ada', 'phone')
    await running.browser('bob', 'tablet')
    await connected(running, 'ada')
    await connected(running, 'bob')
    await running.inbox.send(['ada', 'bob'], { kind: 'a', title: 'waits' })
    await running.server.disconnect({ user: 'ada' }, { revoke: true })
    await running.inbox.send(['ada', 'bob'], { kind: 'a', title: 'new' })
    await service.until(() => service.pushed.length === 2)
    expect(service.pushed.map(({ path }) => path)).toEqual(['/push/tablet', '/push/tablet'])
  })

  it('of a login or a token ends the subscriptions that were made with it, and no others', async () => {
    const running = await start({}, { auth: { jwt_secret: secret } })
    // Makes the service know the key of the server.
    await running.browser('bob', 'tablet')
    const token = await subscribeWith(running, 'one')
    await subscribeWith(running, 'two')
    await subscribeWith(running, 'three')
    const claims = JSON.parse(Buffer.from(token.split('.')[1]!, 'base64url').toString()) as {
      jti: string
    }
    await running.server.disconnect({ token_id: claims.jti }, { revoke: true })
    await running.server.disconnect({ session: 'two' }, { revoke: true })
    await running.server.disconnect({ session: 'three' })
    await running.inbox.send('ada', SHIPPED)
    await running.inbox.send('bob', SHIPPED)
    await service.until(() => service.pushed.length === 2)
    expect(service.pushed.map(({ path }) => path).toSorted()).toEqual([
      '/push/tablet',
      '/push/three',
    ])
  })

  it('that nobody was told of, because the server was gone, counts when there is something to push', async () => {
    const running = await start({}, { auth: { jwt_secret: secret } })
    await running.browser('bob', 'tablet')
    await subscribeWith(running, 'one')
    const database = await running.server.tables<Tables>('notifications', MIGRATIONS)
    const rows = await database.selectFrom('notifications_subscriptions').selectAll().execute()
    await running.server.disconnect({ session: 'one' }, { revoke: true })
    const kept = rows.filter(({ user }) => user === 'ada')
    await database.insertInto('notifications_subscriptions').values(kept).execute()
    await running.inbox.send('ada', SHIPPED)
    await running.inbox.send('bob', SHIPPED)
    await service.until(() => service.pushed.length > 0)
    expect(service.pushed.map(({ path }) => path)).toEqual(['/push/tablet'])
    const left = await database.selectFrom('notifications_subscriptions').select('user').execute()
    expect(left).toEqual([{ user: 'bob' }])
  })
})

describe('a subscription', () => {
  it.each([
    ['no address', 'push', 'no address'],
    ['not over TLS', 'http://fcm.googleapis.com/x', 'no https:'],
    ['of nobody we know', 'https://push.example/x', 'this server knows'],
    [
      'of a name that only begins alike',
      'https://fcm.googleapis.com.evil.example/x',
      'this server knows',
    ],
    ['of a name that only ends alike', 'https://evilpush.apple.com/x', 'this server knows'],
    ['with a user', 'https://fcm.googleapis.com@evil.example/x', 'this server knows'],
    ['at this machine', 'https://127.0.0.1/x', 'this server knows'],
    ['at metadata', 'https://169.254.169.254/x', 'this server knows'],
  ])('%s: is refused', async (_, endpoint, why) => {
    const { http } = await start({ webPush: {} })
    const { keys } = service.subscription('phone')
    const answer = await http('ada', 'POST', PUSH, { endpoint, keys })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining(why) })
  })

  it('at an address of this machine is refused even where its host is allowed', async () => {
    const { http } = await start({ webPush: { hosts: ['127.0.0.1'] } })
    const { keys } = service.subscription('phone')
    const answer = await http('ada', 'POST', PUSH, { endpoint: 'https://127.0.0.1/x', keys })
    expect(await answer.json()).toMatchObject({ message: '`endpoint` cannot be asked.' })
  })

  it.each([
    ['no keys', {}],
    ['a key that is no point', { p256dh: 'AAAA', auth: 'AAAAAAAAAAAAAAAAAAAAAA' }],
    [
      'a point that is not on the curve',
      {
        p256dh: Buffer.from([4, ...Array.from({ length: 64 }, () => 7)]).toString('base64url'),
        auth: 'AAAAAAAAAAAAAAAAAAAAAA',
      },
    ],
    ['a short secret', { p256dh: 'own', auth: 'AAAA' }],
  ])('with %s is refused', async (_, keys) => {
    const { http } = await start()
    const own = service.subscription('phone')
    const used = 'p256dh' in keys && keys.p256dh === 'own' ? { ...own.keys, auth: 'AAAA' } : keys
    const answer = await http('ada', 'POST', PUSH, { endpoint: own.endpoint, keys: used })
    expect(answer.status).toBe(400)
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining('`keys`') })
  })

  it('cannot be made where there is no Web Push', async () => {
    const { http } = await start({ webPush: false })
    expect((await http('ada', 'GET', PUSH)).status).toBe(404)
    const answer = await http('ada', 'POST', PUSH, service.subscription('phone'))
    expect(await answer.json()).toMatchObject({ message: expect.stringContaining('has: none') })
  })

  it('may be of a provider of the application', async () => {
    const sent: unknown[] = []
    let done = (): void => undefined
    const arrived = new Promise<void>((resolve) => (done = resolve))
    const pager = {
      name: 'pager',
      async send(subscription: unknown, message: unknown) {
        sent.push([subscription, message])
        done()
        return 'sent' as const
      },
    }
    const { http, inbox } = await start({ providers: [pager] })
    const answer = await http('ada', 'POST', PUSH, { provider: 'pager', endpoint: '555-1234' })
    expect(answer.status).toBe(201)
    const { id } = await inbox.send('ada', SHIPPED)
    await arrived
    expect(sent).toMatchObject([
      [
        { provider: 'pager', endpoint: '555-1234', keys: {} },
        { id, ...SHIPPED },
      ],
    ])
  })
})
