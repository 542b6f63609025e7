import type { JsonObject } from '@tidewire/protocol'
import { afterEach, describe, expect, it } from 'vitest'
import type { ServerOptions } from '../../compose.ts'
import { issueToken } from '../../auth/jwt.ts'
import { startTestServer, type TestServer } from '../../testing/index.ts'
import { Peer } from '../../testing/peer.ts'
import { presence, type PresenceOptions } from './index.ts'

const SECRET = 'a secret of the tests, long enough for HS256'
const ROOM = 'chat:a'
/** Never over while a test runs. */
const LONG = 600_000

let server: TestServer
const peers: Peer[] = []
afterEach(async () => {
  await Promise.all(peers.splice(0).map((peer) => peer.close()))
  await server.close()
})

async function start(options: PresenceOptions = {}, more: ServerOptions = {}): Promise<void> {
  server = await startTestServer({ features: [presence({ graceMs: LONG, ...options })], ...more })
}

async function connect(user: string, channels?: Record<string, string[]>): Promise<Peer> {
  const claims = channels === undefined ? {} : { channels }
  const issued = { secret: SECRET, user, ttlMs: 600_000, now: Date.now(), ...claims }
  const peer = await Peer.connect(server.url, (await issueToken(issued)).token)
  peers.push(peer)
  return peer
}

async function subscribed(user: string, channel = ROOM): Promise<Peer> {
  const peer = await connect(user)
  expect(await peer.ask('subscribe', { channel })).toMatchObject({ type: 'subscribed' })
  return peer
}

async function entered(user: string, data?: JsonObject): Promise<Peer> {
  const peer = await subscribed(user)
  const answer = await peer.ask('presence_enter', { channel: ROOM, ...(data && { data }) })
  expect(answer).toMatchObject({ type: 'ack', payload: { channel: ROOM } })
  return peer
}

const updates = (peer: Peer): string[] =>
  peer.heard('presence_update').map(({ action, user }) => `${action as string} ${user as string}`)

async function hears(peer: Peer, ...expected: string[]): Promise<void> {
  await expect.poll(() => updates(peer), { timeout: 10_000 }).toEqual(expected)
}

async function members(peer: Peer): Promise<unknown[]> {
  const { payload } = await peer.ask('presence_get', { channel: ROOM })
  return payload['members'] as unknown[]
}

async function http(path: string, token: string, init: RequestInit = {}): Promise<Response> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
  return fetch(`${server.url}${path}`, { ...init, headers })
}

