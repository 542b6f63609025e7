import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { createServerKey } from '../../auth/server-keys.ts'
import { Device } from '../../testing/device.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { type Notifications, notifications, type NotificationsOptions } from './index.ts'

const APP = createServerKey('app')
const BACKEND = `Bearer ${APP.key}`
const SHIPPED = { kind: 'order.shipped', title: 'On its way' }

interface Running extends TestServer {
  inbox: Notifications
  device: (user: string) => Promise<Device>
  http: (user: string, method: string, path: string, body?: unknown) => Promise<Answer>
}

interface Answer {
  status: number
  body: Record<string, unknown>
}

const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(
  options: NotificationsOptions = {},
  serverOptions: Parameters<typeof startTestServer>[0] = {},
): Promise<Running> {
  const running = await open(options, serverOptions)
  ends.push(running.close)
  return running
}

async function open(
  options: NotificationsOptions,
  serverOptions: Parameters<typeof startTestServer>[0],
): Promise<Running> {
  const inbox = notifications(options)
  const server = await startTestServer({
    features: [inbox],
    auth: { server_keys: [{ id: APP.id, sha256: APP.sha256 }] },
    ...serverOptions,
  })
  return {
    ...server,
    inbox,
    device: async (user) => {
      const device = await Device.connect(server.url, await server.token(user))
      ends.push(() => device.close())
      return device
    },
    http: async (user, method, path, body) =>
      ask(`${server.url}${path}`, method, `Bearer ${await server.token(user)}`, body),
  }
}

async function ask(
  url: string,
  method: string,
  authorization: string,
  body?: unknown,
): Promise<Answer> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const response = await fetch(url, {
    method,
    headers: { authorization },
    ...(body === undefined ? {} : { body: text }),
  })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function listen(running: Running, user: string): Promise<Device> {
  const device = await running.device(user)
  await device.ask('subscribe', { channel: `user:${user}` })
  await device.next('unread_count')
  return device
}

