import { ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Clients, Reader, statesOf } from './testing/clients.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'

const clients = new Clients()
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
})

afterEach(async () => {
  vi.useRealTimers()
  await clients.close()
  await server.stop()
})

/** Moves time while it waits, so that nothing takes as long as it says. */
async function untilLater(condition: () => boolean): Promise<void> {
  await until(() => {
    if (condition()) return true
    vi.advanceTimersByTime(50)
    return false
  })
}

describe('the choice of a transport', () => {
  it('is WebSocket where that works', async () => {
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ transport: 'websocket' })
  })

  it('falls back to an event stream behind a proxy that refuses upgrades', async () => {
    server.faults.upgrade = 'refused'
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    expect(client.state).toMatchObject({ transport: 'sse' })
    await channel.publish('message', { n: 1 })
    await until(() => reader.publications.length === 1)
  })

  it('stays with what worked when the connection is lost', async () => {
    server.faults.upgrade = 'refused'
    const client = clients.make(server)
    await client.channel('chat:a').subscribe()
    const states = statesOf(client)
    server.kick()
    await until(() => states.at(-1)?.name === 'connected')
    // It waits, it tries, it is there.
    expect(states.map(({ name }) => name)).toEqual(['reconnecting', 'reconnecting', 'connected'])
    expect(client.state).toMatchObject({ transport: 'sse' })
  })

  it('tries WebSocket again on a fresh connect', async () => {
    server.faults.upgrade = 'refused'
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    await client.close()
    server.faults.upgrade = 'ok'
    client.connect()
    await until(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ transport: 'websocket' })
  })

  it('does not end on a lesser transport because the server was down', async () => {
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    const port = Number(new URL(server.url).port)
    await server.stop()
    const states = statesOf(client)
    // Long enough for each transport to have had its turn.
    await until(() => states.filter(({ name }) => name === 'reconnecting').length > 12)
    server = await FakeServer.start(port)
    await until(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ transport: 'websocket' })
  })

  it('falls back to polling where event streams are refused, too', async () => {
    server.faults.upgrade = 'refused'
    server.faults.sse = 'refused'
    const client = clients.make(server)
    const channel = client.channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    expect(client.state).toMatchObject({ transport: 'poll' })
    await channel.publish('message', { n: 1 })
    await until(() => reader.publications.length === 1)
  })

  it('falls back to polling where something holds event streams back', async () => {
    server.faults.sse = 'held'
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const client = clients.make(server, { transports: ['sse', 'poll'] })
    const channel = client.channel('chat:a')
    void channel.subscribe()
    await untilLater(() => channel.state.name === 'subscribed')
    expect(client.state).toMatchObject({ transport: 'poll' })
  })

  it('ends when the origin is not allowed, which a request tells where a handshake does not', async () => {
    server.faults.turnedAway = new ProtocolError('origin_not_allowed', 'Not from this page.')
    const client = clients.make(server)
    const waiting = client.channel('chat:a').subscribe()
    await expect(waiting).rejects.toMatchObject({ code: 4003, message: 'Not from this page.' })
    expect(client.state).toMatchObject({
      name: 'failed',
      reason: 'origin_not_allowed',
      error: { code: 4003, temporary: false },
    })
  })

  it('waits as long as a full server says, which a request tells where a handshake does not', async () => {
    const full = new ProtocolError('too_many_connections', 'Full.', { retryAfterMs: 60_000 })
    server.faults.turnedAway = full
    const client = clients.make(server)
    const told = (): boolean =>
      client.state.name === 'reconnecting' && client.state.retryAt - Date.now() > 50_000
    await until(told)
    expect(client.state).toMatchObject({ reason: 'too_many_connections' })
  })

  it('falls back when upgrades are never answered', async () => {
    server.faults.upgrade = 'ignored'
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const client = clients.make(server)
    await untilLater(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ transport: 'sse' })
  })
})

describe('a peer that is gone without a word', () => {
  it('is found by the heartbeat of a WebSocket', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    server.heartbeatMs = 5000
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    const states = statesOf(client)
    server.faults.silent = true
    await untilLater(() => states.length > 0)
    expect(states[0]).toMatchObject({ name: 'reconnecting', reason: 'heartbeat_timeout' })
    server.faults.silent = false
    await untilLater(() => client.state.name === 'connected')
  })

  it('is found by a subscribe that has no answer', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const client = clients.make(server)
    await until(() => client.state.name === 'connected')
    const states = statesOf(client)
    server.faults.silent = true
    const subscribed = client.channel('chat:a').subscribe()
    await untilLater(() => states.length > 0)
    expect(states[0]).toMatchObject({ name: 'reconnecting', reason: 'timeout' })
    server.faults.silent = false
    await untilLater(() => client.state.name === 'connected')
    expect(await subscribed).toMatchObject({ recovered: false })
  })

  it('is found by the silence of an event stream', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] })
    const client = clients.make(server, { transports: ['sse'] })
    await client.channel('chat:a').subscribe()
    const states = statesOf(client)
    await untilLater(() => states.length > 0)
    expect(states[0]).toMatchObject({ name: 'reconnecting', reason: 'heartbeat_timeout' })
  })
})