describe('a channel', () => {
  it('tells who is there, and who comes, changes and goes', async () => {
    await start()
    const ada = await entered('ada', { mood: 'fine' })
    const bob = await entered('bob')
    await hears(ada, 'enter ada', 'enter bob')
    expect(await bob.ask('presence_get', { channel: ROOM })).toMatchObject({
      type: 'presence_state',
      payload: {
        channel: ROOM,
        count: 2,
        more: false,
        members: [
          { user: 'ada', data: { mood: 'fine' }, clients: 1 },
          { user: 'bob', data: {}, clients: 1 },
        ],
      },
    })
    await bob.ask('presence_update', { channel: ROOM, data: { mood: 'busy' } })
    await hears(ada, 'enter ada', 'enter bob', 'update bob')
    await bob.ask('presence_leave', { channel: ROOM })
    await hears(ada, 'enter ada', 'enter bob', 'update bob', 'leave bob')
    const [last] = ada.heard('presence_update').slice(-1)
    expect(last).toMatchObject({ channel: ROOM, data: { mood: 'busy' }, count: 1 })
    expect(new Date(last!['at'] as string).toISOString()).toBe(last!['at'])
  })

  it('tells who asked for the number alone when it is another one again', async () => {
    await start()
    const [reader, bob] = [await subscribed('reader'), await subscribed('bob')]
    await entered('ada')
    await hears(reader, 'enter ada')
    // Within one interval, at the end of which there is nothing that others need to hear.
    await bob.ask('presence_enter', { channel: ROOM })
    const { payload } = await reader.ask('presence_get', { channel: ROOM, limit: 0 })
    expect(payload).toMatchObject({ count: 2 })
    await bob.ask('presence_leave', { channel: ROOM })
    await expect.poll(() => updates(reader).at(-1), { timeout: 10_000 }).toBe('leave bob')
    expect(reader.heard('presence_update').at(-1)).toMatchObject({ count: 1 })
  })

  it('tells who is subscribed, as long as it is, and nobody else', async () => {
    await start()
    const [reader, silent] = [await subscribed('reader'), await subscribed('silent')]
    const elsewhere = await connect('elsewhere')
    await members(elsewhere)
    const { payload } = await reader.ask('presence_get', { channel: ROOM, limit: 0 })
    expect(payload).toMatchObject({ count: 0, members: [] })
    const ada = await entered('ada')
    await hears(reader, 'enter ada')
    await reader.ask('unsubscribe', { channel: ROOM })
    await ada.ask('presence_leave', { channel: ROOM })
    await hears(silent, 'enter ada', 'leave ada')
    for (const peer of [reader, elsewhere]) await peer.ask('ping')
    expect(updates(reader)).toEqual(['enter ada'])
    expect(updates(elsewhere)).toEqual([])
  })

  it('keeps a user over many tabs until the last of them is gone and did not come back', async () => {
    await start({ graceMs: 300 })
    const reader = await entered('reader')
    const [phone, laptop] = [await entered('ada'), await entered('ada')]
    expect(await members(reader)).toMatchObject([{ user: 'ada', clients: 2 }, {}])
    await phone.close()
    await expect.poll(() => members(reader)).toMatchObject([{ user: 'ada', clients: 1 }, {}])
    await laptop.close()
    await expect.poll(() => members(reader)).toMatchObject([{ user: 'ada', clients: 0 }, {}])
    const back = await entered('ada')
    await back.close()
    await hears(reader, 'enter reader', 'enter ada', 'leave ada')
    expect(await members(reader)).toMatchObject([{ user: 'reader' }])
  })

  it('ends a presence with its subscription, and not before the grace', async () => {
    await start({ graceMs: 200 })
    const reader = await entered('reader')
    const ada = await entered('ada')
    await ada.ask('unsubscribe', { channel: ROOM })
    expect(await ada.ask('presence_update', { channel: ROOM, data: {} })).toMatchObject({
      payload: { code: 4013 },
    })
    expect(await members(reader)).toMatchObject([{ user: 'ada', clients: 0 }, {}])
    await hears(reader, 'enter reader', 'enter ada', 'leave ada')
  })

  it('ends a presence at once with the right to subscribe', async () => {
    await start({}, { namespaces: { team: { subscribe: 'member', presence: 'member' } } })
    const channel = 'team:x'
    await Promise.all([
      server.server.addMember(channel, 'ada'),
      server.server.addMember(channel, 'bob'),
    ])
    const [ada, bob] = [await subscribed('ada', channel), await subscribed('bob', channel)]
    await ada.ask('presence_enter', { channel })
    await bob.ask('presence_enter', { channel })
    await hears(ada, 'enter ada', 'enter bob')
    await server.server.removeMember(channel, 'bob')
    await hears(ada, 'enter ada', 'enter bob', 'leave bob')
    const { payload } = await ada.ask('presence_get', { channel })
    expect(payload).toMatchObject({ count: 1, members: [{ user: 'ada' }] })
  })

  it('shows nothing to who may subscribe but not see who is there, also when that right ends', async () => {
    await start(
      { revalidateMs: 50 },
      { namespaces: { team: { presence: 'member', subscribe: 'user' } } },
    )
    const channel = 'team:x'
    await server.server.addMember(channel, 'ada')
    await server.server.addMember(channel, 'bob')
    const [ada, bob, eve] = await Promise.all(
      ['ada', 'bob', 'eve'].map((user) => subscribed(user, channel)),
    )
    for (const type of ['presence_enter', 'presence_get']) {
      expect(await eve!.ask(type, { channel })).toMatchObject({ payload: { code: 4011 } })
    }
    await ada!.ask('presence_enter', { channel })
    await bob!.ask('presence_enter', { channel })
    await hears(ada!, 'enter ada', 'enter bob')
    await server.server.removeMember(channel, 'bob')
    await hears(ada!, 'enter ada', 'enter bob', 'leave bob')
    await bob!.until(({ type, payload }) => type === 'error' && payload['code'] === 4011)
    await ada!.ask('presence_update', { channel, data: { secret: true } })
    await hears(ada!, 'enter ada', 'enter bob', 'leave bob', 'update ada')
    await bob!.ask('ping')
    await eve!.ask('ping')
    expect(JSON.stringify([bob!.frames, eve!.frames])).not.toContain('secret')
    expect(updates(eve!)).toEqual([])
  })

  it('asks the token for `presence`, for entering and for seeing', async () => {
    await start()
    const guest = await connect('guest', { 'chat:*': ['subscribe'] })
    await guest.ask('subscribe', { channel: ROOM })
    expect(await guest.ask('presence_enter', { channel: ROOM })).toMatchObject({
      payload: { code: 4011 },
    })
    const seer = await connect('seer', { 'chat:*': ['presence'] })
    expect(await seer.ask('presence_get', { channel: ROOM })).toMatchObject({
      payload: { count: 0 },
    })
    expect(await seer.ask('presence_enter', { channel: ROOM })).toMatchObject({
      payload: { code: 4013 },
    })
  })

  it('does in their order what a client says, without waiting for it', async () => {
    await start({}, { authorize: async () => true })
    const ada = await subscribed('ada')
    await Promise.all([
      ada.ask('presence_enter', { channel: ROOM, data: { n: 1 } }),
      ada.ask('presence_update', { channel: ROOM, data: { n: 2 } }),
      ada.ask('presence_leave', { channel: ROOM }),
    ])
    expect(await members(ada)).toEqual([])
  })

  it('lists many in pages, and by HTTP', async () => {
    await start()
    const reader = await subscribed('reader')
    const text = 'x'.repeat(900)
    const users = Array.from({ length: 100 }, (_, n) => `user-${String(n).padStart(3, '0')}`)
    await Promise.all(users.map((user) => entered(user, { text })))
    const seen: unknown[] = []
    for (let after = ''; ;) {
      const from = after === '' ? {} : { after }
      const { payload } = await reader.ask('presence_get', { channel: ROOM, limit: 40, ...from })
      expect(JSON.stringify(payload).length).toBeLessThan(65_536)
      const page = payload['members'] as { user: string }[]
      expect(payload).toMatchObject({ count: 100, more: seen.length + page.length < 100 })
      seen.push(...page.map(({ user }) => user))
      after = String(seen.at(-1))
      if (payload['more'] === false) break
    }
    expect(seen).toEqual(users)
    const path = `/v1/channels/${encodeURIComponent(ROOM)}/presence`
    const token = await server.token('reader')
    const answer = await http(`${path}?limit=1&after=user-007`, token)
    expect(await answer.json()).toMatchObject({
      members: [{ user: 'user-008' }],
      count: 100,
      more: true,
    })
    expect((await http(`${path}?limit=x`, token)).status).toBe(400)
    expect((await http(`${path}?limit=1001`, token)).status).toBe(400)
    expect((await http('/v1/channels/nowhere:a/presence', token)).status).toBe(404)
    expect((await http('/v1/channels/chat/presence', token)).status).toBe(400)
  })

  it('joins what a storm changes: each is told once, and few pushes tell it', async () => {
    await start({}, { no_limits: true })
    const reader = await subscribed('reader')
    await members(reader)
    const users = Array.from({ length: 150 }, (_, n) => `user-${n}`)
    const all = await Promise.all(users.map((user) => subscribed(user)))
    await Promise.all(
      all.flatMap((peer) =>
        [1, 2, 3, 4].map((n) => peer.ask('presence_enter', { channel: ROOM, data: { n } })),
      ),
    )
    const last = new Map<unknown, unknown>()
    await expect
      .poll(() => {
        for (const { user, data } of reader.heard('presence_update')) last.set(user, data)
        return [...last.values()].filter((data) => JSON.stringify(data) === '{"n":4}').length
      })
      .toBe(users.length)
    // Four words of each of 150, of which those within a push are one.
    expect(reader.heard('presence_update').length).toBeLessThan(450)
  })
})

