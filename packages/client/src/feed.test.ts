import { feed as feeds } from '@tidewire/server'
import { isDeepStrictEqual } from 'node:util'
import { startTestServer, type TestServer } from '@tidewire/server/testing'
import { afterEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from './client.ts'
import { type Feed, feed } from './feed.ts'
import { until } from './testing/until.ts'
import type { TransportName } from './types.ts'

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function start(options: Parameters<typeof feeds>[0] = {}): Promise<TestServer> {
  const server = await startTestServer({ features: [feeds(options)], no_limits: true })
  ends.push(server.close)
  return server
}

async function connect(
  { url, token }: TestServer,
  user: string,
  transport: TransportName = 'websocket',
): Promise<Tidewire> {
  const client = new Tidewire({
    url,
    WebSocket,
    token: await token(user),
    transports: [transport],
    backoff: { minMs: 1, maxMs: 20 },
  })
  client.on('error', () => undefined)
  ends.push(() => client.close())
  return client
}

async function open(
  server: TestServer,
  user: string,
  { transport, pageSize }: { transport?: TransportName; pageSize?: number } = {},
): Promise<Feed> {
  const mine = feed(await connect(server, user, transport), { user, pageSize })
  ends.push(() => mine.close())
  await until(() => !mine.state.loading, 'the first page')
  expect(mine.state.error).toBeUndefined()
  return mine
}

const lines = ({ state }: Feed): string[] =>
  state.entries.map(
    ({ actors, others, verb, object = '-' }) => `${actors.join(',')}+${others} ${verb} ${object}`,
  )

describe.each<TransportName>(['websocket', 'sse', 'poll'])('a feed over %s', (transport) => {
  it('begins with what there is, and follows what comes', async () => {
    const server = await start()
    const [mine, ada] = [await open(server, 'bob', { transport }), await open(server, 'ada')]
    await mine.follow('ada')
    await ada.post({ verb: 'painted', object: 'boat:1', text: 'At last.' })
    await until(() => mine.state.entries.length === 1)
    expect(mine.state.entries[0]).toEqual({
      id: expect.any(String),
      seq: 1,
      at: expect.any(String),
      first_at: mine.state.entries[0]!.at,
      verb: 'painted',
      object: 'boat:1',
      text: 'At last.',
      actors: ['ada'],
      others: 0,
    })
    await mine.post({ verb: 'painted', object: 'boat:1' })
    await until(() => lines(mine)[0] === 'bob,ada+0 painted boat:1')
    const again = await open(server, 'bob')
    expect(again.state.entries).toEqual(mine.state.entries)
    expect(await mine.list('following')).toEqual({ users: ['ada'], count: 1, more: false })
    expect(await ada.list('followers')).toMatchObject({ users: ['bob'] })
    await mine.unfollow('ada')
    await ada.post({ verb: 'slept' })
    await mine.post({ verb: 'woke' })
    await until(() => lines(mine)[0] === 'bob+0 woke -')
    expect(lines(mine)).toHaveLength(2)
  })
})

describe('a feed', () => {
  it('fetches older pages, each entry once, also when some came meanwhile', async () => {
    const server = await start()
    const mine = await open(server, 'bob', { pageSize: 5 })
    for (let n = 0; n < 12; n++) await mine.post({ verb: 'painted', object: `boat:${n}` })
    const again = await open(server, 'bob', { pageSize: 5 })
    await Promise.all([again.loadMore(), again.loadMore()])
    await mine.post({ verb: 'slept' })
    await until(() => lines(again)[0] === 'bob+0 slept -')
    await again.loadMore()
    await again.loadMore()
    expect(again.state.hasMore).toBe(false)
    expect(again.state.entries).toEqual(mine.state.entries)
  })

  it('of somebody else is refused, and says so', async () => {
    const server = await start()
    const client = await connect(server, 'bob')
    const theirs = feed(client, { user: 'ada' })
    ends.push(() => theirs.close())
    await until(() => theirs.state.error !== undefined)
    expect(theirs.state).toMatchObject({ loading: false, error: { reason: 'forbidden' } })
    const mine = feed(client)
    ends.push(() => mine.close())
    await expect(mine.follow('bob')).rejects.toMatchObject({ reason: 'bad_envelope' })
    await expect(mine.post({ verb: 'Not a verb' })).rejects.toMatchObject({
      reason: 'bad_envelope',
    })
  })

  it.each([1_000, 0])(
    'is what would be fetched, whatever was done, with a threshold of %i',
    async (threshold) => {
      const server = await start({ threshold })
      const users = ['ada', 'bob', 'cyd', 'dan', 'eve']
      const all = await Promise.all(users.map((user) => open(server, user, { pageSize: 3 })))
      let seed = 7
      const next = (below: number): number => {
        seed = (seed * 48_271) % 2_147_483_647
        return seed % below
      }
      for (let round = 0; round < 4; round++) {
        for (let step = 0; step < 60; step++) {
          const mine = all[next(5)]!
          const other = users[next(5)]!
          const what = next(10)
          if (what < 2 && other !== mine.user) await mine.follow(other)
          else if (what < 3) await mine.unfollow(other)
          else await mine.post({ verb: 'liked', ...(what < 9 && { object: `photo:${next(4)}` }) })
        }
        for (const mine of all) {
          const fresh = await open(server, mine.user!, { pageSize: 100 })
          const { entries } = fresh.state
          const both = (): number => Math.min(mine.state.entries.length, entries.length)
          const isSame = (): boolean =>
            both() >= Math.min(3, entries.length) &&
            isDeepStrictEqual(mine.state.entries.slice(0, both()), entries.slice(0, both()))
          await until(isSame, `the feed of ${mine.user}`)
          fresh.close()
        }
      }
    },
    30_000,
  )
})
