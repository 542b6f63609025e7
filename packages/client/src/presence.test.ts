import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { issueToken, presence as presenceFeature } from '@tidewire/server'
import { startTestServer, type TestServer } from '@tidewire/server/testing'
import { freePort } from '@tidewire/server/testing/free-port'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from './client.ts'
import { type Presence, presence } from './presence.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'
import type { TidewireOptions } from './types.ts'

const SECRET = 'a secret of the tests, long enough for HS256'
const ROOM = 'chat:a'
const LONG = 600_000

const clients: Tidewire[] = []
const ends: (() => unknown)[] = []
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(): Promise<TestServer> {
  const server = await startTestServer({ features: [presenceFeature({ graceMs: LONG })] })
  ends.push(() => server.close())
  return server
}

async function connect(
  url: string,
  user: string,
  options: TidewireOptions = {},
): Promise<Tidewire> {
  const { token } = await issueToken({ secret: SECRET, user, ttlMs: 600_000, now: Date.now() })
  const client = new Tidewire({
    url,
    WebSocket,
    token,
    backoff: { minMs: 1, maxMs: 50 },
    ...options,
  })
  clients.push(client)
  return client
}

/** A client that is subscribed, or will be. */
async function visit(url: string, user: string, options: TidewireOptions = {}) {
  const client = await connect(url, user, options)
  const there = presence(client, ROOM)
  client
    .channel(ROOM)
    .subscribe()
    .catch(() => undefined)
  return { client, user, there }
}

/** Whatever came within a moment is handed on in one turn, as a busy process reads it. */
class AllAtOnce extends WebSocket {
  override addEventListener(...[type, listener]: Parameters<WebSocket['addEventListener']>): void {
    if (type !== 'message') return super.addEventListener(type, listener)
    const waiting: unknown[] = []
    super.addEventListener('message', (event) => {
      if (waiting.push(event) > 1) return
      setTimeout(() => {
        for (const one of waiting.splice(0)) (listener as (event: unknown) => void)(one)
      }, 20)
    })
  }
}

const known = ({ members }: Presence): [string, unknown][] =>
  members
    .map(({ user, data }): [string, unknown] => [user, data])
    .toSorted(([a], [b]) => (a < b ? -1 : 1))

describe('presence', () => {
  it('enters, tells others, and knows who is there', async () => {
    const { url } = await start()
    const ada = await visit(url, 'ada')
    await ada.there.enter({ mood: 'fine' })
    const bob = await visit(url, 'bob')
    await bob.there.enter()
    await until(() => ada.there.count === 2 && !ada.there.loading && !bob.there.loading)
    await until(() => known(ada.there).length === 2)
    expect(known(bob.there)).toEqual([
      ['ada', { mood: 'fine' }],
      ['bob', {}],
    ])
    await ada.there.update({ mood: 'busy' })
    await until(() => JSON.stringify(known(bob.there)).includes('busy'))
    await ada.there.leave()
    await until(() => bob.there.count === 1)
    expect(known(bob.there)).toEqual([['bob', {}]])
    await expect(ada.there.update({})).rejects.toMatchObject({ code: 'invalid_argument' })
  })

  it('gives the same list until something changes, and says when', async () => {
    const { url } = await start()
    const ada = await visit(url, 'ada')
    await until(() => !ada.there.loading)
    const before = ada.there.members
    let changes = 0
    ada.there.onChange(() => (changes += 1))
    expect(ada.there.members).toBe(before)
    const bob = await visit(url, 'bob')
    await bob.there.enter({ n: 1 })
    await until(() => ada.there.members.length === 1)
    await until(() => changes > 0)
    expect(ada.there.members).not.toBe(before)
    expect(before).toEqual([])
  })

  it('believes what is told behind a list, also when both arrive at once', async () => {
    await using server = await FakeServer.start()
    const member = (user: string, mood: string) => ({ user, data: { mood } })
    const told = (action: string, user: string, mood: string) => {
      const payload = { channel: ROOM, action, ...member(user, mood), count: 2 }
      server.push('presence_update', { ...payload, at: new Date().toISOString() })
    }
    server.commands.set('presence_get', () => {
      queueMicrotask(() => {
        told('update', 'ada', 'new')
        told('leave', 'bob', 'old')
        told('enter', 'eve', 'new')
      })
      const members = ['ada', 'bob', 'cyd'].map((user) => member(user, 'old'))
      return { type: 'presence_state', payload: { channel: ROOM, members, count: 3, more: false } }
    })
    const { there } = await visit(server.url, 'dan', { WebSocket: AllAtOnce })
    await until(() => !there.loading)
    expect(known(there)).toEqual([
      ['ada', { mood: 'new' }],
      ['cyd', { mood: 'old' }],
      ['eve', { mood: 'new' }],
    ])
    expect(there.count).toBe(2)
  })

  it('enters when there is a subscription, with the last of what was said', async () => {
    const { url } = await start()
    const client = await connect(url, 'ada')
    const there = presence(client, ROOM)
    const entered = Promise.all([there.enter({ n: 1 }), there.update({ n: 2 })])
    await client.channel(ROOM).subscribe()
    await entered
    await until(() => known(there).length === 1)
    expect(known(there)).toEqual([['ada', { n: 2 }]])
    await client.channel(ROOM).unsubscribe()
    await there.leave()
  })

  it('knows only how many there are when it does not list', async () => {
    const { url } = await start()
    const ada = await visit(url, 'ada')
    await ada.there.enter()
    const client = await connect(url, 'bob')
    const there = presence(client, ROOM, { list: false })
    await client.channel(ROOM).subscribe()
    await until(() => there.count === 1)
    await there.enter()
    await until(() => there.count === 2)
    expect(there.members).toEqual([])
  })

  it('is told why it may not enter', async () => {
    const server = await startTestServer({
      features: [presenceFeature()],
      namespaces: { team: { subscribe: 'user', presence: 'member' } },
    })
    ends.push(() => server.close())
    const client = await connect(server.url, 'ada')
    const there = presence(client, 'team:a')
    await client.channel('team:a').subscribe()
    await expect(there.enter()).rejects.toMatchObject({ code: 4011 })
    expect(there.error).toMatchObject({ code: 4011 })
    await server.server.addMember('team:a', 'ada')
    await there.enter()
  })

  it.each(['sse', 'poll'] as const)('is not available over %s, and says so', async (name) => {
    const { url } = await start()
    const { there } = await visit(url, 'ada', { transports: [name] })
    await until(() => there.error !== undefined)
    expect(there.error).toMatchObject({ reason: 'unavailable', temporary: true })
    await expect(there.enter()).rejects.toMatchObject({ reason: 'unavailable' })
  })

  it('leaves when it is closed, and is of no use afterwards', async () => {
    const { url } = await start()
    const [ada, bob] = [await visit(url, 'ada'), await visit(url, 'bob')]
    await ada.there.enter()
    await until(() => bob.there.count === 1)
    ada.there.close()
    ada.there.close()
    await until(() => bob.there.count === 0)
    await expect(ada.there.enter()).rejects.toMatchObject({ code: 'closed' })
  })
})

