import { ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { Tidewire } from '../client.ts'
import { Clients } from '../testing/clients.ts'
import { FakeServer } from '../testing/fake-server.ts'
import { until } from '../testing/until.ts'
import { type Room, room, type RoomOptions } from './index.ts'

const clients = new Clients()
let server: FakeServer
let client: Tidewire

beforeEach(async () => {
  server = await FakeServer.start()
  server.commands.set('join_room', ({ room: name }) => {
    const position = server.logs.position(`chat:${name as string}`)
    const joined = { members: [], member_count: 1, last_read: 0, unread: 0 }
    return { type: 'room_joined', payload: { room: name!, ...position, ...joined } }
  })
  client = clients.make(server, { token: 'ada' })
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

async function joinedRoom(options: RoomOptions = {}): Promise<Room> {
  const general = room(client, 'general', options)
  await general.join()
  return general
}

/** A room with this message of ada. */
async function roomWith(content: string, id: string): Promise<Room> {
  const general = await joinedRoom()
  server.publish('chat:general', 'message', { content }, id, 'ada')
  await until(() => general.snapshot.messages.length === 1)
  return general
}

/** What the server got, in its order: the text of messages, and the type of all else. */
function told(): unknown[] {
  return server.received
    .filter(({ type }) => type.startsWith('message') || type === 'reaction' || type === 'mark')
    .map(({ type, payload }) => (type === 'message' ? payload['content'] : type))
}

function states({ snapshot }: Room): string[] {
  return snapshot.messages.map(({ content, state }) => `${content} ${state}`)
}

/** Tries a message again in the moment in which it fails. */
function retriedOnce(general: Room, content: string, before: () => void): void {
  const off = general.onChange(({ messages }) => {
    const message = messages.find((one) => one.content === content)
    if (message?.state !== 'failed') return
    off()
    before()
    general.retry(message.id)
  })
}

/** Until the server has got everything that was sent before it. */
async function mark(): Promise<void> {
  const marks = (): number => told().filter((one) => one === 'mark').length
  const before = marks()
  void client
    .channel('signal:mark')
    .publish('mark', {})
    .catch(() => undefined)
  await until(() => marks() > before)
}

it('a deletion does not overtake an answer that was sent before it', async () => {
  const general = await roomWith('old', 'm1')
  const first = general.send('first')
  general.send('second', { replyTo: first })
  general.send('third', { replyTo: 'm1' })
  await general.remove('m1')
  expect(told()).toEqual(['first', 'second', 'third', 'message_delete'])
})

it('what is sent after a change to a message that is on its way waits for that, too', async () => {
  const general = await roomWith('old', 'm1')
  const first = general.send('first')
  const changing = [general.edit(first, 'new'), general.react('m1', '👍'), general.remove('m1')]
  general.send('second')
  await Promise.all(changing)
  await until(() => told().length === 5)
  expect(told()).toEqual(['first', 'message_edit', 'reaction', 'message_delete', 'second'])
})

it('nothing waits for an acknowledgement that was lost, once the log has told the message', async () => {
  const general = await joinedRoom()
  server.faults.loseAck = () => true
  const first = general.send('first')
  const second = general.send('second', { replyTo: first })
  general.edit(second, 'new').catch(() => undefined)
  general.send('third')
  await until(() => told().length === 4)
  // What has no answer after 10 s would be there twice.
  expect(told()).toEqual(['first', 'second', 'message_edit', 'third'])
  await until(() => states(general).at(-1) === 'third sent')
  general.send('fourth', { replyTo: second })
  await until(() => told().length === 5)
  expect(told().at(-1)).toBe('fourth')
})

it('no more waits than may wait for the server', async () => {
  const general = await joinedRoom({ maxQueue: 3 })
  server.faults.silent = true
  const first = general.send('first')
  general.send('second', { replyTo: first })
  general.send('third')
  const refused = general.send('fourth')
  const reacting = general.react(first, '👍')
  await expect(reacting).rejects.toMatchObject({ reason: 'queue_full', temporary: true })
  await until(() => states(general).at(-1) === 'fourth failed')
  expect(states(general)).toEqual([
    'first pending',
    'second pending',
    'third pending',
    'fourth failed',
  ])
  expect(general.snapshot.messages.at(-1)?.error).toMatchObject({ reason: 'queue_full' })
  server.faults.silent = false
  server.kick()
  await until(() => states(general).filter((state) => state.endsWith('sent')).length === 3)
  general.retry(refused)
  await until(() => states(general).at(-1) === 'fourth sent')
  expect(told().filter((one, i, all) => all.indexOf(one) === i)).toEqual([
    'first',
    'second',
    'third',
    'fourth',
  ])
})

it('an answer waits for a message that is tried again at once', async () => {
  const general = await joinedRoom()
  server.faults.refusePublish = new ProtocolError('forbidden', 'You may not write here.')
  retriedOnce(general, 'hi', () => {
    server.faults.refusePublish = undefined
    server.faults.silent = true
  })
  const id = general.send('hi')
  await until(() => told().length === 2)
  general.send('answer', { replyTo: id })
  await mark()
  expect(told()).toEqual(['hi', 'hi', 'mark'])
  server.faults.silent = false
  server.kick()
  await until(() => states(general).join() === 'hi sent,answer sent')
})

it('what waits for a message is over with it, also when that is tried again at once', async () => {
  const general = await joinedRoom()
  server.faults.refusePublish = new ProtocolError('forbidden', 'You may not write here.')
  retriedOnce(general, 'second', () => {
    server.faults.refusePublish = undefined
  })
  const first = general.send('first')
  const second = general.send('second', { replyTo: first })
  const editing = general.edit(second, 'edited')
  general.send('third')
  await expect(editing).rejects.toThrow('You may not write here.')
  await until(() => states(general).includes('third sent'))
  await until(() => states(general).includes('second sent'))
  expect(told()).toEqual(['first', 'second', 'third', 'second'])
})

it('what waits is over with the client', async () => {
  const general = await joinedRoom()
  server.faults.silent = true
  const first = general.send('first')
  general.send('second', { replyTo: first })
  const editing = general.edit(first, 'edited')
  await client.close()
  await expect(editing).rejects.toMatchObject({ reason: 'closed' })
  await until(() => general.snapshot.messages.every(({ state }) => state === 'failed'))
})
