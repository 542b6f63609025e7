import type { JsonObject } from '@tidewire/protocol'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ChatServer } from '../../testing/chat-server.ts'
import type { Talker } from '../../testing/talker.ts'

const CHANNEL = 'chat:general'
const metadata = { channel: CHANNEL }

/** What history has of the message. */
async function row(talker: Talker, id: string, channel = CHANNEL): Promise<JsonObject | undefined> {
  const { publications } = await talker.do('history', { channel })
  const all = publications as { payload: JsonObject; metadata: { message_id: string } }[]
  return all.find(({ metadata }) => metadata.message_id === id)?.payload
}

describe('a message', () => {
  it('of 5 MB is refused, over WebSocket and HTTP', async () => {
    const chat = await ChatServer.start()
    const content = 'x'.repeat(5_000_000)
    const body = { type: 'message', payload: { content } }
    const path = `/v1/channels/${CHANNEL}/publications`
    expect((await chat.http('ada', 'POST', path, body)).status).toBe(413)
    const ada = await chat.connect('ada')
    await expect(ada.say(CHANNEL, content)).rejects.toThrow(/closed/)
    const bob = await chat.connect('bob')
    expect(await bob.do('history', { channel: CHANNEL })).toMatchObject({ newest: 0 })
  })

  it('answers another one of the same room only', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'question')
    const answer = await ada.say(CHANNEL, 'answer', { reply_to: id })
    expect(await row(ada, answer.id)).toEqual({ content: 'answer', reply_to: id })
    const elsewhere = { channel: 'chat:other' }
    const refused = await ada.refused('message', { content: 'x', reply_to: id }, elsewhere)
    expect(refused).toMatch('4012')
  })

  it('mentions in a private room only who is in it, and the same when it is repeated', async () => {
    const chat = await ChatServer.start()
    const members = ['bob', 'cleo.x']
    await chat.http('ada', 'POST', '/v1/rooms', { room: 'secret', private: true, members })
    const ada = await chat.connect('ada')
    const say = () => ada.say('chat:secret', '@bob @nobody @cleo.x.', {}, 'm1')
    await say()
    expect((await row(ada, 'm1', 'chat:secret'))?.['mentions']).toEqual(['bob', 'cleo.x'])
    await chat.http('ada', 'DELETE', '/v1/rooms/secret/members/bob')
    const again = await ada.ask(
      'message',
      { content: '@bob @nobody @cleo.x.' },
      { channel: 'chat:secret', message_id: 'm1' },
    )
    expect(again.payload).toMatchObject({ offset: 1, duplicate: true })
  })

  it('that is repeated is one, also when what it answers was deleted since', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'question')
    const answer = { content: 'answer', reply_to: id }
    const repeated = { channel: CHANNEL, message_id: 'again' }
    await ada.ask('message', answer, repeated)
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    const { payload } = await ada.ask('message', answer, repeated)
    expect(payload).toMatchObject({ offset: 2, duplicate: true })
    expect(await ada.do('history', { channel: CHANNEL })).toMatchObject({ newest: 3 })
  })
})

describe('what names a message that was sent just before', () => {
  it('waits for it, and all of it lands in the order in which it was sent', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const answers = await Promise.all([
      ada.ask('message', { content: 'helo' }, { ...metadata, message_id: 'm' }),
      ada.ask('message_edit', { message_id: 'm', content: 'hello' }, metadata),
      ada.ask('reaction', { message_id: 'm', emoji: '🌊' }, metadata),
      ada.ask('message', { content: 'answer', reply_to: 'm' }, { ...metadata, message_id: 'n' }),
      ada.ask('message_delete', { message_id: 'n' }, metadata),
    ])
    expect(answers.map(({ type, payload }) => [type, payload['offset']])).toEqual(
      [1, 2, 3, 4, 5].map((offset) => ['ack', offset]),
    )
    await expect.poll(() => row(ada, 'n')).toEqual({ deleted: true })
    expect(await row(ada, 'm')).toMatchObject({ content: 'hello', reactions: { '🌊': ['ada'] } })
  })

  it.each([
    ['was refused', { content: ' ' }, '4009'],
    ['names itself', { content: 'x', reply_to: 'm' }, '4012'],
  ])('is refused when that %s', async (_, payload, code) => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const refused = ada.refused('message', payload, { ...metadata, message_id: 'm' })
    const edit = ada.refused('message_edit', { message_id: 'm', content: 'x' }, metadata)
    expect(await refused).toMatch(code)
    expect(await edit).toMatch('4012')
  })
})

