import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatServer } from '../../testing/chat-server.ts'
import type { Talker } from '../../testing/talker.ts'

describe('a room', () => {
  it('is joined, with what is there to know, and left', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    expect(bob.of('room_joined')[0]!.payload).toEqual({
      room: 'general',
      channel: 'chat:general',
      epoch: expect.any(String),
      offset: 0,
      recovered: false,
      oldest: 1,
      members: [
        { user: 'ada', last_read: 0 },
        { user: 'bob', last_read: 0 },
      ],
      member_count: 2,
      last_read: 0,
      unread: 0,
      mentions: 0,
      counted: 0,
    })
    const joined = await ada.push('user_joined')
    expect(joined.payload).toEqual({ room: 'general', user: 'bob', data: { last_read: 0 } })
    await ada.say('chat:general', 'hi')
    expect(await bob.push('message')).toMatchObject({ payload: { content: 'hi' } })
    expect(await bob.do('leave_room', { room: 'general' })).toEqual({ room: 'general' })
    expect((await ada.push('user_left')).payload).toEqual({ room: 'general', user: 'bob' })
    await ada.say('chat:general', 'gone?')
    await bob.settle()
    expect(bob.delivered('chat:general').map(({ payload }) => payload['content'])).toEqual(['hi'])
  })

  it('tells of nobody who was a member already, or was none', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const tablet = await chat.connect('bob')
    await tablet.do('join_room', { room: 'general' })
    await bob.do('leave_room', { room: 'general' })
    await ada.push('user_left')
    await bob.do('leave_room', { room: 'general' })
    await ada.settle()
    expect(ada.of('user_joined')).toHaveLength(1)
    expect(ada.of('user_left')).toHaveLength(1)
  })

  it('gives a client that comes back what it missed, after the answer', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const { epoch } = bob.of('room_joined')[0]!.payload
    bob.close()
    for (const text of ['one', 'two', 'three']) await ada.say('chat:general', text)
    const back = await chat.connect('bob')
    const since = { epoch, offset: 1 }
    expect(await back.do('join_room', { room: 'general', since })).toMatchObject({
      offset: 1,
      recovered: true,
      unread: 3,
      counted: 3,
    })
    await back.until(({ payload }) => payload['content'] === 'three')
    const answer = back.frames.findIndex(({ type }) => type === 'room_joined')
    const first = back.frames.findIndex(({ type }) => type === 'message')
    expect(answer).toBeLessThan(first)
    expect(back.delivered('chat:general').map(({ metadata }) => metadata.offset)).toEqual([2, 3])
  })

  it('starts the stream of who comes anew where its counts end', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const talking = new AbortController()
    const talk = (async () => {
      while (!talking.signal.aborted) await ada.say('chat:general', 'more')
    })()
    for (const user of ['bob', 'cleo', 'dan']) {
      const talker = await chat.connect(user)
      const { offset, counted } = await talker.do('join_room', { room: 'general' })
      expect(counted).toBe(offset)
      await talker.push('message')
      const [first] = talker.delivered('chat:general')
      expect(first!.metadata.offset).toBe((offset as number) + 1)
    }
    talking.abort()
    await talk
  })

  it('lists a hundred members and counts them all', async () => {
    const chat = await ChatServer.start()
    for (let n = 0; n < 120; n++) await chat.server.addMember('chat:big', `user-${1000 + n}`)
    const ada = await chat.connect('ada')
    const { members, member_count } = await ada.do('join_room', { room: 'big' })
    expect(members).toHaveLength(100)
    expect(member_count).toBe(121)
  })

  it('refuses to start with a log that is none', async () => {
    const policy = { durability: 'none', publish: 'user', subscribe: 'user' } as const
    await expect(ChatServer.start({ namespaces: { chat: policy } })).rejects.toThrow('needs a log')
  })

  it('keeps the policy of the configuration', async () => {
    const policy = { durability: 'memory', publish: 'server', subscribe: 'user' } as const
    const chat = await ChatServer.start({ namespaces: { chat: policy } })
    const [ada] = (await chat.room('news', 'ada')) as [Talker]
    const metadata = { channel: 'chat:news' }
    expect(await ada.refused('message', { content: 'hi' }, metadata)).toMatch('4011')
  })
})

