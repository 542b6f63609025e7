import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Clients } from '../testing/clients.ts'
import { FakeServer } from '../testing/fake-server.ts'
import { FakeTimers } from '../testing/fake-timers.ts'
import { until } from '../testing/until.ts'
import { type Unread, unread, type UnreadOptions } from './index.ts'

const clients = new Clients()
let server: FakeServer
let counts: JsonObject
let timers: FakeTimers

beforeEach(async () => {
  server = await FakeServer.start()
  timers = new FakeTimers()
  counts = { 'chat:a': { unread: 3, mentions: 1, last_read: 2, offset: 0 } }
  server.commands.set('unread_get', () => {
    return { type: 'unread_state', payload: { channels: counts } }
  })
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

function asked(): JsonObject[] {
  return server.received.filter(({ type }) => type === 'unread_get').map(({ payload }) => payload)
}

async function counted(options: UnreadOptions = {}): Promise<Unread> {
  const client = clients.make(server, { token: 'ada' })
  const made = unread(client, { timers, ...options })
  await until(() => client.state.name === 'connected')
  made.open()
  timers.advance(0)
  await until(() => !made.snapshot.loading)
  return made
}

describe('what is unread', () => {
  it('is what the server counted, and what came after that', async () => {
    counts = { ...counts, 'dm:ada,bob': { unread: 1, mentions: 0, last_read: 0, offset: 1 } }
    const made = await counted()
    expect(made.snapshot).toMatchObject({ unread: 4, mentions: 1, error: undefined })
    await until(() => server.received.filter(({ type }) => type === 'subscribe').length === 2)
    server.publish('dm:ada,bob', 'message', { content: 'counted' }, undefined, 'bob')
    server.publish('chat:a', 'message', { content: 'own' }, undefined, 'ada')
    server.publish('chat:a', 'reaction', { message_id: 'm', emoji: '👍' }, undefined, 'bob')
    server.publish('chat:a', 'message', { content: '', mentions: ['ada'] }, undefined, 'bob')
    await until(() => made.snapshot.unread === 5)
    expect(made.snapshot.channels['chat:a']).toEqual({ unread: 4, mentions: 2, lastRead: 2 })
    expect(made.snapshot.channels['dm:ada,bob']?.unread).toBe(1)
  })

  it('leaves the counts of the other channels as they are', async () => {
    counts = { ...counts, 'dm:ada,bob': { unread: 1, mentions: 0, last_read: 0, offset: 0 } }
    const made = await counted()
    await until(() => server.received.filter(({ type }) => type === 'subscribe').length === 2)
    const { channels } = made.snapshot
    server.publish('chat:a', 'message', { content: 'hi' }, undefined, 'bob')
    await until(() => made.snapshot.unread === 5)
    expect(made.snapshot.channels['dm:ada,bob']).toBe(channels['dm:ada,bob'])
    expect(made.snapshot.channels['chat:a']).toEqual({ unread: 4, mentions: 1, lastRead: 2 })
  })

  it('is counted here up to 500 messages of a channel, then by the server as soon as it can', async () => {
    counts = { ...counts, 'chat:last': { unread: 0, mentions: 0, last_read: 0, offset: 0 } }
    const made = await counted()
    await until(() => server.received.filter(({ type }) => type === 'subscribe').length === 2)
    server.commands.set('unread_get', () => {
      throw new ProtocolError('unavailable', 'Not now.')
    })
    for (let n = 0; n < 600; n += 1) {
      server.publish('chat:a', 'message', { content: 'hi' }, undefined, 'bob')
    }
    server.publish('chat:last', 'message', { content: 'hi' }, undefined, 'bob')
    await until(() => made.snapshot.channels['chat:last']?.unread === 1)
    expect(made.snapshot.channels['chat:a']?.unread).toBe(3 + 500)
    timers.advance(300)
    await until(() => made.snapshot.error !== undefined)
    server.commands.set('unread_get', () => {
      const told = { unread: 602, mentions: 1, last_read: 2, offset: 600 }
      return { type: 'unread_state', payload: { channels: { 'chat:a': told } } }
    })
    timers.advance(5000)
    await until(() => made.snapshot.channels['chat:a']?.unread === 602)
  })

  it('keeps nothing of a room that was left', async () => {
    const made = await counted()
    await until(() => server.received.some(({ type }) => type === 'subscribe'))
    server.publish('chat:a', 'message', { content: 'hi' }, undefined, 'bob')
    await until(() => made.snapshot.unread === 4)
    counts = {}
    made.recount()
    timers.advance(300)
    await until(() => made.snapshot.unread === 0)
    // Its log began anew meanwhile.
    counts = { 'chat:a': { unread: 1, mentions: 0, last_read: 0, offset: 0 } }
    made.recount()
    timers.advance(300)
    await until(() => made.snapshot.channels['chat:a'] !== undefined)
    expect(made.snapshot.unread).toBe(1)
  })

  it('is asked for again when it became doubtful while it was asked for', async () => {
    const made = await counted()
    await until(() => server.received.some(({ type }) => type === 'subscribe'))
    // An answer that takes its time.
    server.commands.set('unread_get', () => undefined)
    made.recount('chat:a')
    timers.advance(300)
    await until(() => asked().length === 2)
    made.recount('chat:a')
    timers.advance(300)
    server.commands.set('unread_get', () => {
      const channels = { 'chat:a': { unread: 9, mentions: 0, last_read: 0, offset: 0 } }
      return { type: 'unread_state', payload: { channels } }
    })
    const late = server.received.findLast(({ type }) => type === 'unread_get')
    const { message_id: correlation_id = '' } = late?.metadata ?? {}
    server.say('unread_state', { channels: counts }, { correlation_id })
    await until(() => timers.pending > 1)
    timers.advance(300)
    await until(() => made.snapshot.unread === 9)
  })

  it('is asked for again once, when several things made it doubtful', async () => {
    const made = await counted()
    await until(() => server.received.some(({ type }) => type === 'subscribe'))
    const before = asked().length
    const receipt = { channel: 'chat:a', user: 'ada', offset: 4, at: '' }
    for (let n = 0; n < 5; n += 1) server.push('read_receipt', receipt)
    server.push('read_receipt', { ...receipt, user: 'bob' })
    server.publish('chat:a', 'message_delete', { message_id: 'm' }, undefined, 'bob')
    server.publish('chat:a', 'message', { content: 'last' }, undefined, 'bob')
    await until(() => made.snapshot.unread === 4)
    counts = { 'chat:a': { unread: 0, mentions: 0, last_read: 4, offset: 2 } }
    timers.advance(300)
    await until(() => made.snapshot.unread === 0)
    expect(asked()).toHaveLength(before + 1)
    expect(asked().at(-1)).toEqual({ channels: ['chat:a'] })
  })

  it('says why it cannot be counted, and tries again when that may help', async () => {
    const refusals = [new ProtocolError('unavailable', 'Not now.')]
    server.commands.set('unread_get', () => {
      const refusal = refusals.shift()
      if (refusal !== undefined) throw refusal
      return { type: 'unread_state', payload: { channels: counts } }
    })
    const made = await counted()
    expect(made.snapshot).toMatchObject({ unread: 0, error: { reason: 'unavailable' } })
    timers.advance(5000)
    await until(() => made.snapshot.unread === 3)
    expect(made.snapshot.error).toBeUndefined()
  })

  it('leaves out what this user is not in any more', async () => {
    const made = await counted()
    server.commands.set('unread_get', ({ channels }) => {
      if (channels !== undefined) throw new ProtocolError('forbidden', 'You are not in it.')
      return { type: 'unread_state', payload: { channels: {} } }
    })
    made.recount('chat:a')
    timers.advance(300)
    await until(() => made.snapshot.error !== undefined)
    timers.advance(300)
    await until(() => made.snapshot.unread === 0)
    expect(made.snapshot).toMatchObject({ channels: {}, error: undefined })
    await until(() => server.received.some(({ type }) => type === 'unsubscribe'))
  })

  it('follows a hundred channels, and the others with each question', async () => {
    counts = Object.fromEntries(
      Array.from({ length: 120 }, (_, n) => [`chat:${n}`, { unread: 1, offset: 0 }]),
    )
    const made = await counted()
    expect(made.snapshot.unread).toBe(120)
    await until(() => server.received.filter(({ type }) => type === 'subscribe').length >= 100)
    made.recount()
    timers.advance(300)
    await until(() => asked().length === 2)
    expect(server.received.filter(({ type }) => type === 'subscribe')).toHaveLength(100)
  })

  it('leaves nothing behind when it is closed', async () => {
    const made = await counted()
    made.close()
    expect(timers.pending).toBe(0)
    await until(() => server.received.some(({ type }) => type === 'unsubscribe'))
    server.kick()
    const client = asked().length
    timers.advance(100_000)
    expect(asked()).toHaveLength(client)
  })
})
