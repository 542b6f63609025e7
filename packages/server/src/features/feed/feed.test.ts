import { afterEach, describe, expect, it } from 'vitest'
import type { FeedOptions } from './index.ts'
import { type FeedTables, MIGRATIONS } from './tables.ts'
import { Feeds } from '../../../contract/feeds.ts'

const running: Feeds[] = []
afterEach(async () => {
  await Promise.all(running.splice(0).map((feeds) => feeds.close()))
})

async function start(options?: FeedOptions): Promise<Feeds> {
  const feeds = await Feeds.start(options)
  running.push(feeds)
  return feeds
}

const range = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

describe('following', () => {
  it('brings what the other does from then on, and unfollowing ends it', async () => {
    const feeds = await start()
    await feeds.say('ada', 'painted', 'boat:0')
    expect(await feeds.follow('bob', 'ada')).toBe(200)
    await feeds.say('ada', 'painted', 'boat:1')
    await feeds.unfollow('bob', 'ada')
    await feeds.say('ada', 'painted', 'boat:2')
    expect(await feeds.told('bob')).toEqual(['ada painted boat:1'])
    await feeds.follow('bob', 'ada')
    await feeds.say('ada', 'painted', 'boat:3')
    expect(await feeds.told('bob')).toEqual(['ada painted boat:3', 'ada painted boat:1'])
    expect(await feeds.told('ada')).toHaveLength(4)
    await expect.poll(() => feeds.log('bob')).toEqual(['ada painted boat:1', 'ada painted boat:3'])
  })

  it('is said over the connection, too, and answered by what holds', async () => {
    const feeds = await start()
    const { send, next } = await feeds.listen('bob')
    send('follow', { user: 'ada' }, { message_id: 'f' })
    expect(await next('ack')).toMatchObject({
      payload: { user: 'ada', following: true },
      metadata: { correlation_id: 'f' },
    })
    await feeds.say('ada', 'painted', 'boat:1')
    expect(await next('activity')).toMatchObject({
      payload: { actor: 'ada', verb: 'painted', object: 'boat:1', seq: 1 },
      metadata: { channel: 'feed:bob', offset: 1, user: 'ada' },
    })
    send('unfollow', { user: 'ada' })
    expect(await next('ack')).toMatchObject({ payload: { user: 'ada', following: false } })
  })

  it.each<[string, object]>([
    ['oneself', { user: 'bob' }],
    ['nobody', {}],
    ['what is no user', { user: 'a b' }],
    ['a channel', { user: 'feed:ada' }],
  ])('%s is refused', async (_, payload) => {
    const feeds = await start()
    const { send, next } = await feeds.listen('bob')
    send('follow', payload)
    expect(await next('error')).toMatchObject({ payload: { code: 4009 } })
  })

  it('is listed for oneself alone, and bounded', async () => {
    const feeds = await start({ maxFollowing: 3 })
    for (const other of ['cyd', 'ada', 'dan']) await feeds.follow('bob', other)
    expect(await feeds.follow('bob', 'eve')).toBe(409)
    expect(await feeds.follow('bob', 'ada')).toBe(200)
    const list = async (path: string, user = 'bob') => (await feeds.ask(user, 'GET', path)).json()
    expect(await list('bob/following?limit=2')).toEqual({
      user: 'bob',
      users: ['ada', 'cyd'],
      count: 3,
      more: true,
    })
    expect(await list('bob/following?limit=2&after=cyd')).toMatchObject({
      users: ['dan'],
      more: false,
    })
    expect(await list('ada/followers', 'ada')).toMatchObject({ users: ['bob'], count: 1 })
    expect(await list('bob/following', 'ada')).toMatchObject({ code: 4011 })
    expect((await feeds.ask('ada', 'PUT', 'bob/following/eve')).status).toBe(403)
  })
})

