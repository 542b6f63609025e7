import { isDeepStrictEqual } from 'node:util'
import { chat } from '@tidewire/server'
import { startTestServer, type TestServer } from '@tidewire/server/testing'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { Tidewire } from '../client.ts'
import { until } from '../testing/until.ts'
import type { TidewireOptions } from '../types.ts'
import { type ChatMessage, direct, type Room, room, searchMessages, unread } from './index.ts'

const clients: Tidewire[] = []
let server: TestServer

beforeEach(async () => {
  server = await startTestServer({ features: [chat()] })
})

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
  await server.close()
})

async function connect(user: string, options: TidewireOptions = {}): Promise<Tidewire> {
  const client = new Tidewire({
    url: server.url,
    WebSocket,
    token: await server.token(user),
    backoff: { minMs: 1, maxMs: 20 },
    ...options,
  })
  client.on('error', () => undefined)
  clients.push(client)
  return client
}

async function enter(user: string, name = 'general', options?: TidewireOptions): Promise<Room> {
  const here = room(await connect(user, options), name)
  await here.join()
  return here
}

function contents({ snapshot }: Room): string[] {
  return snapshot.messages.map(({ content }) => content)
}

/** Sends, and waits until the server has it. */
async function say(here: Room, content: string): Promise<ChatMessage> {
  const id = here.send(content)
  const find = (): ChatMessage | undefined =>
    here.snapshot.messages.find((message) => message.id === id && message.offset !== undefined)
  await until(() => find() !== undefined, `the server to have ${content}`)
  return find()!
}

describe('a room of the real server', () => {
  it('shows both sides the same: messages, edits, reactions and tombstones', async () => {
    const ada = await enter('ada')
    const bob = await enter('bob')
    const hello = await say(ada, 'helo @bob')
    const oops = await say(ada, 'oops')
    await ada.edit(hello.id, 'hello @bob')
    await bob.react(hello.id, '👍')
    await ada.remove(oops.id)
    bob.send('hi', { replyTo: hello.id })
    await until(() => contents(ada).length === 3 && contents(bob).length === 3)
    await until(() => bob.snapshot.messages[1]?.deleted ?? false)
    expect(bob.snapshot.messages).toMatchObject([
      {
        content: 'hello @bob',
        edited: true,
        mentions: ['bob'],
        reactions: [{ emoji: '👍', users: ['bob'] }],
      },
      { content: '', deleted: true },
      { content: 'hi', replyTo: hello.id },
    ])
    // Who sent a message has it before it is delivered.
    await until(() => isDeepStrictEqual(ada.snapshot.messages, bob.snapshot.messages), 'the same')
    await expect(bob.edit(hello.id, 'mine')).rejects.toMatchObject({ reason: 'forbidden' })
    // Whoever comes later is told the outcome alone.
    const cyd = await enter('cyd')
    await until(() => contents(cyd).length === 3)
    expect(cyd.snapshot.messages).toEqual(bob.snapshot.messages)
  })

  it('tells who is a member, who types and who has read what', async () => {
    const ada = await enter('ada')
    const bob = await enter('bob')
    await until(() => ada.snapshot.members.length === 2)
    expect(bob.snapshot).toMatchObject({ members: ['ada', 'bob'], memberCount: 2 })
    bob.startTyping()
    await until(() => ada.snapshot.typing.includes('bob'))
    const { offset } = await say(bob, 'hi')
    await until(() => ada.snapshot.typing.length === 0)
    await until(() => ada.snapshot.unread === 1)
    ada.markRead()
    expect(ada.snapshot).toMatchObject({ unread: 0, lastRead: offset })
    await until(() => bob.snapshot.receipts['ada'] === offset)
    expect(ada.snapshot.receipts['ada']).toBe(offset)
    await bob.leave()
    await until(() => ada.snapshot.memberCount === 1)
  })

  it('keeps a place: what is unread is unread after a return, and on another device', async () => {
    const ada = await enter('ada')
    const bob = await enter('bob')
    const first = await say(bob, 'one')
    await say(bob, 'two')
    await until(() => ada.snapshot.unread === 2)
    ada.markRead(first.offset)
    await until(() => bob.snapshot.receipts['ada'] === first.offset)
    const phone = await enter('ada')
    await until(() => phone.snapshot.messages.length === 2)
    expect(phone.snapshot).toMatchObject({ unread: 1, lastRead: first.offset })
    expect(phone.snapshot.receipts['ada']).toBe(first.offset)
    phone.markRead()
    await until(() => ada.snapshot.unread === 0)
  })

  it('misses nothing while connections break, and joins again', async () => {
    const ada = await enter('ada')
    const bob = await enter('bob')
    for (let n = 0; n < 5; n += 1) {
      await server.server.disconnect({ user: 'ada' })
      await say(bob, `${n}`)
      await until(() => ada.snapshot.status === 'joined')
    }
    await until(() => contents(ada).length === 5)
    expect(contents(ada)).toEqual(['0', '1', '2', '3', '4'])
    bob.startTyping()
    await until(() => ada.snapshot.typing.includes('bob'))
  })

  it('is not entered by who may not, and left by who may not any more', async () => {
    const ada = await enter('ada')
    await fetch(`${server.url}/v1/rooms`, {
      method: 'POST',
      headers: {
        Authorization: `Bearer ${await server.token('ada')}`,
        'Content-Type': 'application/json',
      },
      body: JSON.stringify({ room: 'secret', private: true }),
    })
    const mallory = room(await connect('mallory'), 'secret')
    await expect(mallory.join()).rejects.toMatchObject({ reason: 'forbidden' })
    expect(mallory.snapshot).toMatchObject({ status: 'left', error: { reason: 'forbidden' } })
    expect(ada.snapshot.status).toBe('joined')
  })

  it('is read over the other transports, too', async () => {
    const ada = await enter('ada')
    await say(ada, 'hi')
    for (const transport of ['sse', 'poll'] as const) {
      const bob = await enter('bob', 'general', { transports: [transport] })
      await until(() => contents(bob).length > 0)
      expect(bob.snapshot.status).toBe('reading')
      const id = bob.send(`over ${transport}`)
      await until(() => ada.snapshot.messages.some((message) => message.id === id))
    }
  })
})

