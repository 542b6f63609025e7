import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { fenceData } from '../../storage/fence.ts'
import { ChatServer } from '../../testing/chat-server.ts'
import type { Talker } from '../../testing/talker.ts'

const CHANNEL = 'chat:general'

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-chat-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  return data
}

async function found(chat: ChatServer, word: string): Promise<unknown[]> {
  const { body } = await chat.http('bob', 'GET', `/v1/rooms/general/search?q=${word}`)
  return (body['messages'] as { content: string }[]).map(({ content }) => content)
}

/** Somebody says three things, of which one is edited and one is deleted. */
async function talk(chat: ChatServer): Promise<void> {
  const [ada] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
  await ada.say(CHANNEL, 'one @bob')
  const two = await ada.say(CHANNEL, 'two')
  const three = await ada.say(CHANNEL, 'three')
  await ada.publish(CHANNEL, 'message_edit', { message_id: two.id, content: 'deux @bob' })
  await ada.publish(CHANNEL, 'message_delete', { message_id: three.id })
}

/** What Bob is told of it. */
async function told(chat: ChatServer): Promise<unknown> {
  const bob = await chat.connect('bob')
  const { channels } = await bob.do('unread_get', { channels: [CHANNEL] })
  return { channels, bob: await found(chat, 'bob'), three: await found(chat, 'three') }
}

const ALL = {
  channels: { [CHANNEL]: { unread: 2, mentions: 2, last_read: 0, offset: 5 } },
  bob: ['deux @bob', 'one @bob'],
  three: [],
}

describe('the tables', () => {
  it('are made again for a log that has another epoch', async () => {
    const data = dataDirectory()
    const first = await ChatServer.start({ data })
    await talk(first)
    expect(await told(first)).toEqual(ALL)
    await first.close()
    fenceData(data)
    expect(await told(await ChatServer.start({ data }))).toEqual(ALL)
  })

  it('are made from a log that is older than they are', async () => {
    const data = dataDirectory()
    const first = await ChatServer.start({ data })
    await talk(first)
    await first.close()
    for (const file of ['store.db', 'store.db-wal', 'store.db-shm']) {
      rmSync(join(data, file), { force: true })
    }
    const again = await ChatServer.start({ data })
    await again.server.addMember(CHANNEL, 'bob')
    // Who comes counts from then on.
    const reading = { unread: 0, mentions: 0, last_read: 5, offset: 5 }
    expect(await told(again)).toEqual({ ...ALL, channels: { [CHANNEL]: reading } })
  })

  it('have nothing of a log that is gone', async () => {
    const policy = { durability: 'memory', publish: 'user', subscribe: 'user' } as const
    const options = { data: dataDirectory(), namespaces: { chat: policy } }
    const first = await ChatServer.start(options)
    await talk(first)
    expect(await told(first)).toEqual(ALL)
    const reader = await first.connect('bob')
    await reader.do('mark_read', { channel: CHANNEL, offset: 5 })
    await first.close()
    const again = await ChatServer.start(options)
    expect(await found(again, 'bob')).toEqual([])
    const bob = await again.connect('bob')
    expect(await bob.do('unread_get')).toEqual({
      channels: { [CHANNEL]: { unread: 0, mentions: 0, last_read: 0, offset: 0 } },
    })
    await (await again.connect('ada')).say(CHANNEL, 'hello again')
    expect(await bob.do('unread_get')).toMatchObject({ channels: { [CHANNEL]: { unread: 1 } } })
  })

  it('come along with more than wait for them', async () => {
    const chat = await ChatServer.start()
    const [, bob] = (await chat.room('general', 'ada', 'bob')) as [Talker, Talker]
    const count = 5_000
    const said = Array.from({ length: count }, (_, n) =>
      chat.server.publish(CHANNEL, { type: 'message', payload: { content: `${n}` }, user: 'ada' }),
    )
    await Promise.all(said)
    expect(await bob.do('unread_get')).toMatchObject({
      channels: { [CHANNEL]: { unread: count, offset: count } },
    })
    expect(await found(chat, '4321')).toEqual(['4321'])
  })
})