describe('saying', () => {
  it.each<[string, string, object, number]>([
    ['what is no activity', 'message', { content: 'hi' }, 4009],
    ['nothing', 'activity', {}, 4009],
    ['a verb that is none', 'activity', { verb: 'Hello there' }, 4009],
    ['an object without end', 'activity', { verb: 'liked', object: 'x'.repeat(257) }, 4009],
    ['an empty object', 'activity', { verb: 'liked', object: '' }, 4009],
    ['too many words', 'activity', { verb: 'said', text: 'x'.repeat(1001) }, 4009],
  ])('%s is refused, and nothing is kept', async (_, type, payload, code) => {
    const feeds = await start()
    const { send, next } = await feeds.listen('bob')
    send(type, payload, { channel: 'feed:bob' })
    expect(await next('error')).toMatchObject({ payload: { code } })
    expect(await feeds.told('bob')).toEqual([])
  })

  it('who did it, and in which order, is for the server to say', async () => {
    const feeds = await start()
    const { send, next } = await feeds.listen('bob')
    send('activity', { verb: 'liked', actor: 'ada', seq: 99 }, { channel: 'feed:bob' })
    expect(await next('activity')).toMatchObject({ payload: { actor: 'bob', seq: 1 } })
  })

  it('anything in the feed of another is refused, and so is reading it', async () => {
    const feeds = await start()
    const { send, next } = await feeds.listen('bob')
    send('activity', { verb: 'liked' }, { channel: 'feed:ada' })
    expect(await next('error')).toMatchObject({ payload: { code: 4011 } })
    send('activity', { verb: 'liked' }, { channel: 'feed:bob/x' })
    expect(await next('error')).toMatchObject({ payload: { code: 4009 } })
    send('subscribe', { channel: 'feed:ada' })
    expect(await next('error')).toMatchObject({ payload: { code: 4011 } })
    expect((await feeds.ask('bob', 'GET', 'ada')).status).toBe(403)
  })

  it('the same twice with one id is saying it once', async () => {
    const feeds = await start()
    await feeds.follow('bob', 'ada')
    const ada = await feeds.listen('ada')
    const metadata = { channel: 'feed:ada', message_id: 'm' }
    ada.send('activity', { verb: 'liked', object: 'a' }, metadata)
    expect(await ada.next('ack')).toMatchObject({ payload: { offset: 1, duplicate: false } })
    ada.send('activity', { verb: 'liked', object: 'a' }, metadata)
    expect(await ada.next('ack')).toMatchObject({ payload: { offset: 1, duplicate: true } })
    ada.send('activity', { verb: 'liked', object: 'b' }, metadata)
    expect(await ada.next('error')).toMatchObject({ payload: { code: 4013 } })
    expect(await feeds.told('bob')).toEqual(['ada liked a'])
  })

  it('script is kept as the text that it is', async () => {
    const feeds = await start()
    await feeds.say('ada', 'said', '<script>alert(1)</script>')
    expect(await feeds.told('ada')).toEqual(['ada said <script>alert(1)</script>'])
  })
})