describe('bad input', () => {
  const big = { text: 'x'.repeat(1024) }
  it.each<[string, string, JsonObject, number]>([
    ['no channel', 'presence_enter', {}, 4009],
    ['a name that is no channel', 'presence_get', { channel: 'chat' }, 4009],
    ['a namespace that is not there', 'presence_get', { channel: 'nowhere:a' }, 4012],
    ['data that are a list', 'presence_enter', { channel: ROOM, data: [] }, 4009],
    ['data that are a text', 'presence_update', { channel: ROOM, data: 'x' }, 4009],
    ['an update without data', 'presence_update', { channel: ROOM }, 4009],
    ['more data than 1 KiB', 'presence_enter', { channel: ROOM, data: big }, 4005],
    ['more data than 1 KiB later', 'presence_update', { channel: ROOM, data: big }, 4005],
    ['an update of who is not there', 'presence_update', { channel: ROOM, data: {} }, 4013],
    ['a channel that is not subscribed', 'presence_enter', { channel: 'chat:other' }, 4013],
    ['too large a page', 'presence_get', { channel: ROOM, limit: 1001 }, 4009],
    ['a page of less than nothing', 'presence_get', { channel: ROOM, limit: -1 }, 4009],
    ['a user id with a space', 'presence_get', { channel: ROOM, after: 'a b' }, 4009],
    [
      'too many users',
      'status_get',
      { users: Array.from({ length: 501 }, (_, n) => `u${n}`) },
      4009,
    ],
    ['users that are none', 'status_watch', { users: ['../x'] }, 4009],
    ['no users', 'status_get', {}, 4009],
  ])('%s is refused by %s', async (_, type, payload, code) => {
    await start()
    const ada = await subscribed('ada')
    expect(await ada.ask(type, payload)).toMatchObject({ type: 'error', payload: { code } })
    expect(await members(ada)).toEqual([])
  })

  it('nobody enters for somebody else', async () => {
    await start()
    const ada = await subscribed('ada')
    const answer = await ada.ask('presence_enter', { channel: ROOM, user: 'bob' })
    expect(answer).toMatchObject({ type: 'error', payload: { code: 4009 } })
    expect(await members(ada)).toEqual([])
  })

  it('leaving without being there is no error', async () => {
    await start()
    const ada = await subscribed('ada')
    expect(await ada.ask('presence_leave', { channel: ROOM })).toMatchObject({ type: 'ack' })
  })
})