describe('a notification', () => {
  it('reaches every device of its user, and nobody else', async () => {
    const running = await start()
    const devices = await Promise.all([listen(running, 'ada'), listen(running, 'ada')])
    const other = await listen(running, 'bob')
    const sent = await running.inbox.send('ada', { ...SHIPPED, body: 'Two days', data: { id: 7 } })
    expect(sent).toEqual({ id: expect.any(String), users: 1 })
    for (const device of devices) {
      const { payload, metadata } = await device.next('notification')
      expect(payload).toEqual({
        ...SHIPPED,
        id: sent.id,
        body: 'Two days',
        data: { id: 7 },
        created_at: expect.stringMatching(/^\d{4}-.*Z$/),
        read: false,
        unread: 1,
      })
      expect(metadata).toMatchObject({ channel: 'user:ada', offset: 1 })
    }
    await other.ask('ping', {})
    expect(other.frames).toEqual([])
  })

  it('is kept: who comes later is told what is unread', async () => {
    const first = await start()
    await first.inbox.send('ada', SHIPPED)
    await first.inbox.send('ada', { kind: 'follow', title: 'Bob follows you' })
    const device = await first.device('ada')
    await device.ask('subscribe', { channel: 'user:ada' })
    const { payload } = await device.next('notifications_batch')
    expect(payload).toMatchObject({
      groups: { 'order.shipped': [{ title: 'On its way' }], follow: [{ read: false }] },
      unread: 2,
    })
    expect((await device.next('unread_count')).payload).toEqual({ count: 2 })
  })

  it('reaches who listens over SSE, with a position', async () => {
    const running = await start()
    const headers = { authorization: `Bearer ${await running.token('ada')}` }
    const { body } = await fetch(`${running.url}/v1/sse?channel=user:ada`, { headers })
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    const until = async (what: RegExp): Promise<void> => {
      while (!what.test(text)) text += (await reader.read()).value ?? ''
    }
    await until(/event: unread_count\ndata: .*"count":0/)
    await running.inbox.send('ada', SHIPPED)
    await until(/event: notification\nid: \S+\ndata: .*On its way/)
    await reader.cancel()
  })

  it('reaches who polls, with a position', async () => {
    const running = await start()
    const headers = { authorization: `Bearer ${await running.token('ada')}` }
    const poll = async (cursor: string): Promise<Record<string, unknown>> => {
      const response = await fetch(`${running.url}/v1/poll?channel=user:ada${cursor}`, { headers })
      return (await response.json()) as Record<string, unknown>
    }
    const { cursor } = await poll('')
    await running.inbox.send('ada', SHIPPED)
    expect(await poll(`&cursor=${cursor as string}`)).toMatchObject({
      publications: [{ type: 'notification', metadata: { offset: 1 } }],
    })
  })

  it('comes at once; those right after it come together, by kind', async () => {
    const running = await start({ burst: { windowMs: 200 } })
    const device = await listen(running, 'ada')
    await running.inbox.send('ada', { kind: 'a', title: '0' })
    expect((await device.next('notification')).payload).toMatchObject({ title: '0', unread: 1 })
    for (const [i, kind] of ['a', 'b', 'a'].entries()) {
      await running.inbox.send('ada', { kind, title: `${i + 1}` })
    }
    const { payload } = await device.next('notifications_batch')
    expect(payload).toMatchObject({
      groups: { a: [{ title: '1' }, { title: '3' }], b: [{ title: '2' }] },
      unread: 4,
    })
  })

  it('of a burst does not wait longer when there are many', async () => {
    const running = await start({ burst: { windowMs: 3_600_000, max: 3 } })
    const device = await listen(running, 'ada')
    await Promise.all(
      [0, 1, 2, 3].map((i) => running.inbox.send('ada', { kind: 'a', title: `${i}` })),
    )
    const { payload } = await device.next('notifications_batch')
    expect(payload).toMatchObject({ groups: { a: [{}, {}, {}] }, unread: 4 })
  })

  it('of an id comes once, however often it is sent', async () => {
    const running = await start()
    const again = { ...SHIPPED, id: 'order-7' }
    expect(await running.inbox.send(['ada', 'ada'], again)).toEqual({ id: 'order-7', users: 1 })
    expect(await running.inbox.send(['ada', 'bob'], again)).toEqual({ id: 'order-7', users: 1 })
    const both = await Promise.all([
      running.inbox.send('cyd', again),
      running.inbox.send('cyd', again),
    ])
    expect(new Set(both.map(({ users }) => users))).toEqual(new Set([0, 1]))
    await expect(running.inbox.send('ada', { ...again, title: 'Another' })).rejects.toMatchObject({
      reason: 'conflict',
    })
    for (const user of ['ada', 'bob', 'cyd']) {
      const { body } = await running.http(user, 'GET', '/v1/notifications')
      expect(body).toMatchObject({ notifications: [{ id: 'order-7' }], unread: 1 })
    }
  })

  it('is sent by backends over HTTP, to as many as 10,000 users at once', async () => {
    const running = await start()
    const device = await listen(running, 'user-9999')
    const users = Array.from({ length: 10_000 }, (_, i) => `user-${i}`)
    const sent = await ask(`${running.url}/v1/notifications`, 'POST', BACKEND, {
      users,
      ...SHIPPED,
    })
    expect(sent).toEqual({ status: 201, body: { id: expect.any(String), users: 10_000 } })
    await device.next('notification')
    const { body } = await running.http('user-5000', 'GET', '/v1/notifications')
    expect(body).toMatchObject({ notifications: [SHIPPED], more: false, unread: 1 })
  })
})