describe('a server that is killed', () => {
  it('leaves no ghosts: after its restart exactly those are there who are', async () => {
    const place = await placeFor()
    let child = await run(place)
    const users = ['ada', 'bob', 'dan', 'eve', 'fay', 'gus']
    const tabs = await Promise.all(
      [...users, ...users.slice(0, 3)].map((user) => visit(place.url, user)),
    )
    const reader = await visit(place.url, 'reader')
    await Promise.all(tabs.map(({ there, user }, n) => there.enter({ user, n })))
    await until(() => known(reader.there).length === users.length, 'all members')

    await kill(child)
    await until(() => tabs.every(({ client }) => client.state.name !== 'connected'))
    // While it is away: one tab of two ends, one of one, one user leaves, and one says something else.
    await Promise.all([tabs[0]!.client.close(), tabs[3]!.client.close()])
    await tabs[4]!.there.leave()
    const said = tabs[5]!.there.update({ user: 'gus', n: 'later' })
    child = await run(place)
    await said

    const expected = ['ada', 'bob', 'dan', 'gus']
    const open = tabs.filter((tab) => ![tabs[0], tabs[3]].includes(tab))
    const lists = () => [reader, ...open].map(({ there }) => known(there).map(([user]) => user))
    await until(() => lists().every((list) => list.join() === expected.join()), 'the true list')
    const { members } = (await reader.client.request('presence_get', { channel: ROOM })) as {
      members: { user: string; clients: number }[]
    }
    expect(members.map(({ user, clients: count }) => [user, count])).toEqual([
      ['ada', 1],
      ['bob', 2],
      ['dan', 2],
      ['gus', 1],
    ])
    expect(known(reader.there).at(-1)).toEqual(['gus', { user: 'gus', n: 'later' }])
    await kill(child)
  })
})

interface Place {
  url: string
  port: number
  data: string
}

/** A port and a directory that outlive a server. */
async function placeFor(): Promise<Place> {
  const port = await freePort({ first: 10_000, count: 10_000 })
  const data = mkdtempSync(join(tmpdir(), 'tidewire-presence-'))
  ends.push(() => rmSync(data, { recursive: true, force: true }))
  return { url: `http://127.0.0.1:${port}`, port, data }
}

/** Resolves when it listens. */
async function run({ port, data }: Place): Promise<ChildProcess> {
  const options = {
    dev: true,
    host: '127.0.0.1',
    port,
    data,
    ops: { port: null },
    auth: { jwt_secret: SECRET },
    log: { level: 'error' },
  }
  const code = `
    import { createServer, presence } from '@tidewire/server'
    const server = createServer({ ...${JSON.stringify(options)}, features: [presence()] })
    await server.listen()
    console.log('listening')`
  const node = ['-C', 'tidewire-source', '--input-type=module', '--eval', code]
  const child = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] })
  ends.push(() => kill(child))
  await once(child.stdout!, 'data')
  return child
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGKILL')
  await gone
}