describe('a message that is changed', () => {
  it('has its new text in the room and in history', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const attachments = [{ id: 'f', name: 'a', type: 'text/plain', size: 1 }]
    const { id } = await ada.say(CHANNEL, 'helo @bob', { attachments })
    const edit = { message_id: id, content: 'hello @cleo' }
    await ada.publish(CHANNEL, 'message_edit', edit)
    const event = await bob.push('message_edit')
    expect(event.payload).toEqual({ ...edit, mentions: ['cleo'], message_offset: 1 })
    await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: 'hello' })
    const edited_at = expect.any(String)
    await expect.poll(() => row(bob, id)).toEqual({ content: 'hello', attachments, edited_at })
  })

  it('carries its reactions', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const { id } = await ada.say(CHANNEL, 'hi')
    const react = (talker: Talker, emoji: string, more: object = {}) =>
      talker.publish(CHANNEL, 'reaction', { message_id: id, emoji, ...more })
    await react(ada, '👍')
    await react(bob, '👍')
    await react(bob, '👍')
    await react(bob, '__proto__')
    await react(ada, '👍', { remove: true })
    await react(ada, 'gone')
    await react(ada, 'gone', { remove: true })
    const reactions = JSON.parse('{"👍":["bob"],"__proto__":["bob"]}') as JsonObject
    await expect.poll(() => row(bob, id)).toEqual({ content: 'hi', reactions })
    await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: 'ho' })
    await expect.poll(() => row(bob, id)).toMatchObject({ content: 'ho', reactions })
  })

  it('carries twenty kinds of reactions at most', async () => {
    const chat = await ChatServer.start()
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, 'hi')
    for (let n = 0; n < 20; n++) {
      await ada.publish(CHANNEL, 'reaction', { message_id: id, emoji: `e${n}` })
    }
    const reaction = { message_id: id, emoji: 'e20' }
    expect(await ada.refused('reaction', reaction, metadata)).toMatch('4013')
    await ada.publish(CHANNEL, 'reaction', { message_id: id, emoji: 'e0', remove: true })
    await ada.publish(CHANNEL, 'reaction', reaction)
  })

  it('is gone for everybody when it is deleted, and stays so', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const { id } = await ada.say(CHANNEL, 'oops @bob')
    const edit = await ada.publish(CHANNEL, 'message_edit', { message_id: id, content: 'oh no' })
    await bob.publish(CHANNEL, 'reaction', { message_id: id, emoji: 'x' })
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    const event = await bob.push('message_delete')
    expect(event.payload).toEqual({ message_id: id, message_offset: 1, author: 'ada' })
    await expect.poll(() => row(bob, id)).toEqual({ deleted: true })
    await expect.poll(() => row(bob, edit.id)).toEqual({ message_id: id, deleted: true })
    const again: [string, object][] = [
      ['message_edit', { message_id: id, content: 'back' }],
      ['reaction', { message_id: id, emoji: 'x' }],
      ['message', { content: 'x', reply_to: id }],
    ]
    for (const [type, payload] of again) {
      expect(await ada.refused(type, payload, metadata)).toMatch('4012')
    }
    // Whoever did not hear of it may try again.
    await ada.publish(CHANNEL, 'message_delete', { message_id: id })
    expect(await row(bob, id)).toEqual({ deleted: true })
  })

  it('is deleted once: who does it again is answered with the first time, and nobody is told', async () => {
    const chat = await ChatServer.start()
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const { id } = await ada.say(CHANNEL, 'oops')
    const deletion = { message_id: id }
    const first = (await ada.ask('message_delete', deletion, metadata)).payload
    const { payload } = await ada.ask('message_delete', deletion, metadata)
    expect(payload).toEqual({ ...first, duplicate: true })
    expect(await bob.refused('message_delete', deletion, metadata)).toMatch('4011')
    const body = { type: 'message_delete', payload: deletion, message_id: 'again' }
    const path = `/v1/channels/${CHANNEL}/publications`
    expect(await chat.http('ada', 'POST', path, body)).toEqual({
      status: 200,
      body: { epoch: first['epoch'], offset: 2, duplicate: true, message_id: 'again' },
    })
    expect(await ada.do('history', { channel: CHANNEL })).toMatchObject({ newest: 2 })
  })

  it('is changed by its author alone, and deleted by the owner of the room or a server key as well', async () => {
    const chat = await ChatServer.start()
    await chat.http('owen', 'POST', '/v1/rooms', { room: 'general' })
    const [ada, eve, owen] = (await chat.room('general', 'ada', 'eve', 'owen')) as [
      Talker,
      Talker,
      Talker,
    ]
    const [one, two] = [await ada.say(CHANNEL, 'one'), await ada.say(CHANNEL, 'two')]
    const edit = { message_id: one.id, content: 'mine' }
    for (const other of [eve, owen]) {
      expect(await other.refused('message_edit', edit, metadata)).toMatch('4011')
    }
    expect(await eve.refused('message_delete', { message_id: one.id }, metadata)).toMatch('4011')
    await owen.publish(CHANNEL, 'message_delete', { message_id: one.id })
    const path = `/v1/channels/${CHANNEL}/publications`
    const remove = { type: 'message_delete', payload: { message_id: two.id } }
    expect((await chat.http(undefined, 'POST', path, remove)).status).toBe(201)
    for (const { id } of [one, two]) {
      await expect.poll(() => row(ada, id)).toEqual({ deleted: true })
    }
  })
})

