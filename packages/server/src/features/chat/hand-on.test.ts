import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { PNG } from '../../../contract/upload-files.ts'
import { issueToken } from '../../auth/jwt.ts'
import { ChatServer } from '../../testing/chat-server.ts'
import { runModule } from '../../testing/child.ts'
import { Talker } from '../../testing/talker.ts'

const ALL = ['chat', 'notifications', 'uploads'] as const
const SECRET = 'a secret for a server that is killed, long enough'

function dataDirectory(): string {
  const data = mkdtempSync(join(tmpdir(), 'tidewire-chat-'))
  onTestFinished(() => rmSync(data, { recursive: true }))
  return data
}

interface Inbox {
  kind: string
  title: string
  body: string
  data: Record<string, unknown>
}

async function inboxOf(chat: ChatServer, user: string): Promise<Inbox[]> {
  const { body } = await chat.http(user, 'GET', '/v1/notifications?limit=100')
  return body['notifications'] as Inbox[]
}

describe('what is said', () => {
  it('reaches the inbox of who is mentioned or written to, once', async () => {
    const chat = await ChatServer.start({ features: [...ALL] })
    const [ada] = await chat.room('general', 'ada', 'bob', 'cleo')
    const long = 'm'.repeat(128)
    const { id } = await ada!.say('chat:general', 'look @bob and @ada', {}, long)
    await ada!.say('chat:general', 'nobody in particular')
    // An id is one in its channel: the same one elsewhere is another message.
    await ada!.say('dm:ada,bob', `hi ${'👋'.repeat(200)}`, {}, id)
    await expect.poll(async () => (await inboxOf(chat, 'bob')).length).toBe(2)
    const [direct, mention] = await inboxOf(chat, 'bob')
    expect(mention).toMatchObject({
      kind: 'mention',
      title: 'ada mentioned you in #general',
      body: 'look @bob and @ada',
      data: { user: 'ada', channel: 'chat:general', message_id: id },
    })
    expect(direct).toMatchObject({ kind: 'direct', title: 'ada wrote to you' })
    expect(direct!.body).toMatch(/^hi 👋+$/u)
    for (const user of ['ada', 'cleo']) expect(await inboxOf(chat, user)).toEqual([])
  })

  it.each([
    ['deleted', 'memory'],
    ['deleted', 'durable'],
    ['edited', 'memory'],
    ['edited', 'durable'],
  ] as const)('is in no inbox and no file any more when it is %s (%s)', async (how, durability) => {
    const user = { durability, publish: 'server', subscribe: 'owner' } as const
    const chat = await ChatServer.start({ features: [...ALL], namespaces: { user } })
    const [ada, bob] = await chat.room('general', 'ada', 'bob')
    const { id } = await ada!.say('chat:general', 'xcanaryx @bob')
    const history = async (): Promise<string> =>
      JSON.stringify(await bob!.do('history', { channel: 'user:bob' }))
    await expect.poll(history).toContain('xcanaryx')
    await (how === 'deleted'
      ? ada!.publish('chat:general', 'message_delete', { message_id: id })
      : ada!.publish('chat:general', 'message_edit', { message_id: id, content: 'or @cleo' }))
    await expect.poll(async () => (await inboxOf(chat, 'bob'))[0]).not.toHaveProperty('body')
    await expect.poll(history).not.toContain('xcanaryx')
    expect(await history()).toContain('ada mentioned you in #general')
    expect(await inboxOf(chat, 'cleo')).toEqual([])
    const { data } = chat.server
    const left = () =>
      readdirSync(data, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .filter(({ parentPath, name }) => readFileSync(join(parentPath, name)).includes('xcanaryx'))
    await expect.poll(left, { timeout: 10_000 }).toEqual([])
  })

  it('reaches nobody who may not read it', async () => {
    const chat = await ChatServer.start({
      features: [...ALL],
      authorize: ({ user, channel }) => !(channel === 'chat:secret' && user === 'bob'),
    })
    const [ada] = await chat.room('secret', 'ada')
    await ada!.say('chat:secret', 'not for @bob')
    await ada!.say('dm:ada,bob', 'but this')
    await expect.poll(async () => (await inboxOf(chat, 'bob')).length).toBe(1)
    expect((await inboxOf(chat, 'bob'))[0]!.kind).toBe('direct')
  })
})

it('killed between the log and the inboxes, tells everybody all the same, once', async () => {
  const data = dataDirectory()
  const auth = { jwt_secret: SECRET }
  const testing = JSON.stringify(new URL('../../testing/index.ts', import.meta.url).href)
  const said: string[] = []
  for (let life = 0; life < 3; life++) {
    // Of one alone, bob would not be told so often.
    const user = `ada${life}`
    const { process, lines, ended } = runModule(`
      import { startTestServer } from ${testing}
      const features = ${JSON.stringify(ALL)}
      const options = { features, data: ${JSON.stringify(data)}, auth: ${JSON.stringify(auth)}, no_limits: true }
      const { url } = await startTestServer(options)
      process.stdout.write(url + '\\n')`)
    onTestFinished(() => void process.kill('SIGKILL'))
    await expect.poll(() => lines, { timeout: 15_000 }).toHaveLength(1)
    const { token } = await issueToken({
      secret: SECRET,
      user,
      ttlMs: 60_000,
      now: Date.now(),
    })
    const ada = await Talker.connect(lines[0]!, user, token)
    const messages = Array.from({ length: 15 }, (_, n) =>
      n % 2 === 0
        ? ada.say('chat:general', `@bob ${life} ${n}`)
        : ada.say(`dm:${user},bob`, `${n}`),
    )
    said.push(...(await Promise.all(messages)).map(({ id }) => id))
    // In the turn in which the log has it: the inbox comes later.
    process.kill('SIGKILL')
    await ended
  }
  const chat = await ChatServer.start({ data, auth, features: [...ALL] })
  await expect
    .poll(async () =>
      (await inboxOf(chat, 'bob')).map(({ data }) => String(data['message_id'])).toSorted(),
    )
    .toEqual(said.toSorted())
}, 60_000)

describe('the files of a message', () => {
  const filesOf = (chat: ChatServer): string[] =>
    readdirSync(join(chat.server.data, 'uploads'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && entry.name !== 'key')
      .map(({ name }) => name)
  const upload = async (chat: ChatServer, user: string): Promise<string> => {
    const headers = { authorization: `Bearer ${await chat.test.token(user)}` }
    const url = `${chat.url}/v1/uploads?name=a.png&channel=chat:general`
    const response = await fetch(url, { method: 'POST', headers, body: PNG as BodyInit })
    return ((await response.json()) as { id: string }).id
  }
  const carrying = (...ids: string[]) => ({
    attachments: ids.map((id) => ({ id, name: 'a.png', type: 'image/png', size: PNG.length })),
  })

  it('go with it when it is deleted, but for those that another message carries', async () => {
    const chat = await ChatServer.start({ features: [...ALL] })
    const [ada, bob] = await chat.room('general', 'ada', 'bob')
    const [one, two, three] = [
      await upload(chat, 'ada'),
      await upload(chat, 'ada'),
      await upload(chat, 'bob'),
    ]
    const first = await ada!.say('chat:general', 'all', carrying(one, two, three))
    const second = await ada!.say('chat:general', 'again', carrying(two))
    // Whoever else names a file of ada's does not keep it.
    await bob!.say('chat:general', 'hers', carrying(one))
    await ada!.publish('chat:general', 'message_delete', { message_id: first.id })
    await expect.poll(() => filesOf(chat).sort()).toEqual([two, three].sort())
    await ada!.publish('chat:general', 'message_delete', { message_id: second.id })
    await expect.poll(() => filesOf(chat)).toEqual([three])
    const { body } = await chat.http('ada', 'GET', `/v1/uploads/${one}`)
    expect(body).toMatchObject({ reason: 'not_found' })
  })

  it('go with it also when a backend or the owner of the room deletes it', async () => {
    const chat = await ChatServer.start({ features: [...ALL] })
    await chat.http('bob', 'POST', '/v1/rooms', { room: 'general', members: ['ada'] })
    const [ada, bob] = await chat.room('general', 'ada', 'bob')
    const file = await upload(chat, 'ada')
    const { id } = await ada!.say('chat:general', 'mine', carrying(file))
    await bob!.publish('chat:general', 'message_delete', { message_id: id })
    await expect.poll(() => filesOf(chat)).toEqual([])
    expect(readFileSync(join(chat.server.data, 'uploads', 'key')).length).toBeGreaterThan(0)
  })
})

describe('members that a backend makes through the channel', () => {
  const path = (room: string, user: string) => `/v1/channels/chat:${room}/members/${user}`

  it('are told of, counted and told themselves, as those who join', async () => {
    const chat = await ChatServer.start()
    const [ada] = await chat.room('general', 'ada')
    const bob = await chat.connect('bob')
    await ada!.say('chat:general', 'before')
    expect((await chat.http(undefined, 'PUT', path('general', 'bob'))).status).toBe(201)
    await ada!.push('user_joined', { room: 'general', user: 'bob', data: { last_read: 1 } })
    await bob.push('user_joined', { room: 'general', user: 'bob' })
    await ada!.say('chat:general', 'after')
    const { channels } = await bob.do('unread_get')
    expect(channels).toMatchObject({ 'chat:general': { unread: 1, last_read: 1 } })
    expect((await chat.http(undefined, 'PUT', path('general', 'bob'))).status).toBe(200)
    await ada!.settle()
    expect(ada!.of('user_joined')).toHaveLength(1)
  })

  it('leave with what they did there: typing and receipts end', async () => {
    const chat = await ChatServer.start()
    await chat.http('ada', 'POST', '/v1/rooms', { room: 'team', private: true, members: ['bob'] })
    const [ada, bob] = await chat.room('team', 'ada', 'bob')
    const { offset } = await ada!.say('chat:team', 'hello')
    await bob!.do('typing_start', { room: 'team' })
    await ada!.push('typing_start', { user: 'bob' })
    await chat.http(undefined, 'DELETE', path('team', 'bob'))
    await ada!.push('user_left', { room: 'team', user: 'bob' })
    await ada!.push('typing_stop', { user: 'bob' })
    await bob!.push('user_left', { room: 'team', user: 'bob' })
    await bob!.push('unsubscribed', { channel: 'chat:team' })
    const told = bob!.frames.map(({ type }) => type)
    expect(told.indexOf('user_left')).toBeLessThan(told.indexOf('unsubscribed'))
    expect(await bob!.refused('mark_read', { channel: 'chat:team', offset })).toMatch(
      /You are not in|may not/,
    )
    const { body } = await chat.http('ada', 'GET', '/v1/rooms/team')
    expect(body).toMatchObject({ member_count: 1, members: [{ user: 'ada' }] })
  })

  it('of a namespace without rooms are none of its business', async () => {
    const chat = await ChatServer.start()
    expect((await chat.http(undefined, 'PUT', '/v1/channels/live:a/members/bob')).status).toBe(201)
  })
})