describe('an inbox', () => {
  it('is read in pages, newest first, over WebSocket and HTTP alike', async () => {
    const running = await start()
    const device = await running.device('ada')
    for (const n of [1, 2, 3, 4, 5]) await running.inbox.send('ada', { kind: 'a', title: `${n}` })
    const first = await device.ask('notifications_list', { limit: 2 })
    expect(first).toMatchObject({
      type: 'notifications_list',
      payload: { notifications: [{ title: '5' }, { title: '4' }], more: true, unread: 5 },
    })
    const [, last] = first.payload['notifications'] as { id: string }[]
    const rest = await running.http('ada', 'GET', `/v1/notifications?before=${last!.id}&limit=3`)
    expect(rest.body).toMatchObject({
      notifications: [{ title: '3' }, { title: '2' }, { title: '1' }],
      more: false,
    })
  })

  it('is marked as read, and every device is told', async () => {
    const running = await start()
    const [one, other] = await Promise.all([listen(running, 'ada'), listen(running, 'ada')])
    const ids: string[] = []
    for (const title of ['1', '2', '3']) {
      ids.push((await running.inbox.send('ada', { kind: 'a', title })).id)
    }
    const ack = await one.ask('notifications_mark_read', { ids: [ids[0], 'unknown'] })
    expect(ack).toMatchObject({ type: 'ack', payload: { marked: 1, unread: 2 } })
    for (const device of [one, other]) {
      expect((await device.next('unread_count')).payload).toEqual({
        count: 2,
        read: [ids[0], 'unknown'],
      })
    }
    const all = await running.http('ada', 'POST', '/v1/notifications/read', { ids: 'all' })
    expect(all.body).toEqual({ marked: 2, unread: 0 })
    expect((await other.next('unread_count')).payload).toEqual({ count: 0, read: 'all' })
    const { body } = await running.http('ada', 'GET', '/v1/notifications')
    expect(body['notifications']).toMatchObject([{ read: true }, { read: true }, { read: true }])
    const again = await running.http('ada', 'POST', '/v1/notifications/read', { ids: 'all' })
    expect(again.body).toEqual({ marked: 0, unread: 0 })
  })

  it('tells what came before a mark before the mark', async () => {
    const running = await start({ burst: { windowMs: 3_600_000 } })
    const device = await listen(running, 'ada')
    for (const title of ['1', '2', '3']) await running.inbox.send('ada', { kind: 'a', title })
    await running.http('ada', 'POST', '/v1/notifications/read', { ids: 'all' })
    await device.until(() => device.frames.find(({ type }) => type === 'unread_count'))
    expect(device.frames.map(({ type }) => type)).toEqual([
      'notification',
      'notifications_batch',
      'unread_count',
    ])
  })

  it('keeps the newest, and an exact count of those', async () => {
    const running = await start({ keep: 3 })
    for (const title of ['1', '2', '3', '4', '5']) {
      await running.inbox.send(['ada', 'bob'], { kind: 'a', title })
    }
    const { body } = await running.http('ada', 'GET', '/v1/notifications')
    expect(body).toMatchObject({
      notifications: [{ title: '5' }, { title: '4' }, { title: '3' }],
      more: false,
      unread: 3,
    })
  })

  it('lists no more than a frame holds', async () => {
    const limits = { max_frame_bytes: 4096 }
    const running = await start({}, { limits })
    const device = await running.device('ada')
    const body = 'ü'.repeat(600)
    for (const title of ['1', '2', '3', '4']) {
      await running.inbox.send('ada', { kind: 'a', title, body })
    }
    const { payload } = await device.ask('notifications_list', {})
    expect(payload).toMatchObject({ notifications: [{ title: '4' }, { title: '3' }], more: true })
    await device.ask('subscribe', { channel: 'user:ada' })
    expect((await device.next('notifications_batch')).payload).toMatchObject({
      groups: { a: [{ title: '3' }, { title: '4' }] },
      unread: 4,
    })
  })

  it('leaves out the kinds that its user turned off', async () => {
    const running = await start()
    const quiet_hours = { from: '22:00', to: '07:00', time_zone: 'Europe/Berlin' }
    const wanted = { off: ['ad'], quiet_hours }
    expect((await running.http('ada', 'GET', '/v1/notifications/preferences')).body).toEqual({
      off: [],
      quiet_hours: null,
    })
    const set = await running.http('ada', 'PUT', '/v1/notifications/preferences', wanted)
    expect(set).toEqual({ status: 200, body: wanted })
    expect(await running.inbox.preferences('ada')).toEqual(wanted)
    expect(await running.inbox.send(['ada', 'bob'], { kind: 'ad', title: 'Buy' })).toMatchObject({
      users: 1,
    })
    expect((await running.http('ada', 'GET', '/v1/notifications')).body).toEqual({
      notifications: [],
      more: false,
      unread: 0,
    })
  })
})