describe('rooms over HTTP', () => {
  it('are made once', async () => {
    const chat = await ChatServer.start()
    expect((await chat.http('ada', 'POST', '/v1/rooms', { room: 'tea' })).status).toBe(201)
    expect((await chat.http('bob', 'POST', '/v1/rooms', { room: 'tea' })).status).toBe(409)
    expect((await chat.http(undefined, 'POST', '/v1/rooms', { room: 'tea' })).status).toBe(409)
  })

  it('tell who was added, also by somebody else', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('tea', 'ada')) as [Talker]
    const bob = await chat.connect('bob')
    const added = await chat.http(undefined, 'PUT', '/v1/rooms/tea/members/bob')
    expect(added).toEqual({ status: 201, body: { room: 'tea', user: 'bob', added: true } })
    for (const talker of [ada, bob]) {
      const { payload } = await talker.push('user_joined')
      expect(payload).toEqual({ room: 'tea', user: 'bob', data: { last_read: 0 } })
    }
    const again = await chat.http(undefined, 'PUT', '/v1/rooms/tea/members/bob')
    expect(again).toEqual({ status: 200, body: { room: 'tea', user: 'bob', added: false } })
  })

  it('are listed with what is unread and what was said last', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('tea', 'ada', 'bob')) as [Talker, Talker]
    await bob.do('join_room', { room: 'coffee' })
    await ada.say('chat:tea', 'for @bob')
    const { id } = await ada.say('chat:tea', 'oops')
    await ada.publish('chat:tea', 'message_delete', { message_id: id })
    await ada.say('dm:ada,bob', 'hello')
    const { body } = await chat.http('bob', 'GET', '/v1/rooms')
    expect(body).toMatchObject({
      rooms: [
        { room: 'coffee', private: false, member_count: 1, unread: 0, last_message: null },
        {
          room: 'tea',
          channel: 'chat:tea',
          member_count: 2,
          unread: 1,
          mentions: 1,
          last_read: 0,
          offset: 3,
          last_message: { content: 'for @bob', user: 'ada', offset: 1 },
        },
      ],
      directs: [{ channel: 'dm:ada,bob', user: 'ada', unread: 1, last_message: { offset: 1 } }],
      more: false,
    })
    const first = await chat.http('bob', 'GET', '/v1/rooms?limit=1')
    expect(first.body).toMatchObject({ rooms: [{ room: 'coffee' }], more: true })
    const next = await chat.http('bob', 'GET', '/v1/rooms?limit=1&after=coffee')
    expect(next.body).toMatchObject({ rooms: [{ room: 'tea' }], directs: [], more: false })
    expect((await chat.http('bob', 'GET', '/v1/rooms/tea')).body).toMatchObject({
      room: 'tea',
      unread: 1,
      member_count: 2,
      members: [{ user: 'ada' }, { user: 'bob' }],
    })
    expect((await chat.http('bob', 'GET', '/v1/rooms/nowhere')).status).toBe(404)
  })
})

describe('a direct talk', () => {
  it('belongs to its two users', async () => {
    const chat = await ChatServer.start()
    const [ada, bob, eve] = [
      await chat.connect('ada'),
      await chat.connect('bob'),
      await chat.connect('eve'),
    ]
    await bob.do('subscribe', { channel: 'dm:ada,bob' })
    await ada.say('dm:ada,bob', 'hi @bob and @eve')
    expect((await bob.push('message')).payload).toEqual({
      content: 'hi @bob and @eve',
      mentions: ['bob'],
    })
    expect(await bob.do('unread_get')).toMatchObject({
      channels: { 'dm:ada,bob': { unread: 1, mentions: 1, last_read: 0 } },
    })
    for (const type of ['subscribe', 'history']) {
      expect(await eve.refused(type, { channel: 'dm:ada,bob' })).toMatch('4011')
    }
    expect(await eve.refused('mark_read', { channel: 'dm:ada,bob', offset: 1 })).toMatch('4011')
  })

  it.each(['dm:bob,ada', 'dm:ada', 'dm:ada,ada', 'dm:ada,bob,eve', 'dm:ada,bob/x'])(
    'has one name, so %s is none',
    async (channel) => {
      const chat = await ChatServer.start()
      const ada = await chat.connect('ada')
      expect(await ada.refused('subscribe', { channel })).toMatch(/^4011/)
      expect(await ada.refused('message', { content: 'hi' }, { channel })).toMatch(/^4011/)
      const body = { type: 'message', payload: { content: 'hi' } }
      const path = `/v1/channels/${encodeURIComponent(channel)}/publications`
      expect((await chat.http(undefined, 'POST', path, body)).status).toBe(400)
    },
  )
})

describe('what is asked over HTTP', () => {
  let chat: ChatServer
  beforeAll(async () => {
    chat = await ChatServer.open()
  })
  afterAll(() => chat.close())

  it.each<[string, string, unknown, number]>([
    ['POST', '/v1/rooms', { room: 'no blanks' }, 400],
    ['POST', '/v1/rooms', { room: '../up' }, 201],
    ['POST', '/v1/rooms', { room: '__proto__', members: ['constructor'] }, 201],
    ['POST', '/v1/rooms', { room: 'x', nmae: 'typo' }, 400],
    ['POST', '/v1/rooms', { room: 'x', members: ['<script>'] }, 400],
    ['POST', '/v1/rooms', { room: 'x', owner: 'bob' }, 400],
    ['POST', '/v1/rooms', [], 400],
    ['GET', '/v1/rooms?limit=0', undefined, 400],
    ['GET', '/v1/rooms?limit=1e9', undefined, 400],
    ['GET', '/v1/rooms?after=no%20room', undefined, 400],
    ['PUT', '/v1/rooms/x/members/%3Cb%3E', undefined, 400],
    ['PUT', '/v1/rooms/x/members/bob', undefined, 403],
    ['GET', '/v1/rooms/x/search', undefined, 400],
    ['GET', '/v1/rooms/x/search?q=%22', undefined, 400],
    ['GET', '/v1/channels/dm:bob,ada/search?q=x', undefined, 404],
  ])('%s %s %j is answered %d', async (method, path, body, status) => {
    expect((await chat.http('ada', method, path, body)).status).toBe(status)
  })
})
