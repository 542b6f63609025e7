import type { JsonObject } from '@tidewire/protocol'
import { ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Tidewire } from '../client.ts'
import { Clients } from '../testing/clients.ts'
import { FakeServer } from '../testing/fake-server.ts'
import { until } from '../testing/until.ts'
import type { TidewireOptions } from '../types.ts'
import { type Room, room, type RoomOptions } from './index.ts'

const FILE = { id: 'f1', name: 'a.png', type: 'image/png', size: 1 }

const clients = new Clients()
let server: FakeServer
/** What the server answers to `join_room`. */
let joined: JsonObject

beforeEach(async () => {
  server = await FakeServer.start()
  joined = { members: [{ user: 'ada', last_read: 0 }], member_count: 1, last_read: 0, unread: 0 }
  server.commands.set('join_room', ({ room: name }) => {
    const position = server.logs.position(`chat:${name as string}`)
    return { type: 'room_joined', payload: { room: name!, ...position, ...joined } }
  })
  for (const type of ['typing_start', 'typing_stop', 'mark_read', 'leave_room']) {
    server.commands.set(type, () => ({ type: 'ack', payload: {} }))
  }
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

function connect(options: TidewireOptions = {}): Tidewire {
  return clients.make(server, { token: 'ada', ...options })
}

async function joinedRoom(options: RoomOptions = {}): Promise<Room> {
  const general = room(connect(), 'general', options)
  await general.join()
  return general
}

function sent(type: string): JsonObject[] {
  return server.received.filter((frame) => frame.type === type).map(({ payload }) => payload)
}

function contents({ snapshot }: Room): string[] {
  return snapshot.messages.map(({ content }) => content)
}

function say(content: string, id?: string, user = 'bob'): void {
  server.publish('chat:general', 'message', { content }, id, user)
}

describe('a room', () => {
  it('brings its newest messages, and those that come', async () => {
    for (let n = 1; n <= 8; n += 1) say(`${n}`)
    const general = room(connect(), 'general', { pageSize: 3 })
    expect(general.snapshot).toMatchObject({ status: 'left', messages: [], loading: false })
    const joining = general.join()
    expect(general.snapshot).toMatchObject({ status: 'joining', loading: true })
    await joining
    await until(() => general.snapshot.messages.length > 0)
    expect(contents(general)).toEqual(['6', '7', '8'])
    expect(general.snapshot).toMatchObject({ status: 'joined', loading: false, hasMore: true })
    say('9')
    await until(() => contents(general).at(-1) === '9')
    await general.loadMore()
    await general.loadMore()
    expect(contents(general)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(general.snapshot.hasMore).toBe(false)
  })

  it('reads on until there are messages, where reactions fill the newest pages', async () => {
    say('hello', 'm1')
    for (let n = 0; n < 7; n += 1) {
      const reaction = { message_id: 'm1', emoji: `${n}` }
      server.publish('chat:general', 'reaction', reaction, undefined, 'bob')
    }
    const general = await joinedRoom({ pageSize: 2 })
    await until(() => general.snapshot.messages.length > 0)
    expect(general.snapshot.messages[0]?.reactions).toHaveLength(7)
  })

  it('shows an own message at once, once, and as sent when the log has it', async () => {
    const general = await joinedRoom()
    const id = general.send('hi', { replyTo: 'm0', attachments: [FILE] })
    expect(general.snapshot.messages).toMatchObject([{ id, state: 'pending', content: 'hi' }])
    await until(() => general.snapshot.messages[0]?.offset === 1)
    expect(general.snapshot.messages).toMatchObject([
      { id, state: 'sent', replyTo: 'm0', attachments: [FILE] },
    ])
  })

  it('keeps a message that was refused, to be sent again under its id, or discarded', async () => {
    const general = await joinedRoom()
    server.faults.refusePublish = new ProtocolError('forbidden', 'You may not write here.')
    const id = general.send('hi')
    const other = general.send('ho')
    await until(() => general.snapshot.messages.every(({ state }) => state === 'failed'))
    expect(general.snapshot.messages[0]?.error?.code).toBe(4011)
    server.faults.refusePublish = undefined
    general.discard(other)
    general.retry(id)
    await until(() => general.snapshot.messages[0]?.state === 'sent')
    expect(general.snapshot.messages.map((message) => message.id)).toEqual([id])
  })

  it('shows edits, deletes and reactions as the log delivers them', async () => {
    const general = await joinedRoom()
    say('helo', 'm1', 'ada')
    say('oops', 'm2', 'ada')
    await general.edit('m1', 'hello')
    await general.remove('m2')
    await general.react('m1', '👍')
    await until(() => general.snapshot.messages[0]?.reactions.length === 1)
    expect(general.snapshot.messages).toMatchObject([
      { content: 'hello', edited: true, reactions: [{ emoji: '👍' }] },
      { content: '', deleted: true },
    ])
    await general.react('m1', '👍', { remove: true })
    await until(() => general.snapshot.messages[0]?.reactions.length === 0)
  })

  it('shows what its user does to a message at once, and undoes what is refused', async () => {
    const general = await joinedRoom()
    say('helo', 'm1', 'ada')
    await until(() => contents(general).length === 1)
    const editing = general.edit('m1', 'hello')
    expect(general.snapshot.messages).toMatchObject([{ content: 'hello', edited: true }])
    await editing
    const reacting = general.react('m1', '👍')
    expect(general.snapshot.messages[0]?.reactions).toEqual([{ emoji: '👍', users: ['ada'] }])
    await reacting
    server.faults.refusePublish = new ProtocolError('forbidden', 'You may not do that.')
    const removing = general.remove('m1')
    expect(general.snapshot.messages).toMatchObject([{ content: '', deleted: true }])
    await expect(removing).rejects.toThrow('You may not do that.')
    expect(general.snapshot.messages).toMatchObject([{ content: 'hello', deleted: false }])
  })

  it('changes a message that is on its way when it is there, and answers to it wait as well', async () => {
    const general = await joinedRoom()
    const id = general.send('helo')
    const editing = general.edit(id, 'hello')
    general.send('yes', { replyTo: id })
    expect(contents(general)).toEqual(['hello', 'yes'])
    await editing
    await until(() => general.snapshot.messages[1]?.offset !== undefined)
    expect(contents(general)).toEqual(['hello', 'yes'])
    server.faults.refusePublish = new ProtocolError('forbidden', 'You may not write here.')
    const refused = general.send('no')
    await expect(general.edit(refused, 'yes')).rejects.toThrow('You may not write here.')
    expect(sent('message_edit')).toEqual([{ message_id: id, content: 'hello' }])
    expect(contents(general).at(-1)).toBe('no')
  })

  it('sends in the order in which its user did, whatever waits for what', async () => {
    const general = await joinedRoom()
    say('old', 'm1', 'ada')
    await until(() => contents(general).length === 1)
    const editing = general.edit('m1', 'new')
    const first = general.send('first')
    const second = general.send('second', { replyTo: first })
    general.send('third')
    await editing
    await until(() => general.snapshot.messages.every(({ offset }) => offset !== undefined))
    expect(general.snapshot.messages[2]).toMatchObject({ id: second, replyTo: first })
    expect(contents(general)).toEqual(['new', 'first', 'second', 'third'])
    const types = server.received.map(({ type }) => type)
    expect(types.indexOf('message_edit')).toBeLessThan(types.indexOf('message'))
  })

  it('is joined again after a lost connection, from where it stood', async () => {
    const general = await joinedRoom()
    say('one')
    await until(() => contents(general).length === 1)
    server.kick()
    await until(() => general.snapshot.status === 'joining')
    say('two')
    await until(() => general.snapshot.status === 'joined')
    await until(() => contents(general).length === 2)
    expect(contents(general)).toEqual(['one', 'two'])
    expect(sent('join_room')[1]).toMatchObject({ room: 'general', since: { offset: 1 } })
  })

  it('shows what it had until the newest page comes, when the stream could not go on', async () => {
    const general = await joinedRoom({ pageSize: 2 })
    say('one')
    await until(() => contents(general).length === 1)
    const seen: string[][] = []
    general.onChange(() => seen.push(contents(general)))
    server.kick()
    for (const content of ['two', 'three', 'four']) say(content)
    server.logs.trim('chat:general', 2)
    await until(() => contents(general).at(-1) === 'four')
    expect(contents(general)).toEqual(['three', 'four'])
    expect(seen).not.toContainEqual([])
  })

  it('rejects with what it was refused for, and may be tried again', async () => {
    const refusal = new ProtocolError('forbidden', 'Only members may join.')
    server.commands.set('join_room', () => {
      throw refusal
    })
    const general = room(connect(), 'general')
    await expect(general.join()).rejects.toMatchObject({ code: 4011 })
    expect(general.snapshot).toMatchObject({ status: 'left', error: { code: 4011 } })
    server.commands.set('join_room', () => ({ type: 'room_joined', payload: joined }))
    await general.join()
    expect(general.snapshot).toMatchObject({ status: 'joined', error: undefined })
  })

  it('is left with the reason when the right to it ends', async () => {
    const general = await joinedRoom()
    server.forbid('chat:general', new ProtocolError('forbidden', 'You were removed.'))
    await until(() => general.snapshot.status === 'left')
    expect(general.snapshot.error?.message).toBe('You were removed.')
  })

  it('goes on where it stood when it is left and joined again', async () => {
    const general = await joinedRoom()
    say('one')
    await until(() => contents(general).length === 1)
    await general.leave()
    expect(general.snapshot.status).toBe('left')
    expect(sent('leave_room')).toEqual([{ room: 'general' }])
    say('two')
    await general.join()
    await until(() => contents(general).length === 2)
    await general.close()
    expect(sent('leave_room')).toHaveLength(1)
  })

  it('comes back when another user of the channel ends its stream', async () => {
    const general = await joinedRoom()
    say('one')
    await until(() => contents(general).length === 1)
    await general.channel.unsubscribe()
    say('two')
    await until(() => contents(general).length === 2)
    expect(general.snapshot.status).toBe('joined')
  })

  it('begins anew with another life of the log', async () => {
    const general = await joinedRoom()
    for (const content of ['one', 'two']) say(content)
    await until(() => contents(general).length === 2)
    general.markRead()
    server.kick()
    server.logs.wipe('chat:general')
    say('new')
    await until(() => contents(general).includes('new') && general.snapshot.status === 'joined')
    expect(contents(general)).toEqual(['new'])
    expect(general.snapshot).toMatchObject({ lastRead: 0, unread: 1 })
  })

  it('is read without members where the transport carries no commands', async () => {
    for (const transport of ['sse', 'poll'] as const) {
      say('hi')
      const general = room(connect({ transports: [transport] }), 'general')
      await general.join()
      await until(() => general.snapshot.messages.length > 0)
      expect(general.snapshot).toMatchObject({ status: 'reading', members: [] })
      await general.close()
    }
  })

  it('does not wait for a client that is closed', async () => {
    const client = connect()
    await client.close()
    await expect(room(client, 'general').join()).rejects.toMatchObject({ code: 'closed' })
  })

  it('keeps its snapshot until something changes', async () => {
    const general = await joinedRoom()
    const { snapshot } = general
    server.push('typing_start', { room: 'other', user: 'bob' })
    server.push('typing_start', { room: 'general', user: 'bob' })
    await until(() => general.snapshot !== snapshot)
    expect(general.snapshot.messages).toBe(snapshot.messages)
    expect(general.snapshot.members).toBe(snapshot.members)
  })
})

describe('the people of a room', () => {
  it('are those that the server tells of, as they come and go', async () => {
    const general = await joinedRoom()
    expect(general.snapshot).toMatchObject({ members: ['ada'], memberCount: 1 })
    server.push('user_joined', { room: 'general', user: 'bob', data: {} })
    await until(() => general.snapshot.memberCount === 2)
    expect(general.snapshot.members).toEqual(['ada', 'bob'])
    server.push('user_left', { room: 'general', user: 'bob' })
    await until(() => general.snapshot.memberCount === 1)
  })

  it('type until they stop, or have sent what they typed', async () => {
    const general = await joinedRoom()
    for (const user of ['cyd', 'bob', 'ada']) server.push('typing_start', { room: 'general', user })
    await until(() => general.snapshot.typing.length === 2)
    expect(general.snapshot.typing).toEqual(['bob', 'cyd'])
    server.push('typing_stop', { room: 'general', user: 'cyd' })
    await until(() => general.snapshot.typing.length === 1)
    server.kick()
    await until(() => general.snapshot.typing.length === 0)
  })

  it('are told of own typing once, and that it is over with the message', async () => {
    const general = await joinedRoom()
    general.startTyping()
    general.startTyping()
    general.send('hi')
    await until(() => sent('typing_stop').length === 1)
    expect(sent('typing_start')).toEqual([{ room: 'general' }])
  })

  it('have read what their receipts say, which only move forward', async () => {
    const general = await joinedRoom()
    const receipt = (user: string, offset: number): void =>
      server.push('read_receipt', { channel: 'chat:general', user, offset, at: '' })
    receipt('bob', 5)
    receipt('bob', 3)
    receipt('cyd', 1)
    await until(() => general.snapshot.receipts['cyd'] === 1)
    expect(general.snapshot.receipts).toEqual({ bob: 5, cyd: 1 })
  })
})

describe('what is unread', () => {
  it('is counted by the server before the window and here within it', async () => {
    for (let n = 0; n < 6; n += 1) say('old')
    joined = { ...joined, last_read: 1, unread: 5 }
    const general = await joinedRoom({ pageSize: 2 })
    await until(() => general.snapshot.messages.length > 0)
    expect(general.snapshot.unread).toBe(5)
    say('new')
    await until(() => general.snapshot.unread === 6)
    general.markRead(6)
    expect(general.snapshot).toMatchObject({ lastRead: 6, unread: 1 })
    general.markRead()
    expect(general.snapshot).toMatchObject({ lastRead: 7, unread: 0 })
    general.markRead(3)
    expect(general.snapshot.lastRead).toBe(7)
    await until(() => sent('mark_read').length > 0)
    expect(sent('mark_read')).toEqual([{ channel: 'chat:general', offset: 6 }])
  })

  it('is read on other devices, too', async () => {
    for (let n = 0; n < 3; n += 1) say('old')
    joined = { ...joined, unread: 3 }
    const general = await joinedRoom()
    await until(() => general.snapshot.messages.length > 0)
    server.push('read_receipt', { channel: 'chat:general', user: 'ada', offset: 2, at: '' })
    await until(() => general.snapshot.unread === 1)
    expect(sent('mark_read')).toEqual([])
  })
})