describe('the status of users', () => {
  const statusOf = async (peer: Peer, ...users: string[]): Promise<unknown> =>
    (await peer.ask('status_get', { users })).payload['users']

  it('is online while there is a connection of any kind, and for the grace', async () => {
    await start({ graceMs: 300 })
    const ada = await connect('ada')
    const bob = await connect('bob')
    expect(await statusOf(ada, 'bob', 'nobody')).toMatchObject({
      bob: { status: 'online' },
      nobody: { status: 'offline', last_seen: null },
    })
    const before = Date.now()
    await bob.close()
    await expect.poll(() => statusOf(ada, 'bob')).toMatchObject({ bob: { status: 'offline' } })
    const after = Date.now()
    const { bob: seen } = (await statusOf(ada, 'bob')) as { bob: { last_seen: string } }
    // When it left, not when the grace was over. Timers may be a few milliseconds early.
    expect(Date.parse(seen.last_seen)).toBeGreaterThanOrEqual(before)
    expect(Date.parse(seen.last_seen)).toBeLessThanOrEqual(after - 300 + 5)
    await fetch(`${server.url}/v1/poll?channel=chat:a&token=${await server.token('bob')}`)
    expect(await statusOf(ada, 'bob')).toMatchObject({ bob: { status: 'online' } })
  })

  it('is told to who watches, until it watches others', async () => {
    await start({ graceMs: 200 })
    const ada = await connect('ada')
    const { type, payload } = await ada.ask('status_watch', { users: ['bob', 'eve'] })
    expect([type, payload]).toMatchObject([
      'status_state',
      { users: { bob: { status: 'offline' } } },
    ])
    const bob = await connect('bob')
    await bob.close()
    const told = () => ada.heard('status_update').map(({ user, status }) => [user, status])
    await expect.poll(told).toEqual([
      ['bob', 'online'],
      ['bob', 'offline'],
    ])
    expect(ada.heard('status_update').at(-1)!['last_seen']).not.toBeNull()
    await ada.ask('status_watch', { users: ['eve'] })
    await connect('bob')
    await connect('eve')
    await ada.until((frame) => frame.payload['user'] === 'eve')
    expect(told()).toHaveLength(3)
  })

  it('is known only to who may know it', async () => {
    await start({ seesStatus: (viewer, user) => viewer === 'ada' || user !== 'bob' })
    const [ada, eve] = [await connect('ada'), await connect('eve')]
    const guest = await connect('guest', { 'user:ada': ['presence'] })
    await eve.ask('status_watch', { users: ['bob', 'dan'] })
    await connect('bob')
    await connect('dan')
    await eve.until((frame) => frame.payload['user'] === 'dan')
    expect(eve.heard('status_update')).toHaveLength(1)
    expect(await statusOf(eve, 'bob')).toEqual({ bob: { status: 'offline', last_seen: null } })
    expect(await statusOf(ada, 'bob')).toMatchObject({ bob: { status: 'online' } })
    expect(await statusOf(guest, 'ada')).toMatchObject({ ada: { status: 'online' } })
    const refused = await guest.ask('status_get', { users: ['ada', 'dan'] })
    expect(refused).toMatchObject({ payload: { code: 4011 } })
  })

  it('can be asked for by HTTP', async () => {
    await start()
    await connect('bob')
    const ask = async (body: unknown) =>
      http('/v1/users/status', await server.token('ada'), {
        method: 'POST',
        body: JSON.stringify(body),
      })
    expect(await (await ask({ users: ['bob', 'eve'] })).json()).toMatchObject({
      users: { bob: { status: 'online' }, eve: { status: 'offline', last_seen: null } },
    })
    expect((await ask({ users: 'bob' })).status).toBe(400)
    expect((await ask('nothing')).status).toBe(400)
  })
})
