import { notifications as inboxes, type Notifications as Inboxes } from '@tidewire/server'
import { startTestServer, type TestServer } from '@tidewire/server/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from './client.ts'
import {
  type Notification,
  notificationPreferences,
  Notifications,
  notifications,
  setNotificationPreferences,
} from './notifications.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'
import type { TransportName } from './types.ts'

const TRANSPORTS: TransportName[] = ['websocket', 'sse', 'poll']

interface World extends TestServer {
  inbox: Inboxes
}

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(options: Parameters<typeof inboxes>[0] = {}): Promise<World> {
  const inbox = inboxes(options)
  const server = await startTestServer({ features: [inbox] })
  ends.push(server.close)
  return { ...server, inbox }
}

async function connect(
  { url, token }: TestServer,
  transport: TransportName = 'websocket',
): Promise<Tidewire> {
  const client = new Tidewire({
    url,
    WebSocket,
    token: await token('ada'),
    transports: [transport],
    backoff: { minMs: 1, maxMs: 20 },
  })
  client.on('error', () => undefined)
  ends.push(() => client.close())
  return client
}

async function open(client: Tidewire, pageSize?: number): Promise<Notifications> {
  const mine = notifications(client, { user: 'ada', pageSize })
  ends.push(() => mine.close())
  await until(() => !mine.state.loading, 'the first page')
  expect(mine.state.error).toBeUndefined()
  return mine
}

const titles = ({ items }: Notifications): string[] => items.map(({ title }) => title)

describe.each(TRANSPORTS)('an inbox over %s', (transport) => {
  it('begins with what there is, and follows what comes and what is read elsewhere', async () => {
    const world = await start({ burst: { windowMs: 50 } })
    for (const title of ['1', '2']) await world.inbox.send('ada', { kind: 'a', title })
    const here = await open(await connect(world, transport))
    const there = await open(await connect(world))
    expect(titles(here)).toEqual(['2', '1'])
    expect(here.unread).toBe(2)
    const arrived: string[] = []
    here.onNotification(({ title }) => arrived.push(title))
    for (const title of ['3', '4', '5']) await world.inbox.send('ada', { kind: 'a', title })
    await until(() => here.items.length === 5 && there.items.length === 5)
    expect(titles(here)).toEqual(['5', '4', '3', '2', '1'])
    expect(arrived).toEqual(['3', '4', '5'])
    await until(() => here.unread === 5, 'all to be unread')
    await here.markRead([here.items[0]!.id, here.items[4]!.id])
    await until(() => there.unread === 3)
    expect(there.items.map(({ read }) => read)).toEqual([true, false, false, false, true])
    await there.markRead('all')
    await until(() => here.unread === 0 && here.items.every(({ read }) => read))
    expect(await here.list()).toEqual({ notifications: here.items, more: false, unread: 0 })
  })

  it('is read page by page', async () => {
    const world = await start()
    for (const title of ['1', '2', '3', '4', '5'])
      await world.inbox.send('ada', { kind: 'a', title })
    const mine = await open(await connect(world, transport), 2)
    expect(titles(mine)).toEqual(['5', '4'])
    expect(mine.state).toMatchObject({ unread: 5, hasMore: true })
    await Promise.all([mine.loadMore(), mine.loadMore()])
    expect(titles(mine)).toEqual(['5', '4', '3', '2'])
    await mine.loadMore()
    expect(titles(mine)).toEqual(['5', '4', '3', '2', '1'])
    expect(mine.state.hasMore).toBe(false)
  })
})

