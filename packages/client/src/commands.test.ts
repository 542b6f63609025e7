import { ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Clients } from './testing/clients.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'

const clients = new Clients()
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

describe('commands of features', () => {
  it('are answered with the payload of their answer, whatever its type is', async () => {
    server.commands.set('presence_get', ({ channel }) => {
      return { type: 'presence_state', payload: { channel: channel ?? null, members: [] } }
    })
    server.commands.set('mark_read', () => ({ type: 'ack', payload: {} }))
    const client = clients.make(server)
    const members = await client.request('presence_get', { channel: 'chat:a' })
    expect(members).toEqual({ channel: 'chat:a', members: [] })
    expect(await client.request('mark_read')).toEqual({})
  })

  it('wait for the connection and are sent again after one is lost', async () => {
    let asked = 0
    server.commands.set('unread_get', () => {
      asked += 1
      if (asked > 1) return { type: 'unread_state', payload: { asked } }
      server.kick()
      return undefined
    })
    const client = clients.make(server, { connect: false })
    const answer = client.request('unread_get')
    client.connect()
    expect(await answer).toEqual({ asked: 2 })
  })

  it('reject with what the server refused them for, and end with signal, timeout and client', async () => {
    const client = clients.make(server)
    server.commands.set('join_room', () => {
      throw new ProtocolError('forbidden', 'Only members may join.')
    })
    await expect(client.request('join_room')).rejects.toMatchObject({ code: 4011 })
    server.commands.set('join_room', () => undefined)
    await expect(client.request('join_room', {}, { timeout: 1 })).rejects.toMatchObject({
      code: 'timeout',
      temporary: true,
    })
    const signal = AbortSignal.abort()
    await expect(client.request('join_room', {}, { signal })).rejects.toMatchObject({
      code: 'aborted',
    })
    const waiting = client.request('join_room')
    await client.close()
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    await expect(client.request('join_room')).rejects.toMatchObject({ code: 'closed' })
  })

  it('are not sent when they are no JSON, and do not stand in the way of the others', async () => {
    server.commands.set('follow', () => ({ type: 'ack', payload: {} }))
    const client = clients.make(server)
    const circle: Record<string, never> = {}
    circle['self'] = circle as never
    await expect(client.request('follow', circle)).rejects.toThrow(TypeError)
    await client.request('follow')
    expect(server.received).toHaveLength(1)
  })

  it('reject for the time being over what carries none', async () => {
    for (const transport of ['sse', 'poll'] as const) {
      const client = clients.make(server, { transports: [transport] })
      await expect(client.request('join_room')).rejects.toMatchObject({
        reason: 'unavailable',
        temporary: true,
      })
    }
  })
})

describe('frames that are no publications', () => {
  it('come to the listeners of frames, and answers and publications do not', async () => {
    server.commands.set('status_get', () => ({ type: 'status_state', payload: {} }))
    const client = clients.make(server)
    const heard: string[] = []
    client.on('frame', ({ type }) => heard.push(type))
    await client.channel('chat:a').subscribe()
    await client.request('status_get')
    server.publish('chat:a', 'message', { content: 'hi' })
    server.push('user_joined', { room: 'a', user: 'ada' })
    await until(() => heard.length > 0)
    expect(heard).toEqual(['user_joined'])
  })
})
