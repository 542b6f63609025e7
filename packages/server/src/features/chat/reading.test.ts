import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { ChatServer } from '../../testing/chat-server.ts'
import { startTestServer } from '../../testing/index.ts'
import type { Talker } from '../../testing/talker.ts'

const CHANNEL = 'chat:general'

async function unread(talker: Talker): Promise<unknown> {
  const { channels } = await talker.do('unread_get', { channels: [CHANNEL] })
  return (channels as Record<string, unknown>)[CHANNEL]
}

/** What user `ada` finds in the room. */
async function search(chat: ChatServer, q: string, more = ''): Promise<unknown[]> {
  const path = `/v1/rooms/general/search?q=${encodeURIComponent(q)}${more}`
  const { status, body } = await chat.http('ada', 'GET', path)
  expect(status).toBe(200)
  return (body['messages'] as { content: string }[]).map(({ content }) => content)
}

describe('what is unread', () => {
  it('is what others said since one came, and did not take back', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'before @bob came')
    const [bob] = (await chat.room('general', 'bob')) as [Talker]
    expect(await unread(bob)).toEqual({ unread: 0, mentions: 0, last_read: 1, offset: 1 })
    await bob.say(CHANNEL, 'my own, @bob')
    const { id } = await ada.say(CHANNEL, 'for @bob')
    await ada.say(CHANNEL, 'for nobody')
    await ada.publish(CHANNEL, 'reaction', { message_id: id, emoji: 'x' })
    await ada.publish(CHANNEL, 'greeting', {})
    expect(await unread(bob)).toMatchObject({ unread: 2, mentions: 1 })
    await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: 'for @cleo' })
    expect(await unread(bob)).toMatchObject({ unread: 2, mentions: 0 })
    await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: '@bob @bob' })
    expect(await unread(bob)).toMatchObject({ unread: 2, mentions: 1 })
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    expect(await unread(bob)).toMatchObject({ unread: 1, mentions: 0, offset: 9 })
  })

  it('is counted from the first visit of a member that chat did not hear of', async () => {
    const data = mkdtempSync(join(tmpdir(), 'tidewire-chat-'))
    onTestFinished(() => rmSync(data, { recursive: true }))
    const without = await startTestServer({ data, features: [] })
    await without.server.addMember(CHANNEL, 'bob')
    await without.close()
    const chat = await ChatServer.start({ data })
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'before @bob came')
    const bob = await chat.connect('bob')
    expect(await bob.do('join_room', { room: 'general' })).toMatchObject({
      unread: 0,
      last_read: 1,
      members: [{ user: 'ada' }, { user: 'bob', last_read: 1 }],
    })
    await ada.say(CHANNEL, 'for @bob')
    expect(await unread(bob)).toEqual({ unread: 1, mentions: 1, last_read: 1, offset: 2 })
  })

  it('is told of all rooms and direct talks', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    await bob.do('join_room', { room: 'other' })
    await ada.say(CHANNEL, 'hi')
    await ada.say('dm:ada,bob', 'hi')
    await ada.say('chat:elsewhere', '@bob')
    expect(await bob.do('unread_get')).toEqual({
      channels: {
        [CHANNEL]: { unread: 1, mentions: 0, last_read: 0, offset: 1 },
        'chat:other': { unread: 0, mentions: 0, last_read: 0, offset: 0 },
        'dm:ada,bob': { unread: 1, mentions: 0, last_read: 0, offset: 1 },
      },
    })
  })

  it('fits into one answer, however many rooms there are', async () => {
    const chat = await ChatServer.start()
    for (let n = 0; n < 200; n++) await chat.server.addMember(`chat:room-${n}`, 'ada')
    const ada = await chat.connect('ada')
    const { channels } = await ada.do('unread_get')
    expect(Object.keys(channels!)).toHaveLength(150)
  })

  it('is less by what was read, on every device', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const phone = await chat.connect('bob')
    for (const text of ['one', 'two', 'three']) await ada.say(CHANNEL, text)
    const ack = await bob.ask('mark_read', { channel: CHANNEL, offset: 2 })
    expect(ack).toMatchObject({ type: 'ack', payload: { channel: CHANNEL, offset: 2 } })
    const receipt = { channel: CHANNEL, user: 'bob', offset: 2, at: expect.any(String) }
    for (const talker of [ada, phone]) {
      expect((await talker.push('read_receipt')).payload).toEqual(receipt)
    }
    expect(await unread(phone)).toMatchObject({ unread: 1, last_read: 2 })
    await bob.settle()
    expect(bob.of('read_receipt')).toEqual([])
  })

  it('only ever moves forward', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    for (const text of ['one', 'two', 'three']) await ada.say(CHANNEL, text)
    const marks = [3, 1, 2, 0, 3].map((offset) => bob.do('mark_read', { channel: CHANNEL, offset }))
    expect((await Promise.all(marks)).map(({ offset }) => offset)).toEqual([3, 3, 3, 3, 3])
    expect(await unread(bob)).toMatchObject({ unread: 0, last_read: 3 })
    await ada.settle()
    expect(ada.of('read_receipt').map(({ payload }) => payload['offset'])).toEqual([3])
  })

  it('is kept for who leaves and comes back', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    await ada.say(CHANNEL, 'one')
    await bob.do('mark_read', { channel: CHANNEL, offset: 1 })
    await bob.do('leave_room', { room: 'general' })
    expect(await bob.refused('unread_get', { channels: [CHANNEL] })).toMatch('4011')
    await ada.say(CHANNEL, 'two')
    const { unread, last_read } = await bob.do('join_room', { room: 'general' })
    expect({ unread, last_read }).toEqual({ unread: 1, last_read: 1 })
  })
})