describe('a feed', () => {
  it('tells together who did the same', async () => {
    const feeds = await start()
    const users = ['ada', 'cyd', 'dan', 'eve', 'fay']
    for (const user of users) await feeds.follow('bob', user)
    for (const user of users) await feeds.say(user, 'liked', 'photo:1')
    expect(await feeds.told('bob')).toEqual(['fay,eve,dan+2 liked photo:1'])
  })

  it('is read page by page, and what comes meanwhile moves no page', async () => {
    const feeds = await start()
    await feeds.follow('bob', 'ada')
    for (const n of range(25)) await feeds.say('ada', 'painted', `boat:${n}`)
    const first = await feeds.page('bob', '?limit=10')
    for (const n of range(5)) await feeds.say('ada', 'painted', `ship:${n}`)
    const second = await feeds.page('bob', `?limit=10&before=${first.next}`)
    const third = await feeds.page('bob', `?limit=10&before=${second.next}`)
    const objects = [first, second, third].flatMap(({ entries }) => entries.map((e) => e.object))
    expect(objects).toEqual(range(25).map((n) => `boat:${24 - n}`))
    expect(third.next).toBeNull()
  })

  it.each(['before=x', 'before=-1', 'limit=0', 'limit=101', 'limit=x'])(
    'refuses %s',
    async (query) => {
      const feeds = await start()
      expect((await feeds.ask('bob', 'GET', `bob?${query}`)).status).toBe(400)
    },
  )

  it('looks the same whether its authors hand out what they say or it is fetched', async () => {
    const views = await Promise.all(
      [1_000, 0].map(async (threshold) => {
        const feeds = await start({ threshold })
        await feeds.follow('bob', 'ada')
        await feeds.say('ada', 'painted', 'boat:1')
        await feeds.follow('cyd', 'ada')
        await feeds.follow('bob', 'cyd')
        await feeds.say('cyd', 'painted', 'boat:1')
        await feeds.say('ada', 'sank', 'boat:1')
        await feeds.unfollow('bob', 'ada')
        await feeds.say('ada', 'raised', 'boat:1')
        await feeds.follow('bob', 'ada')
        await feeds.say('ada', 'sold', 'boat:1')
        await feeds.say('bob', 'bought', 'boat:1')
        return Promise.all(['ada', 'bob', 'cyd'].map((user) => feeds.told(user)))
      }),
    )
    expect(views[1]).toEqual(views[0])
    expect(views[0]![1]).toEqual([
      'bob bought boat:1',
      'ada sold boat:1',
      'ada sank boat:1',
      'cyd,ada painted boat:1',
    ])
  })

  it('of somebody with very many followers reaches at once who listens, and not who does not follow', async () => {
    const feeds = await start({ threshold: 1 })
    for (const user of ['bob', 'cyd']) await feeds.follow(user, 'ada')
    const [bob, eve] = [await feeds.listen('bob'), await feeds.listen('eve')]
    await feeds.say('ada', 'painted', 'boat:1')
    const frame = await bob.next('activity')
    expect(frame.payload).toMatchObject({ actor: 'ada', verb: 'painted', seq: 1 })
    expect(frame.metadata['offset']).toBeUndefined()
    await feeds.say('eve', 'slept')
    expect((await eve.next('activity')).payload).toMatchObject({ actor: 'eve' })
    expect(await feeds.log('bob')).toEqual([])
    expect(await feeds.told('bob')).toEqual(['ada painted boat:1'])
  })

  it('keeps its newest 1,000', async () => {
    const feeds = await start()
    await Promise.all(range(1_150).map((n) => feeds.say('ada', 'painted', `boat:${n}`)))
    const first = await feeds.page('ada', '?limit=100')
    expect(first.entries[0]!.object).toBe('boat:1149')
    let count = 0
    for (let next: string | null = '99999999'; next !== null;) {
      const page = await feeds.page('ada', `?limit=100&before=${next}`)
      count += page.entries.length
      next = page.next
    }
    expect(count).toBe(1_000)
  })
})

describe('10,000 followers', () => {
  it('each get it once, and soon', async () => {
    const feeds = await start({ threshold: 20_000, maxFollowing: 20_000 })
    const followers = range(10_000).map((n) => `f${n}`)
    const database = await feeds.server.tables<FeedTables>('feed', MIGRATIONS)
    for (let i = 0; i < followers.length; i += 1_000) {
      const rows = followers
        .slice(i, i + 1_000)
        .map((follower) => ({ followee: 'ada', follower, from_seq: 0, to_seq: null }))
      await database.insertInto('feed_follows').values(rows).execute()
    }
    const last = await feeds.listen('f9999')
    await feeds.say('ada', 'painted', 'boat:1')
    const counts = new Map<string, number>()
    const count = async (user: string): Promise<void> => {
      counts.set(user, (await feeds.log(user)).length)
    }
    await last.next('activity')
    await expect.poll(async () => (await feeds.log('f9999')).length, { timeout: 10_000 }).toBe(1)
    await expect
      .poll(async () => (await Promise.all(followers.slice(-300).map(count)), counts.size))
      .toBe(300)
    await Promise.all(followers.map(count))
    expect(new Set(counts.values())).toEqual(new Set([1]))
    expect(counts.size).toBe(10_000)
  }, 60_000)
})