describe('what cannot be done', () => {
  const USERS = ['ada']
  let running: Running
  beforeAll(async () => (running = await open({}, {})))
  afterAll(() => running.close())

  it.each([
    ['no users', { users: [], ...SHIPPED }, '`users` is not valid: is empty'],
    ['a user that cannot be', { users: ['a b'], ...SHIPPED }, '`users.0`'],
    ['too many users', { users: Array.from({ length: 10_001 }, () => 'a'), ...SHIPPED }, '10000'],
    ['no kind', { users: USERS, title: 'x' }, '`kind`'],
    ['a kind that is no name', { users: USERS, kind: 'A b', title: 'x' }, '`kind`'],
    ['no title', { users: USERS, kind: 'a', title: '' }, '`title` is not valid: is empty'],
    ['a long title', { users: USERS, kind: 'a', title: 'x'.repeat(201) }, '`title`'],
    ['a long body', { users: USERS, ...SHIPPED, body: 'x'.repeat(2001) }, '`body`'],
    ['half a pair', { users: USERS, ...SHIPPED, body: '\ud800' }, 'Unicode'],
    ['data that is a list', { users: USERS, ...SHIPPED, data: [] }, '`data`'],
    ['much data', { users: USERS, ...SHIPPED, data: { x: 'x'.repeat(4096) } }, '4096 bytes'],
    ['another field', { users: USERS, ...SHIPPED, html: '<b>' }, '`html`'],
    ['no JSON', '{', 'not valid JSON'],
  ])('%s: is refused, and nobody gets anything', async (_, body, message) => {
    const answer = await ask(`${running.url}/v1/notifications`, 'POST', BACKEND, body)
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(answer.status).toBeLessThan(500)
    expect(answer.body['message']).toContain(message)
    const { body: inbox } = await running.http('ada', 'GET', '/v1/notifications')
    expect(inbox['notifications']).toEqual([])
  })

  it.each([
    ['GET', '/v1/notifications?limit=0', undefined, 400],
    ['GET', '/v1/notifications?limit=101', undefined, 400],
    ['GET', '/v1/notifications?before=nothing', undefined, 404],
    ['GET', '/v1/notifications?user=bob', undefined, 400],
    ['POST', '/v1/notifications', { users: ['ada'], ...SHIPPED }, 403],
    ['POST', '/v1/notifications/read', {}, 400],
    ['POST', '/v1/notifications/read', { ids: 'some' }, 400],
    ['POST', '/v1/notifications/read', { ids: [] }, 400],
    ['PUT', '/v1/notifications/preferences', { off: [] }, 400],
    ['PUT', '/v1/notifications/preferences', { off: ['A'], quiet_hours: null }, 400],
    ...[
      { from: '24:00', to: '07:00', time_zone: 'UTC' },
      { from: '22:00', to: '22:00', time_zone: 'UTC' },
      { from: '22:00', to: '07:00', time_zone: 'Mars/Olympus' },
      { from: '22:00', to: '07:00', time_zone: '+01:00' },
    ].map(
      (quiet_hours) =>
        ['PUT', '/v1/notifications/preferences', { off: [], quiet_hours }, 400] as const,
    ),
    ['POST', '/v1/notifications/push', { endpoint: 'https://evil.example/' }, 400],
    ['DELETE', '/v1/notifications/push', {}, 400],
  ] as const)('%s %s %j: %i', async (method, path, body, status) => {
    const answer = await running.http('ada', method, path, body)
    expect(answer.status).toBe(status)
    expect(answer.body['message']).toMatch(/\.$/)
  })

  it('a server key has no inbox', async () => {
    const answer = await ask(`${running.url}/v1/notifications`, 'GET', BACKEND)
    expect(answer).toMatchObject({ status: 403, body: { reason: 'forbidden' } })
  })

  it('a token that is for something else opens no inbox', async () => {
    const made = await ask(`${running.url}/v1/tokens`, 'POST', BACKEND, {
      user: 'ada',
      channels: { 'chat:*': ['*'] },
    })
    const token = made.body['token'] as string
    const answer = await ask(`${running.url}/v1/notifications`, 'GET', `Bearer ${token}`)
    expect(answer.status).toBe(403)
    const device = await Device.connect(running.url, token)
    ends.push(() => device.close())
    expect(await device.ask('notifications_list', {})).toMatchObject({ payload: { code: 4011 } })
    expect(await device.ask('notifications_mark_read', { ids: 'all' })).toMatchObject({
      payload: { code: 4011 },
    })
  })

  it('nobody listens to another, marks for another, or sends in the name of the server', async () => {
    const { id } = await running.inbox.send('ada', SHIPPED)
    const bob = await running.device('bob')
    expect(await bob.ask('subscribe', { channel: 'user:ada' })).toMatchObject({
      payload: { code: 4011 },
    })
    expect(await bob.ask('notifications_mark_read', { ids: [id] })).toMatchObject({
      payload: { marked: 0, unread: 0 },
    })
    expect(await bob.ask('notifications_list', { before: id })).toMatchObject({
      payload: { code: 4012 },
    })
    for (const type of ['notification', 'greeting']) {
      const answer = await bob.ask(type, {}, { channel: 'user:bob' })
      expect(answer.type).toBe('error')
    }
    const { body } = await running.http('ada', 'GET', '/v1/notifications')
    expect(body['unread']).toBe(1)
  })

  it('applications are told when it is too early', async () => {
    await expect(notifications().send('ada', SHIPPED)).rejects.toThrow('when the server listens')
  })
})