describe('a direct talk', () => {
  it('is the same for both, with typing, receipts and what is unread', async () => {
    const ada = await direct(await connect('ada'), 'bob')
    const bob = await direct(await connect('bob'), 'ada')
    expect([ada.name, bob.name]).toEqual(['dm:ada,bob', 'dm:ada,bob'])
    await Promise.all([ada.join(), bob.join()])
    ada.startTyping()
    await until(() => bob.snapshot.typing.includes('ada'))
    const { offset } = await say(ada, 'psst')
    await until(() => bob.snapshot.unread === 1)
    bob.markRead()
    await until(() => ada.snapshot.receipts['bob'] === offset)
    const other = await direct(await connect('bob'), 'ada')
    await other.join()
    expect(other.snapshot).toMatchObject({ unread: 0, lastRead: offset })
  })

  it('is not for others', async () => {
    const eve = room(await connect('eve'), 'dm:ada,bob')
    await expect(eve.join()).rejects.toMatchObject({ reason: 'forbidden' })
  })

  it('needs a user', async () => {
    const client = new Tidewire({ url: server.url, WebSocket, connect: false })
    await expect(direct(client, 'bob', { timeout: 1 })).rejects.toMatchObject({ code: 'timeout' })
  })
})

describe('what is unread over all rooms', () => {
  it('follows what is said, read, joined and left', async () => {
    const client = await connect('ada')
    const counts = unread(client)
    const general = room(client, 'general', { unread: counts })
    counts.open()
    await until(() => !counts.snapshot.loading)
    expect(counts.snapshot.channels).toEqual({})
    await general.join()
    await until(() => 'chat:general' in counts.snapshot.channels)
    // It is not looked at, and counted all the same.
    await general.close()
    const bob = await enter('bob')
    await say(bob, 'hi @ada')
    const { id } = await say(bob, 'oops')
    await until(() => counts.snapshot.unread === 2)
    expect(counts.snapshot.channels['chat:general']).toMatchObject({ unread: 2, mentions: 1 })
    await bob.remove(id)
    await until(() => counts.snapshot.unread === 1)
    await general.join()
    await until(() => general.snapshot.unread === 1)
    general.markRead()
    await until(() => counts.snapshot.unread === 0)
    expect(counts.snapshot.mentions).toBe(0)
    await general.leave()
    await until(() => !('chat:general' in counts.snapshot.channels))
    counts.close()
  })

  it('is the same as a recount after any number of messages and breaks', async () => {
    const client = await connect('ada')
    await enter('ada', 'one')
    await enter('ada', 'two')
    const rooms = [await enter('bob', 'one'), await enter('bob', 'two')]
    const counts = unread(client)
    counts.open()
    await until(() => Object.keys(counts.snapshot.channels).length === 2)
    for (let n = 0; n < 20; n += 1) {
      if (n % 6 === 5) await server.server.disconnect({ user: 'ada' })
      await say(rooms[n % 2]!, n % 5 === 0 ? `@ada ${n}` : `${n}`)
    }
    await until(() => counts.snapshot.unread === 20, '20 unread messages')
    expect(counts.snapshot).toMatchObject({ unread: 20, mentions: 4 })
  })
})

describe('search', () => {
  it.each(['websocket', 'sse'] as const)('finds page by page over %s', async (transport) => {
    const ada = await enter('ada')
    for (const text of ['high tide', 'no wind', 'Tides and wind']) await say(ada, text)
    const client = await connect('bob', { transports: [transport] })
    const first = await searchMessages(client, 'general', 'tide', { limit: 1 })
    expect(first).toMatchObject({
      messages: [{ content: 'Tides and wind', user: 'ada', offset: 3 }],
      more: true,
    })
    expect(first.messages[0]?.id).toBe(ada.snapshot.messages[2]?.id)
    await until(() => first.messages[0]?.at === ada.snapshot.messages[2]?.at, 'its delivery')
    const second = await searchMessages(client, 'general', 'tide', { before: 3 })
    expect(second).toMatchObject({ messages: [{ content: 'high tide' }], more: false })
    expect(await searchMessages(client, 'general', 'storm')).toEqual({ messages: [], more: false })
  })

  it('finds in direct talks, for the two of them alone', async () => {
    const talk = await enter('ada', 'dm:ada,bob')
    await say(talk, 'a word in private')
    const { messages } = await searchMessages(await connect('bob'), 'dm:ada,bob', 'private')
    expect(messages).toMatchObject([{ content: 'a word in private' }])
    const refusal = searchMessages(await connect('eve'), 'dm:ada,bob', 'private')
    await expect(refusal).rejects.toMatchObject({ reason: 'forbidden' })
  })

  it('says what cannot be searched for', async () => {
    const refusal = searchMessages(await connect('ada'), 'general', '!?')
    await expect(refusal).rejects.toMatchObject({ reason: 'bad_envelope' })
  })
})
