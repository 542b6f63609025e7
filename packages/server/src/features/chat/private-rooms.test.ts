import { describe, expect, it, onTestFinished } from 'vitest'
import {
  subscribeByPoll,
  subscribeBySse,
  subscribeByWebSocket,
} from '../../../contract/transport-clients.ts'
import { ChatServer } from '../../testing/chat-server.ts'
import { Talker } from '../../testing/talker.ts'

describe('a private room', () => {
  const make = async (chat: ChatServer): Promise<void> => {
    const body = { room: 'secret', private: true, name: 'Secret', members: ['bob'] }
    expect(await chat.http('ada', 'POST', '/v1/rooms', body)).toMatchObject({
      status: 201,
      body: { room: 'secret', private: true, name: 'Secret', owner: 'ada', member_count: 2 },
    })
  }

  it('is closed to others on every path', async () => {
    const chat = await ChatServer.start()
    await make(chat)
    const bob = await chat.connect('bob')
    const joined = await bob.do('join_room', { room: 'secret' })
    await bob.say('chat:secret', 'psst')
    const { epoch } = joined
    const eve = await chat.connect('eve')
    const metadata = { channel: 'chat:secret' }
    const since = { epoch, offset: 0 }
    const asked: [string, object, object?][] = [
      ['join_room', { room: 'secret' }],
      ['join_room', { room: 'secret', since }],
      ['subscribe', { channel: 'chat:secret' }],
      ['subscribe', { channel: 'chat:secret', since }],
      ['subscribe', { channel: 'chat:secret', last: 5 }],
      ['history', { channel: 'chat:secret' }],
      ['message', { content: 'hi' }, metadata],
      ['greeting', {}, metadata],
      ['message_delete', { message_id: 'm' }, metadata],
      ['reaction', { message_id: 'm', emoji: 'x' }, metadata],
      ['typing_start', { room: 'secret' }],
      ['typing_stop', { channel: 'chat:secret' }],
      ['mark_read', { channel: 'chat:secret', offset: 1 }],
      ['unread_get', { channels: ['chat:secret'] }],
    ]
    for (const [type, payload, metadata] of asked) {
      expect([type, await eve.refused(type, payload, metadata)]).toEqual([
        type,
        expect.stringMatching(/^4011 /),
      ])
    }
    const paths: [string, string, object?][] = [
      ['GET', '/v1/channels/chat:secret/publications'],
      [
        'POST',
        '/v1/channels/chat:secret/publications',
        { type: 'message', payload: { content: 'x' } },
      ],
      ['GET', '/v1/rooms/secret'],
      ['GET', '/v1/rooms/secret/search?q=psst'],
      ['GET', '/v1/channels/chat:secret/search?q=psst'],
      ['PUT', '/v1/rooms/secret/members/eve'],
      ['PUT', '/v1/rooms/secret/members/mallory'],
      ['DELETE', '/v1/rooms/secret/members/bob'],
    ]
    for (const [method, path, body] of paths) {
      const { status } = await chat.http('eve', method, path, body)
      expect([method, path, status]).toEqual([method, path, 403])
    }
    expect((await chat.http('eve', 'GET', '/v1/rooms')).body['rooms']).toEqual([])
    const token = await chat.test.token('eve')
    const channels = ['chat:secret']
    for (const subscribe of [subscribeByWebSocket, subscribeBySse, subscribeByPoll]) {
      const asking = subscribe({ url: chat.url, token, channels, last: 5 })
      await expect(asking).rejects.toThrow(/may/)
    }
    const results = await chat.http('eve', 'POST', '/v1/publications', {
      channels,
      type: 'message',
      payload: { content: 'x' },
    })
    expect(results.body).toMatchObject({ results: [{ error: { code: 4011 } }] })
    expect(eve.delivered('chat:secret')).toEqual([])
  })

  it('is closed to a token that grants all rooms, too', async () => {
    const chat = await ChatServer.start()
    await make(chat)
    const { body } = await chat.http(undefined, 'POST', '/v1/tokens', {
      user: 'eve',
      channels: { '*': ['*'] },
    })
    const url = `${chat.url}/v1/channels/chat:secret/publications`
    const headers = { authorization: `Bearer ${String(body['token'])}` }
    expect((await fetch(url, { headers })).status).toBe(403)
  })

  it('is made of no name that somebody is about to use', async () => {
    const asked = resolvers<void>()
    const answer = resolvers<boolean>()
    const chat = await ChatServer.start({
      authorize: ({ user }) => {
        if (user !== 'eve') return true
        asked.resolve()
        return answer.promise
      },
    })
    const eve = await chat.connect('eve')
    const joining = eve.ask('join_room', { room: 'secret' })
    await asked.promise
    const body = { room: 'secret', private: true }
    expect((await chat.http('ada', 'POST', '/v1/rooms', body)).status).toBe(409)
    answer.resolve(true)
    expect((await joining).type).toBe('room_joined')
  })

  it('lets no stranger in while it is made', async () => {
    const chat = await ChatServer.start()
    const eve = await chat.connect('eve')
    for (let n = 0; n < 40; n++) {
      const room = `race${n}`
      const making = chat.http('ada', 'POST', '/v1/rooms', { room, private: true })
      // A turn later each time, so that the two meet at every step.
      for (let turn = 0; turn < n % 8; turn++) await new Promise(setImmediate)
      const { type } = await eve.ask('join_room', { room })
      const { status } = await making
      expect([type, status]).toEqual(status === 201 ? ['error', 201] : ['room_joined', 409])
    }
  })

  it('is no business of a token of its owner that grants other channels', async () => {
    const chat = await ChatServer.start()
    await make(chat)
    const issued = await chat.http(undefined, 'POST', '/v1/tokens', {
      user: 'ada',
      channels: { 'live:dash': ['subscribe'] },
    })
    const token = String(issued.body['token'])
    for (const [method, user] of [
      ['PUT', 'mallory'],
      ['PUT', 'ada'],
      ['DELETE', 'bob'],
      ['DELETE', 'ada'],
    ] as const) {
      const url = `${chat.url}/v1/rooms/secret/members/${user}`
      const headers = { authorization: `Bearer ${token}` }
      expect([method, user, (await fetch(url, { method, headers })).status]).toEqual([
        method,
        user,
        403,
      ])
    }
    const ada = await Talker.connect(chat.url, 'ada', token)
    onTestFinished(() => ada.close())
    expect(await ada.refused('leave_room', { room: 'secret' })).toMatch('4011')
    const { body } = await chat.http(undefined, 'GET', '/v1/rooms/secret')
    expect(body['members']).toMatchObject([{ user: 'ada' }, { user: 'bob' }])
  })

  it('ends the streams of who is removed at once, over every transport', async () => {
    const chat = await ChatServer.start()
    await make(chat)
    const [ada, bob] = (await chat.room('secret', 'ada', 'bob')) as [Talker, Talker]
    const token = await chat.test.token('bob')
    const options = { url: chat.url, token, channels: ['chat:secret'] }
    const streams = [await subscribeBySse(options), await subscribeByPoll(options)]
    const removed = await chat.http('ada', 'DELETE', '/v1/rooms/secret/members/bob')
    expect(removed.body).toEqual({ room: 'secret', user: 'bob', removed: true })
    expect(await bob.push('unsubscribed')).toMatchObject({
      payload: { channel: 'chat:secret', error: { code: 4011 } },
    })
    expect((await bob.push('user_left')).payload).toEqual({ room: 'secret', user: 'bob' })
    await ada.push('user_left')
    await ada.say('chat:secret', 'now we can talk')
    await bob.settle()
    expect(bob.delivered('chat:secret')).toEqual([])
    await expect.poll(() => streams.map(({ ended }) => ended)).toEqual([true, true])
    expect(streams.flatMap(({ publications }) => publications)).toEqual([])
  })

  it('ends the streams of who listened when it was anybody’s', async () => {
    const chat = await ChatServer.start()
    const [bob] = (await chat.room('lobby', 'bob')) as [Talker]
    const eve = await chat.connect('eve')
    await eve.do('subscribe', { channel: 'chat:lobby' })
    const body = { room: 'lobby', private: true, owner: 'ada' }
    expect(
      (await chat.http('ada', 'POST', '/v1/rooms', { ...body, owner: undefined })).status,
    ).toBe(409)
    expect((await chat.http(undefined, 'POST', '/v1/rooms', body)).status).toBe(201)
    await eve.push('unsubscribed')
    await bob.say('chat:lobby', 'still here')
    await eve.settle()
    expect(eve.delivered('chat:lobby')).toEqual([])
  })

  it('stays private over a restart', async () => {
    const first = await ChatServer.start()
    await make(first)
    const data = first.server.data
    await first.server.close()
    const again = await ChatServer.start({ data })
    const [eve, bob] = [await again.connect('eve'), await again.connect('bob')]
    expect(await eve.refused('subscribe', { channel: 'chat:secret' })).toMatch('4011')
    await bob.do('join_room', { room: 'secret' })
    await again.server.close()
  })

  it('lets its owner leave and come back', async () => {
    const chat = await ChatServer.start()
    await make(chat)
    const [ada] = (await chat.room('secret', 'ada')) as [Talker]
    await ada.do('leave_room', { room: 'secret' })
    expect(await ada.refused('join_room', { room: 'secret' })).toMatch('4011')
    expect((await chat.http('ada', 'PUT', '/v1/rooms/secret/members/ada')).status).toBe(201)
    await ada.do('join_room', { room: 'secret' })
  })
})

function resolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => (resolve = settle))
  return { promise, resolve }
}