describe('typing', () => {
  it('is told to the others, and passed on once in a while', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const tablet = await chat.connect('ada')
    await tablet.do('subscribe', { channel: CHANNEL })
    for (let n = 0; n < 5; n++) await ada.do('typing_start', { room: 'general' })
    await ada.do('typing_stop', { room: 'general' })
    await ada.do('typing_stop', { room: 'general' })
    await bob.settle()
    await tablet.settle()
    const told = { room: 'general', channel: CHANNEL, user: 'ada' }
    expect(bob.of('typing_start').map(({ payload }) => payload)).toEqual([told])
    expect(bob.of('typing_stop').map(({ payload }) => payload)).toEqual([told])
    expect([...ada.of('typing_start'), ...tablet.of('typing_start')]).toEqual([])
    expect(await ada.do('history', { channel: CHANNEL })).toMatchObject({ newest: 0 })
  })

  it('ends by itself, and with what was typed', async () => {
    const chat = await ChatServer.start({ chat: { typingMs: 60 } })
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    await ada.do('typing_start', { room: 'general' })
    expect((await bob.push('typing_stop')).payload['user']).toBe('ada')
    await bob.do('typing_start', { channel: CHANNEL })
    await bob.say(CHANNEL, 'done')
    await ada.push('typing_stop', { user: 'bob' })
    const types = ada.frames.map(({ type }) => type)
    expect(types).toContain('typing_start')
  })

  it('is told in a direct talk, which has no room', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = [await chat.connect('ada'), await chat.connect('bob')]
    const channel = 'dm:ada,bob'
    await bob.do('subscribe', { channel })
    await ada.do('typing_start', { channel })
    expect((await bob.push('typing_start')).payload).toEqual({ channel, user: 'ada' })
  })
})

describe('search', () => {
  it('finds words, the newest message first, in this room alone', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    for (const text of ['The tide comes', 'the tide goes', 'Über den Café-Tisch']) {
      await ada.say(CHANNEL, text)
    }
    await ada.say('chat:other', 'tide of others')
    expect(await search(chat, 'TIDE')).toEqual(['the tide goes', 'The tide comes'])
    expect(await search(chat, 'tide go')).toEqual(['the tide goes'])
    expect(await search(chat, 'tide', '&limit=1')).toEqual(['the tide goes'])
    expect(await search(chat, 'tide', '&before=2')).toEqual(['The tide comes'])
    expect(await search(chat, 'cafe-tisch')).toEqual(['Über den Café-Tisch'])
    await ada.say(CHANNEL, '潮が引く ｆｕｌｌ width')
    expect(await search(chat, '引く full')).toEqual(['潮が引く ｆｕｌｌ width'])
  })

  it('finds the new text of what was edited, and nothing of what was deleted', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'ebb')
    await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: 'flow' })
    expect(await search(chat, 'ebb')).toEqual([])
    expect(await search(chat, 'flow')).toEqual(['flow'])
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    expect(await search(chat, 'flow')).toEqual([])
  })

  it('is for who may read the history', async () => {
    const policy = {
      durability: 'durable',
      publish: 'user',
      subscribe: 'user',
      history: 'server',
    } as const
    const chat = await ChatServer.start({ namespaces: { chat: policy } })
    expect((await chat.http('ada', 'GET', '/v1/rooms/general/search?q=x')).status).toBe(403)
    expect((await chat.http(undefined, 'GET', '/v1/rooms/general/search?q=x')).status).toBe(200)
  })
})

describe('what is asked', () => {
  let chat: ChatServer
  beforeAll(async () => {
    chat = await ChatServer.open()
  })
  afterAll(() => chat.close())

  it.each<[string, object, RegExp]>([
    ['mark_read', { channel: CHANNEL, offset: 2 }, /4013.*ends at 1/],
    ['mark_read', { channel: CHANNEL, offset: -1 }, /4009.*offset/],
    ['mark_read', { channel: CHANNEL, offset: 0.5 }, /4009.*offset/],
    ['mark_read', { channel: CHANNEL, offset: 9e15 }, /4013/],
    ['mark_read', { channel: CHANNEL }, /4009.*offset/],
    ['mark_read', { channel: 'chat:other', offset: 0 }, /4011.*join it/],
    ['mark_read', { channel: 'live:a', offset: 0 }, /4009/],
    ['mark_read', { channel: 'dm:x,y', offset: 0 }, /4011/],
    ['unread_get', { channels: ['chat:other'] }, /4011/],
    ['unread_get', { channels: [CHANNEL, '__proto__'] }, /4009/],
    ['unread_get', { channels: Array(151).fill(CHANNEL) }, /4009/],
    ['unread_get', { channels: CHANNEL }, /4009/],
    ['join_room', { room: '' }, /4009/],
    ['join_room', { room: 'x'.repeat(201) }, /4009/],
    ['join_room', { room: 'x', since: { epoch: 'e' } }, /4009/],
    ['leave_room', {}, /4009/],
  ])('is not asked with %s %j', async (type, payload, refusal) => {
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'hi')
    expect(await ada.refused(type, payload)).toMatch(refusal)
  })

  it.each([
    'tide OR comes',
    'tide*',
    'NEAR(tide goes)',
    '"tide',
    'content:tide',
    'tide) OR (comes',
    '-tide ^a',
    '{room}:"c1"',
    "'; --tide",
  ])('takes %j for words', async (q) => {
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'the tide goes')
    await ada.say(CHANNEL, q)
    expect((await search(chat, q))[0]).toBe(q)
  })
})
