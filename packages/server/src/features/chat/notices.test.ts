import { ProtocolError } from '@tidewire/protocol'
import { describe, expect, it } from 'vitest'
import type { Feature, NotificationInput } from '../../handlers.ts'
import { ChatServer } from '../../testing/chat-server.ts'

/** Inboxes that have a notification when they were told of it, and answer the first time as the test says. */
class Inboxes {
  readonly told: NotificationInput[] = []
  readonly cleared: string[] = []
  readonly feature: Feature = {
    name: 'inboxes',
    setup: (server) => {
      server.provide('notify', (_, notification) => this.#notify(notification))
      server.provide('clearNotification', async (id) => void this.cleared.push(id))
    },
  }
  /** Answers what is waiting for it: with an error, or that it is kept. */
  answer!: (error?: ProtocolError) => void
  readonly #answered = new Promise<void>((resolve, reject) => {
    this.answer = (error) => (error === undefined ? resolve() : reject(error))
  })

  async #notify(notification: NotificationInput): Promise<void> {
    this.told.push(notification)
    if (this.told.length === 1) await this.#answered
  }
}

/** Ada mentions bob, and inboxes are just being told. */
async function start() {
  const inboxes = new Inboxes()
  const chat = await ChatServer.start({ features: ['chat', inboxes.feature] })
  const [ada] = await chat.room('general', 'ada', 'bob')
  const { id } = await ada!.say('chat:general', 'to @bob')
  await expect.poll(() => inboxes.told).toHaveLength(1)
  return {
    inboxes,
    notice: inboxes.told[0]!.id,
    remove: () => ada!.publish('chat:general', 'message_delete', { message_id: id }),
    edit: (content: string) =>
      ada!.publish('chat:general', 'message_edit', { message_id: id, content }),
    say: (content: string) => ada!.say('chat:general', content),
    history: async () => JSON.stringify(await ada!.do('history', { channel: 'chat:general' })),
    react: () => ada!.publish('chat:general', 'reaction', { message_id: id, emoji: 'x' }),
  }
}

describe('what inboxes were told of a message', () => {
  it('is cleared after a deletion also when it is not known whether they have it', async () => {
    const { inboxes, notice, remove } = await start()
    await remove()
    // By the deletion, which may come too early.
    await expect.poll(() => inboxes.cleared).toEqual([notice])
    inboxes.answer(new ProtocolError('unavailable', 'Nobody knows.'))
    await expect.poll(() => inboxes.cleared, { timeout: 5_000 }).toEqual([notice, notice])
    expect(inboxes.told).toHaveLength(1)
  })

  it.each(['remove', 'edit'] as const)(
    'is cleared when this came meanwhile: %s',
    async (change) => {
      const { inboxes, notice, ...ada } = await start()
      await ada[change]('to nobody')
      await expect.poll(() => inboxes.cleared).toEqual([notice])
      inboxes.answer()
      await expect.poll(() => inboxes.cleared).toEqual([notice, notice])
    },
  )

  it('is cleared when they have it as it was before', async () => {
    const { inboxes, notice } = await start()
    inboxes.answer(new ProtocolError('conflict', 'There is another one.'))
    await expect.poll(() => inboxes.cleared).toEqual([notice])
  })

  it('is cleared once for each edit, and not for what else happens to it', async () => {
    const { inboxes, notice, edit, react, say, history } = await start()
    inboxes.answer()
    // The next ones are told when this one is done with.
    await say('and @bob')
    await expect.poll(() => inboxes.told).toHaveLength(2)
    await edit('to @cleo')
    await expect.poll(() => inboxes.cleared).toEqual([notice])
    await react()
    await expect.poll(history).toContain('reactions')
    expect(inboxes.cleared).toEqual([notice])
    await edit('to @dan')
    await expect.poll(() => inboxes.cleared).toEqual([notice, notice])
    expect(inboxes.told).toHaveLength(2)
  })
})

it('a mention with names that are longer than a title reaches the inbox, with less of them', async () => {
  const chat = await ChatServer.start({ features: ['chat', 'notifications'] })
  const [user, room] = ['u'.repeat(80), 'r'.repeat(200)]
  const [talker] = await chat.room(room, user, 'bob')
  await talker!.say(`chat:${room}`, 'hi @bob')
  const inbox = async (): Promise<unknown> => {
    const { body } = await chat.http('bob', 'GET', '/v1/notifications')
    return body['notifications']
  }
  const title = `${user} mentioned you in #${room}`.slice(0, 200)
  await expect.poll(inbox).toMatchObject([{ title, body: 'hi @bob' }])
})

it('nobody fills the inbox of another: what is more than twenty in a minute is unread, and told to nobody', async () => {
  const chat = await ChatServer.start({ features: ['chat', 'notifications'] })
  const [cleo, eve] = await chat.room('general', 'cleo', 'eve')
  const order = { users: ['bob'], kind: 'order', title: 'An order' }
  expect((await chat.http(undefined, 'POST', '/v1/notifications', order)).status).toBe(201)
  const inbox = async (): Promise<unknown[]> => {
    const { body } = await chat.http('bob', 'GET', '/v1/notifications?limit=100')
    return (body['notifications'] as { title: string }[]).map(({ title }) => title)
  }
  const said = Array.from({ length: 60 }, (_, n) =>
    n % 2 === 0 ? eve!.say('chat:general', `@bob ${n}`) : eve!.say('dm:bob,eve', `${n}`),
  )
  await Promise.all(said)
  // Whoever else has something to say is heard, also when it is said last.
  await cleo!.say('chat:general', 'for @bob and @eve')
  await expect.poll(inbox).toContain('cleo mentioned you in #general')
  await expect.poll(async () => (await inbox()).length).toBe(22)
  const titles = await inbox()
  expect(titles.filter((title) => String(title).startsWith('eve'))).toHaveLength(20)
  expect(titles).toContain('An order')
  const bob = await chat.connect('bob')
  const { channels } = await bob.do('unread_get')
  expect(channels).toMatchObject({ 'dm:bob,eve': { unread: 30 } })
})