describe('what is said', () => {
  let chat: ChatServer
  beforeAll(async () => {
    chat = await ChatServer.open()
  })
  afterAll(() => chat.close())

  const file = { id: 'f1', name: 'a.png', type: 'image/png', size: 7 }
  it.each<[string, object]>([
    ['text', { content: 'hi' }],
    ['text of 10,000 characters', { content: 'x'.repeat(10_000) }],
    ['a file without text', { content: '', attachments: [file] }],
    ['a script', { content: '<script>alert(1)</script>', attachments: [{ ...file, name: '<b>' }] }],
    ['what an application adds', { content: 'hi', importance: { level: 7 } }],
    ['what is the application’s own', { order: 42 }],
    ['something that looks like a query', { content: `"; DROP TABLE chat_messages; -- ' OR 1` }],
  ])('may be %s, and is kept as it was said', async (_, payload) => {
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const { id } = await ada.publish(CHANNEL, 'message', payload)
    expect((await bob.push('message')).payload).toEqual(payload)
    expect(await row(bob, id)).toEqual(payload)
  })

  it('may be a file as the upload was answered: what is not of the message stays behind', async () => {
    const [ada, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const said = { content: 'look', attachments: [{ ...file, url: '/v1/uploads/f1' }], level: 7 }
    const { id } = await ada.publish(CHANNEL, 'message', said)
    const kept = { ...said, attachments: [file] }
    expect((await bob.push('message')).payload).toEqual(kept)
    expect(await row(bob, id)).toEqual(kept)
  })

  it.each<[string, object, RegExp]>([
    ['blanks', { content: ' \n\t' }, /4009.*blank/],
    ['no text', { content: { toString: 'x' } }, /4009.*content/],
    ['too much text', { content: 'x'.repeat(10_001) }, /4009.*10000 characters/],
    ['who is mentioned, as the sender says', { content: 'x', mentions: ['bob'] }, /4009/],
    ['that it is deleted', { content: 'x', deleted: true }, /4009/],
    [
      'eleven files',
      { content: 'x', attachments: Array.from({ length: 11 }, () => file) },
      /4009.*attachments/,
    ],
    ['a file without size', { content: 'x', attachments: [{ ...file, size: undefined }] }, /4009/],
    ['an answer to what is not there', { content: 'x', reply_to: 'nothing' }, /4012.*reply_to/],
    ['an answer to a prototype', { content: 'x', reply_to: '__proto__' }, /4012/],
  ])('cannot be %s', async (_, payload, refusal) => {
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const before = await ada.do('history', { channel: CHANNEL })
    expect(await ada.refused('message', payload, metadata)).toMatch(refusal)
    expect(await ada.do('history', { channel: CHANNEL })).toEqual(before)
  })

  it.each([
    ['hi @bob', ['bob']],
    ['@bob, @cleo: and @bob!', ['bob', 'cleo']],
    ['(@ada.l@example.com)', ['ada.l@example.com']],
    ['ask @bob.', ['bob']],
    ['mail bob@example.com', undefined],
    ['@ @@ @. @-', undefined],
    ['@__proto__ @constructor', ['__proto__', 'constructor']],
    [
      Array.from({ length: 80 }, (_, n) => `@u${n}`).join(' '),
      Array.from({ length: 50 }, (_, n) => `u${n}`),
    ],
  ])('%j mentions %j', async (content, mentions) => {
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    const { id } = await ada.say(CHANNEL, content)
    expect((await row(ada, id))?.['mentions']).toEqual(mentions)
  })

  it.each<[string, object, RegExp]>([
    ['message_edit', { message_id: 'nothing', content: 'x' }, /4012/],
    ['message_edit', { content: 'x' }, /4009.*message_id/],
    ['message_edit', { message_id: 'm', content: ' ' }, /4009.*blank/],
    ['message_delete', { message_id: '__proto__' }, /4012/],
    ['message_delete', { message_id: ['m'] }, /4009/],
    ['reaction', { message_id: 'm', emoji: '' }, /4009.*emoji/],
    ['reaction', { message_id: 'm', emoji: 'two words' }, /4009.*emoji/],
    ['reaction', { message_id: 'm', emoji: 'x'.repeat(33) }, /4009.*32/],
    ['reaction', { message_id: 'nothing', emoji: 'x' }, /4012/],
    ['reaction', { message_id: 'm', emoji: 'x', remove: 'yes' }, /4009.*remove/],
  ])('is not changed by %s %j', async (type, payload, refusal) => {
    const [ada] = (await chat.room('general', 'ada')) as [Talker]
    await ada.say(CHANNEL, 'hi', {}, 'm')
    expect(await ada.refused(type, payload, metadata)).toMatch(refusal)
    expect(await row(ada, 'm')).toEqual({ content: 'hi' })
  })
})