describe('an inbox', () => {
  it('belongs to the user of the connection', async () => {
    const world = await start()
    await world.inbox.send('ada', { kind: 'a', title: 'mine' })
    const mine = notifications(await connect(world))
    ends.push(() => mine.close())
    await until(() => !mine.state.loading)
    expect(titles(mine)).toEqual(['mine'])
  })

  it('knows after a time away what it missed, and tells each arrival once', async () => {
    const world = await start({ burst: { windowMs: 20 } })
    const client = await connect(world)
    const mine = await open(client)
    const arrived: string[] = []
    mine.onNotification(({ title }) => arrived.push(title))
    await world.inbox.send('ada', { kind: 'a', title: '1' })
    await until(() => mine.items.length === 1)
    const lost = new Promise<void>((resolve) => {
      client.on('state', ({ to }) => to.name === 'reconnecting' && resolve())
    })
    await world.server.disconnect({ user: 'ada' })
    await world.inbox.send('ada', { kind: 'a', title: '2' })
    await lost
    await until(() => mine.items.length === 2)
    expect(titles(mine)).toEqual(['2', '1'])
    expect(arrived).toEqual(['1', '2'])
    await until(() => mine.unread === 2, 'both to be unread')
  })

  it('shows no mark as undone that was told while a page was fetched', async () => {
    await using server = await FakeServer.start()
    const one = { id: 'n1', kind: 'a', title: '1', created_at: '2026-11-20T12:00:00.000Z' }
    let read = false
    server.commands.set('notifications_list', () => {
      const payload = { notifications: [{ ...one, read }], more: false, unread: read ? 0 : 1 }
      // On another device, just after the page was read.
      if (!read) server.publish('user:ada', 'unread_count', { count: 0, read: ['n1'] })
      read = true
      return { type: 'notifications_list', payload }
    })
    const client = new Tidewire({ url: server.url, WebSocket, token: 'ada' })
    ends.push(() => client.close())
    const mine = await open(client)
    expect(mine.state).toMatchObject({ unread: 0, items: [{ id: 'n1', read: true }] })
  })

  it('keeps the order of the inbox, whatever kinds come together and whatever the clock says', async () => {
    const world = await start({ burst: { windowMs: 50 } })
    const mine = await open(await connect(world))
    const ids = ['z', 'b', 'y', 'a', 'x']
    await Promise.all(
      ids.map((id, i) => world.inbox.send('ada', { id, kind: i % 2 ? 'odd' : 'even', title: id })),
    )
    await until(() => mine.items.length === ids.length)
    expect(titles(mine)).toEqual(ids.toReversed())
    expect(titles(mine)).toEqual((await mine.list()).notifications.map(({ title }) => title))
  })

  it('is what the server says when a mark is refused', async () => {
    const world = await start()
    await world.inbox.send('ada', { kind: 'a', title: '1' })
    const mine = await open(await connect(world))
    const marking = mine.markRead(Array.from({ length: 501 }, () => mine.items[0]!.id))
    expect(mine.items[0]!.read).toBe(true)
    await expect(marking).rejects.toMatchObject({ reason: 'bad_envelope' })
    await until(() => mine.items.some(({ read }) => !read))
    expect(mine.unread).toBe(1)
  })

  it('has one state object until something changes, and none of it after it is closed', async () => {
    const world = await start()
    const mine = await open(await connect(world))
    const states: unknown[] = []
    mine.onChange((state) => states.push(state))
    const { state } = mine
    expect(mine.state).toBe(state)
    const arrived = new Promise<Notification>((resolve) => mine.onNotification(resolve))
    await world.inbox.send('ada', { kind: 'a', title: '1' })
    await arrived
    expect(states).toEqual([mine.state])
    mine.close()
    const other = await open(await connect(world))
    await world.inbox.send('ada', { kind: 'a', title: '2' })
    await until(() => other.items.length === 2)
    expect(titles(mine)).toEqual(['1'])
  })

  it('says why it cannot be had', async () => {
    const world = await start()
    const mine = notifications(await connect(world), { user: 'bob' })
    ends.push(() => mine.close())
    await until(() => mine.state.error !== undefined)
    expect(mine.state).toMatchObject({ loading: false, error: { reason: 'forbidden' } })
  })
})

describe('preferences', () => {
  const quiet_hours = { from: '22:00', to: '07:00', time_zone: 'Europe/Berlin' }

  it.each(TRANSPORTS)('are kept for the user over %s, and what is off stays away', async (it) => {
    const world = await start()
    const client = await connect(world, it)
    expect(await notificationPreferences(client)).toEqual({ off: [], quiet_hours: null })
    const wanted = { off: ['ad'], quiet_hours }
    expect(await setNotificationPreferences(client, wanted)).toEqual(wanted)
    expect(await notificationPreferences(await connect(world))).toEqual(wanted)
    await world.inbox.send('ada', { kind: 'ad', title: 'unwanted' })
    await world.inbox.send('ada', { kind: 'a', title: 'wanted' })
    expect(titles(await open(client))).toEqual(['wanted'])
  })

  it('are refused with the reason', async () => {
    const client = await connect(await start())
    const bad = { off: [], quiet_hours: { ...quiet_hours, to: '22:00' } }
    const refusal = setNotificationPreferences(client, bad)
    await expect(refusal).rejects.toMatchObject({ reason: 'bad_envelope' })
  })
})
