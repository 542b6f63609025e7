import type { JsonObject } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Tidewire } from './client.ts'
import { TidewireError } from './errors.ts'
import { Clients, statesOf } from './testing/clients.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'

/** Objects in each other. */
function nested(levels: number): JsonObject {
  return levels === 1 ? {} : { a: nested(levels - 1) }
}

function keys(count: number): JsonObject {
  return Object.fromEntries(Array.from({ length: count }, (_, i) => [`k${i}`, i]))
}

const clients = new Clients()
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
})

afterEach(async () => {
  vi.unstubAllGlobals()
  await clients.close()
  await server.stop()
})

describe('a client', () => {
  it('waits for connect() when it is told to', async () => {
    const client = clients.make(server, { connect: false })
    expect(client.state).toEqual({ name: 'disconnected', reason: 'initial' })
    const published = client.channel('chat:a').publish('message', {})
    expect(client.waiting).toBe(1)
    client.connect()
    await published
  })

  it('works with the WebSocket of the platform', async () => {
    const client = new Tidewire({ url: server.url, transports: ['websocket'] })
    await until(() => client.state.name === 'connected')
    await client.close()
  })

  it('says how to get a WebSocket where there is none', () => {
    vi.stubGlobal('WebSocket', undefined)
    expect(() => new Tidewire({ url: server.url })).toThrow(
      expect.objectContaining({ code: 'unsupported', message: expect.stringContaining('ws') }),
    )
    const client = new Tidewire({ url: server.url, connect: false })
    expect(() => client.connect()).toThrow(TidewireError)
  })

  it.each(['', 'ftp://x', 'localhost:80', '/v1'])('does not take %j as an address', (url) => {
    expect(() => new Tidewire({ url })).toThrow(/Pass `url`/)
  })

  it('gives the same channel for the same name, and none for what is no name', () => {
    const client = clients.make(server)
    expect(client.channel('chat:a')).toBe(client.channel('chat:a'))
    expect(() => client.channel('chat')).toThrow(/not a channel name/)
  })

  it('changes its state object only with its state', async () => {
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    expect(client.state).toBe(client.state)
    const changes: boolean[] = []
    client.on('state', ({ from, to }) => changes.push(from !== to && client.state === to))
    server.kick()
    await until(() => client.state.name === 'connected' && changes.length > 1)
    expect(changes).not.toContain(false)
  })

  it('tries at once when the machine comes online, or connect() is called', async () => {
    const listeners = new Map<string, () => void>()
    vi.stubGlobal('addEventListener', (type: string, fn: () => void) => listeners.set(type, fn))
    vi.stubGlobal('removeEventListener', (type: string) => listeners.delete(type))
    const client = clients.make(server, { backoff: { minMs: 1e9, maxMs: 1e9 } })
    await until(() => client.state.name === 'connected')
    for (const wake of [() => listeners.get('online')?.(), () => client.connect()]) {
      server.kick()
      await until(() => client.state.name === 'reconnecting')
      wake()
      await until(() => client.state.name === 'connected')
    }
    await client.close()
    expect(listeners.size).toBe(0)
  })

  it('comes back when a server that shuts down asked for it', async () => {
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    const states = statesOf(client)
    server.say('server_shutdown', { reconnect_in_ms: 30_000 })
    server.kick(1012)
    await until(() => states.length > 0)
    expect(states[0]).toMatchObject({ name: 'reconnecting', reason: 'server_shutdown' })
    const { retryAt } = states[0] as { retryAt: number }
    expect(retryAt - Date.now()).toBeGreaterThan(20_000)
  })

  it('does not come back after close(), and rejects what waits', async () => {
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    server.faults.silent = true
    const waiting = [
      client.channel('chat:a').publish('message', {}),
      client.channel('chat:a').history(),
      client.channel('chat:a').subscribe(),
    ]
    await client.close()
    for (const promise of waiting) await expect(promise).rejects.toMatchObject({ code: 'closed' })
    await expect(client.channel('chat:a').publish('message', {})).rejects.toMatchObject({
      code: 'closed',
    })
    await until(() => server.connections === 0)
    expect(client.state).toEqual({ name: 'disconnected', reason: 'closed' })
  })

  it('answers calls of the server', async () => {
    const client = clients.make(server)
    client.handle('double', (args) => (args as { n: number }).n * 2)
    client.handle('fail', () => {
      throw new Error('broken')
    })
    await until(() => client.state.name === 'connected')
    const results = (): unknown[] =>
      server.received
        .filter(({ type }) => type === 'result')
        .map(({ payload, metadata }) => [metadata.correlation_id, payload])
    for (const method of ['double', 'fail', 'unknown']) {
      const payload = { method, args: { n: 21 }, timeout_ms: 1000 }
      server.say('call', payload, { message_id: method })
    }
    await until(() => results().length === 3)
    expect(results()).toEqual(
      expect.arrayContaining([
        ['double', { value: 42 }],
        ['fail', { error: 'broken' }],
        ['unknown', { error: 'This client has no method "unknown".' }],
      ]),
    )
    expect(() => client.handle('double', () => 1)).toThrow(/already/)
  })

  it('hears what its listeners throw, and goes on', async () => {
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const errors: TidewireError[] = []
    client.on('error', (error) => errors.push(error))
    const heard: unknown[] = []
    channel.on('message', () => {
      throw new Error('listener')
    })
    channel.on('message', ({ payload }) => heard.push(payload))
    await channel.subscribe()
    server.publish('chat:a', 'message', { n: 1 })
    server.publish('chat:a', 'message', { n: 2 })
    await until(() => heard.length === 2)
    expect(errors.map(({ code }) => code)).toEqual(['listener_failed', 'listener_failed'])
    expect(errors[0]?.cause).toMatchObject({ message: 'listener' })
  })

  it('stops listening by the returned function and by signal', async () => {
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const abort = new AbortController()
    const heard: string[] = []
    const off = channel.on('*', () => heard.push('off'))
    channel.on('*', () => heard.push('signal'), { signal: abort.signal })
    channel.on('message', () => heard.push('stays'))
    await channel.subscribe()
    off()
    abort.abort()
    server.publish('chat:a', 'message', {})
    await until(() => heard.includes('stays'))
    expect(heard).toEqual(['stays'])
  })

  it('takes event names for what they are, also those of Object.prototype', async () => {
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const types: string[] = []
    channel.on('*', ({ type }) => types.push(type))
    await channel.subscribe()
    await channel.publish('constructor', {})
    await until(() => types.length === 1)
    expect(types).toEqual(['constructor'])
  })

  it('does not publish what no server takes', async () => {
    const channel = clients.make(server).channel('chat:a')
    for (const type of ['subscribe', 'Message', '']) {
      await expect(channel.publish(type, {})).rejects.toMatchObject({ code: 'invalid_argument' })
    }
    const loop: Record<string, never> = {}
    Object.assign(loop, { loop })
    await expect(channel.publish('message', loop)).rejects.toMatchObject({
      code: 'invalid_argument',
    })
  })

  it.each([
    ['a payload of 70 levels', nested(70), {}],
    ['a payload of 1,500 keys', keys(1500), {}],
    ['a text as payload', 'text', {}],
    ['a list as payload', [1], {}],
    ['null as payload', null, {}],
    ['an empty message id', {}, { messageId: '' }],
    ['a message id of 500 characters', {}, { messageId: 'x'.repeat(500) }],
    ['a message id with a line break', {}, { messageId: 'a\nb' }],
  ])('does not publish %s', async (_, payload, options) => {
    const channel = clients.make(server).channel('chat:a')
    const published = channel.publish('message', payload as JsonObject, options)
    await expect(published).rejects.toMatchObject({ code: 'invalid_argument' })
    expect(server.received.filter(({ type }) => type === 'message')).toEqual([])
  })

  it('publishes what just fits, also into the limits that the server told', async () => {
    const client = clients.make(server, { connect: false })
    const channel = client.channel('chat:a')
    // Type, payload, metadata, message id and channel are keys, too.
    const fitting = [channel.publish('message', nested(64)), channel.publish('message', keys(995))]
    await expect(channel.publish('message', nested(65))).rejects.toThrow(/64 levels/)
    await expect(channel.publish('message', keys(996))).rejects.toThrow(/1000 keys/)
    server.limits = { max_depth: 2, max_keys: 10 }
    client.connect()
    await Promise.all(fitting)
    await expect(channel.publish('message', nested(3))).rejects.toThrow(/2 levels/)
    await expect(channel.publish('message', keys(6))).rejects.toThrow(/10 keys/)
  })

  it('rejects a message that is too large and keeps its connection', async () => {
    server.limits = { max_frame_bytes: 1000 }
    const client = clients.make(server, { connect: false })
    const channel = client.channel('chat:a')
    const states = statesOf(client)
    // One of them before the limit is known; 400 characters of 3 bytes are too many, too.
    const early = channel.publish('message', { content: 'x'.repeat(1000) })
    client.connect()
    await expect(early).rejects.toMatchObject({ code: 4005, temporary: false })
    const wide = channel.publish('message', { content: '€'.repeat(400) })
    await expect(wide).rejects.toMatchObject({
      code: 4005,
      message: expect.stringContaining('1000 bytes'),
    })
    await channel.publish('message', { content: 'x'.repeat(400) })
    expect(states.map(({ name }) => name)).toEqual(['connecting', 'connected'])
  })

  it('rejects a subscribe after its end, and starts the stream with the next connect()', async () => {
    const client = clients.make(server)
    await client.close()
    const channel = client.channel('chat:a')
    await expect(channel.subscribe()).rejects.toMatchObject({ code: 'closed' })
    client.connect()
    await until(() => channel.state.name === 'subscribed')

    server.faults.refusedTokens.add('forged')
    const failing = clients.make(server, { token: 'forged' })
    await until(() => failing.state.name === 'failed')
    const refused = failing.channel('chat:a').subscribe()
    await expect(refused).rejects.toMatchObject({ reason: 'authentication_failed' })
  })

  it('publishes what the payload was at the time of the call', async () => {
    const client = clients.make(server, { connect: false })
    const payload = { n: 1 }
    const published = client.channel('chat:a').publish('message', payload)
    payload.n = 2
    client.connect()
    await published
    expect(server.logs.of('chat:a').entries[0]?.payload).toEqual({ n: 1 })
  })

  it('iterates over the publications of a channel until it is aborted', async () => {
    const channel = clients.make(server).channel('chat:a')
    const abort = new AbortController()
    const messages = channel.messages({ signal: abort.signal })
    await channel.subscribe()
    for (let n = 1; n <= 3; n++) server.publish('chat:a', 'message', { n })
    const read: unknown[] = []
    for await (const { payload } of messages) {
      read.push(payload['n'])
      if (read.length === 3) abort.abort()
    }
    expect(read).toEqual([1, 2, 3])
  })

  it('gives up waiting by signal and timeout', async () => {
    server.faults.silent = true
    const channel = clients.make(server).channel('chat:a')
    await expect(channel.subscribe({ timeout: 1 })).rejects.toMatchObject({ code: 'timeout' })
    expect(channel.state).toEqual({ name: 'unsubscribed' })
    const signal = AbortSignal.abort()
    await expect(channel.subscribe({ signal })).rejects.toMatchObject({ code: 'aborted' })
    await expect(channel.publish('message', {}, { signal })).rejects.toMatchObject({
      code: 'aborted',
    })
    await expect(channel.history({ timeout: 1 })).rejects.toMatchObject({ code: 'timeout' })
  })

  it('keeps a subscription that another call still waits for', async () => {
    const client = clients.make(server, { connect: false })
    const channel = client.channel('chat:a')
    const impatient = channel.subscribe({ timeout: 1 })
    const patient = channel.subscribe()
    await expect(impatient).rejects.toMatchObject({ code: 'timeout' })
    client.connect()
    expect(await patient).toMatchObject({ recovered: false })
  })

  it('survives a listener that unsubscribes in the middle of a change', async () => {
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const states: string[] = []
    channel.onState(({ name }) => {
      states.push(name)
      if (name === 'subscribed') void channel.unsubscribe()
    })
    await channel.subscribe()
    await until(() => channel.state.name === 'unsubscribed')
    expect(states).toEqual(['subscribing', 'subscribed', 'unsubscribed'])
  })
})
