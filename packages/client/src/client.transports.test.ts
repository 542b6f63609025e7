import { ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Tidewire } from './client.ts'
import { Clients, Reader, statesOf } from './testing/clients.ts'
import { FakeServer } from './testing/fake-server.ts'
import { until } from './testing/until.ts'
import type { TransportName } from './types.ts'

const clients = new Clients()
let server: FakeServer

beforeEach(async () => {
  server = await FakeServer.start()
})

afterEach(async () => {
  await clients.close()
  await server.stop()
})

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

function publish(channel: string, from: number, to = from): void {
  for (const n of numbers(from, to)) server.publish(channel, 'message', { n })
}

/** Without an answer a WebSocket sends again after ten seconds, or, as here, when the connection ended. */
async function breakUntilAcked(client: Tidewire): Promise<void> {
  const states = statesOf(client)
  const connected = (): number => states.filter(({ name }) => name === 'connected').length
  while (client.waiting > 0) {
    await until(() => server.connections === 1)
    const before = connected()
    const { length } = server.received
    await until(() => server.received.length >= length + client.waiting || client.waiting === 0)
    server.kick()
    await until(() => connected() > before)
  }
}

/** Transports are equal: the same sentences hold over each. */
describe.each<TransportName>(['websocket', 'sse', 'poll'])('a client over %s', (transport) => {
  const connect = (): Tidewire => clients.make(server, { transports: [transport], token: 'ada' })

  it('is connected over it', async () => {
    const client = connect()
    expect(client.state).toEqual({ name: 'connecting', transport, attempt: 1 })
    await until(() => client.state.name === 'connected')
    expect(client.state).toMatchObject({ transport })
    expect(server.tokens).toContain('ada')
  })

  it('receives what is published after it subscribed, in order', async () => {
    const channel = connect().channel('chat:a')
    publish('chat:a', 1, 3)
    const reader = new Reader(channel)
    expect(await channel.subscribe()).toMatchObject({ epoch: 'e1', offset: 3, recovered: false })
    expect(channel.state).toMatchObject({ name: 'subscribed', position: { offset: 3 } })
    publish('chat:a', 4, 6)
    await until(() => reader.publications.length === 3)
    expect(reader.numbers).toEqual([4, 5, 6])
    expect(channel.position).toEqual({ epoch: 'e1', offset: 6 })
  })

  it('starts with the last ones, or after a position', async () => {
    const client = connect()
    publish('chat:a', 1, 5)
    publish('chat:b', 1, 5)
    const [a, b] = [client.channel('chat:a'), client.channel('chat:b')]
    const [fromA, fromB] = [new Reader(a), new Reader(b)]
    const answers = await Promise.all([
      a.subscribe({ last: 2 }),
      b.subscribe({ since: { epoch: 'e2', offset: 1 } }),
    ])
    expect(answers).toMatchObject([
      { offset: 3, recovered: false },
      { offset: 1, recovered: true },
    ])
    await until(() => fromA.publications.length === 2 && fromB.publications.length === 4)
    expect([fromA.numbers, fromB.numbers]).toEqual([
      [4, 5],
      [2, 3, 4, 5],
    ])
  })

  it('is acknowledged what it publishes, and reads it in the history', async () => {
    const channel = connect().channel('chat:a')
    const first = await channel.publish('message', { n: 1 }, { messageId: 'one' })
    expect(first).toEqual({ messageId: 'one', epoch: 'e1', offset: 1, duplicate: false })
    expect(await channel.publish('message', { n: 1 }, { messageId: 'one' })).toEqual({
      ...first,
      duplicate: true,
    })
    await channel.publish('message', { n: 2 })
    await channel.publish('message', { n: 3 })
    const page = await channel.history({ after: 1, limit: 1 })
    expect(page).toMatchObject({ epoch: 'e1', oldest: 1, newest: 3, more: true })
    expect(page.publications.map(({ payload }) => payload)).toEqual([{ n: 2 }])
  })

  it('misses and doubles nothing over lost connections', async () => {
    const channel = connect().channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    for (let round = 0; round < 5; round++) {
      publish('chat:a', round * 4 + 1, round * 4 + 2)
      server.kick()
      publish('chat:a', round * 4 + 3, round * 4 + 4)
      await until(() => reader.publications.length === round * 4 + 4)
    }
    expect(reader.numbers).toEqual(numbers(1, 20))
    expect([reader.faults, reader.resets]).toEqual([[], []])
  })

  it('closes gaps by itself', async () => {
    const channel = connect().channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    let count = 0
    server.faults.loseDelivery = () => (count += 1) % 3 === 0
    publish('chat:a', 1, 10)
    server.faults.loseDelivery = () => false
    publish('chat:a', 11)
    await until(() => reader.publications.length === 11)
    expect(reader.numbers).toEqual(numbers(1, 11))
    expect([reader.faults, reader.resets]).toEqual([[], []])
  })

  it('is told once when its position cannot be continued, and goes on', async () => {
    const channel = connect().channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    publish('chat:a', 1)
    await until(() => reader.publications.length === 1)
    server.faults.loseDelivery = () => true
    publish('chat:a', 2, 5)
    server.logs.trim('chat:a', 1)
    server.faults.loseDelivery = () => false
    server.kick()
    // A poll sees the gap by itself; a stream only on return.
    await until(() => reader.resets.length > 0)
    expect(reader.resets).toEqual([{ epoch: 'e1', offset: 5, reason: 'expired' }])
    await until(() => channel.state.name === 'subscribed')
    publish('chat:a', 6)
    await until(() => reader.publications.length === 2)
    expect([reader.numbers, reader.faults]).toEqual([[1, 6], []])
  })

  it('is told when the log began a new life', async () => {
    const channel = connect().channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    publish('chat:a', 1)
    await until(() => reader.publications.length === 1)
    server.logs.wipe('chat:a')
    server.kick()
    server.publish('chat:other', 'message', {})
    await until(() => reader.resets.length > 0)
    expect(reader.resets[0]).toMatchObject({ reason: 'epoch_changed' })
  })

  it('adds and leaves channels without disturbing the others', async () => {
    const client = connect()
    const steady = client.channel('chat:steady')
    const reader = new Reader(steady)
    await steady.subscribe()
    for (let round = 0; round < 4; round++) {
      const other = client.channel(`chat:${round}`)
      publish('chat:steady', round * 3 + 1)
      const subscribed = other.subscribe({ last: round })
      publish('chat:steady', round * 3 + 2)
      await subscribed
      publish('chat:steady', round * 3 + 3)
      if (round % 2 === 0) await other.unsubscribe()
    }
    await until(() => reader.publications.length === 12)
    expect(reader.numbers).toEqual(numbers(1, 12))
    expect([reader.faults, reader.resets]).toEqual([[], []])
  })

  it('subscribes to many channels at once', async () => {
    const client = connect()
    const channels = numbers(1, 20).map((n) => client.channel(`chat:${n}`))
    const readers = channels.map((channel) => new Reader(channel))
    await Promise.all(channels.map((channel) => channel.subscribe()))
    for (const n of numbers(1, 20)) publish(`chat:${n}`, n)
    await until(() => readers.every(({ publications }) => publications.length === 1))
    expect(readers.flatMap(({ numbers }) => numbers)).toEqual(numbers(1, 20))
  })

  it('receives nothing after it unsubscribed', async () => {
    const channel = connect().channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    await channel.unsubscribe()
    expect(channel.state).toEqual({ name: 'unsubscribed' })
    publish('chat:a', 1)
    await channel.subscribe()
    publish('chat:a', 2)
    await until(() => reader.publications.length > 0)
    expect(reader.numbers).toEqual([2])
  })

  it('is told what it may not subscribe to, and keeps what it has', async () => {
    const client = connect()
    const good = client.channel('chat:good')
    const reader = new Reader(good)
    await good.subscribe()
    const error = new ProtocolError('forbidden', 'You may not.')
    server.faults.refusedChannels.set('chat:bad', error)
    const bad = client.channel('chat:bad')
    const also = client.channel('chat:also')
    const [refused, subscribed] = await Promise.allSettled([bad.subscribe(), also.subscribe()])
    expect(refused).toMatchObject({ reason: { code: 4011, message: 'You may not.' } })
    expect(subscribed).toMatchObject({ status: 'fulfilled' })
    expect(bad.state).toMatchObject({ name: 'unsubscribed', error: { reason: 'forbidden' } })
    publish('chat:good', 1, 3)
    await until(() => reader.publications.length === 3)
    expect([reader.faults, reader.resets]).toEqual([[], []])
  })

  it('is told on return what it may not subscribe to any more', async () => {
    const client = connect()
    const [good, bad] = [client.channel('chat:good'), client.channel('chat:bad')]
    const reader = new Reader(good)
    await Promise.all([good.subscribe(), bad.subscribe()])
    const error = new ProtocolError('forbidden', 'Not any more.')
    server.faults.refusedChannels.set('chat:bad', error)
    server.kick()
    publish('chat:good', 1)
    await until(() => reader.publications.length === 1 && bad.state.name === 'unsubscribed')
    expect(bad.state).toMatchObject({ error: { code: 4011 } })
    publish('chat:good', 2)
    await until(() => reader.publications.length === 2)
  })

  it('is told when the server ends one of its subscriptions, and keeps the others', async () => {
    const client = connect()
    const [good, bad] = [client.channel('chat:good'), client.channel('chat:bad')]
    const [fromGood, fromBad] = [new Reader(good), new Reader(bad)]
    await Promise.all([good.subscribe(), bad.subscribe()])
    const states = statesOf(client)
    await until(() => server.listeners === 1)
    server.forbid('chat:bad', new ProtocolError('forbidden', 'You left the room.'))
    publish('chat:bad', 1)
    await until(() => bad.state.name === 'unsubscribed')
    expect(bad.state).toMatchObject({ error: { code: 4011, message: 'You left the room.' } })
    publish('chat:bad', 2)
    publish('chat:good', 1, 3)
    await until(() => fromGood.publications.length === 3)
    expect([fromGood.faults, fromGood.resets, fromBad.publications]).toEqual([[], [], []])
    expect(states).toEqual([])
    server.faults.refusedChannels.clear()
    expect(await bad.subscribe()).toMatchObject({ offset: 2 })
  })

  it('subscribes again by itself when a subscription was ended for a moment, and misses nothing', async () => {
    const client = connect()
    const [good, bad] = [client.channel('chat:good'), client.channel('chat:bad')]
    const [fromGood, fromBad] = [new Reader(good), new Reader(bad)]
    await Promise.all([good.subscribe(), bad.subscribe()])
    publish('chat:bad', 1)
    await until(() => fromBad.publications.length === 1 && server.listeners === 1)
    server.forbid('chat:bad', new ProtocolError('unavailable', 'Nobody can tell now.'))
    await until(() => bad.state.name === 'subscribing')
    publish('chat:bad', 2, 3)
    publish('chat:good', 1, 3)
    // One that nobody can tell about does not keep the others from being heard.
    await until(() => fromGood.publications.length === 3)
    expect(bad.state.name).toBe('subscribing')
    server.faults.refusedChannels.clear()
    await until(() => fromBad.publications.length === 3)
    publish('chat:bad', 4)
    await until(() => fromBad.publications.length === 4)
    expect([fromGood.faults, fromGood.resets]).toEqual([[], []])
    expect([fromBad.numbers, fromBad.faults, fromBad.resets]).toEqual([[1, 2, 3, 4], [], []])
  })

  it('asks again when a subscription is refused for a moment', async () => {
    const client = connect()
    await until(() => client.state.name === 'connected')
    const asked = (): number => server.received.length + server.tokens.length
    const before = asked()
    const error = new ProtocolError('unavailable', 'Later.')
    server.faults.refusedChannels.set('chat:a', error)
    const subscribed = client.channel('chat:a').subscribe()
    await until(() => asked() > before + 1)
    server.faults.refusedChannels.clear()
    expect(await subscribed).toMatchObject({ recovered: false })
  })

  it('keeps what is published while there is no server, and lands it once', async () => {
    const client = connect()
    const channel = client.channel('chat:a')
    const reader = new Reader(channel)
    await channel.subscribe()
    const port = Number(new URL(server.url).port)
    await server.stop()
    await until(() => client.state.name === 'reconnecting')
    const acks = numbers(1, 150).map((n) => channel.publish('message', { n }))
    expect(client.waiting).toBe(150)
    server = await FakeServer.start(port)
    await Promise.all(acks)
    expect(client.waiting).toBe(0)
    expect(server.logs.of('chat:a').entries.map(({ payload }) => payload['n'])).toEqual(
      numbers(1, 150),
    )
    await until(() => reader.publications.length === 150)
    expect(reader.faults).toEqual([])
  })

  it('lands every publication once and in order when acknowledgements are lost', async () => {
    const client = connect()
    const channel = client.channel('chat:a')
    let count = 0
    server.faults.loseAck = () => (count += 1) % 3 === 0
    const acks = Promise.all(numbers(1, 60).map((n) => channel.publish('message', { n })))
    if (transport === 'websocket') await breakUntilAcked(client)
    await acks
    const landed = server.logs.of('chat:a').entries.map(({ payload }) => Number(payload['n']))
    expect(landed).toEqual(numbers(1, 60))
  })

  it('publishes again when the server said so, and not before, in the old order', async () => {
    const channel = connect().channel('chat:a')
    await channel.subscribe()
    const retryAfterMs = 100
    server.faults.refusePublish = new ProtocolError('rate_limited', 'Slower.', { retryAfterMs })
    const published = (): string[] =>
      server.received
        .filter(({ type }) => type === 'message')
        .map(({ metadata }) => metadata.message_id ?? '')
    const ids = numbers(1, 5).map((n) => `message-${n}`)
    const acks = ids.map((messageId) => channel.publish('message', {}, { messageId }))
    await until(() => published().length > 0)
    const refusedAt = performance.now()
    server.faults.refusePublish = undefined
    const receipts = await Promise.all(acks)
    // The server's timers may be a millisecond early.
    expect(performance.now() - refusedAt).toBeGreaterThan(retryAfterMs - 2)
    expect(receipts.map(({ duplicate }) => duplicate)).not.toContain(true)
    const landed = server.logs.of('chat:a').entries.map(({ metadata }) => metadata.message_id)
    expect(landed).toEqual(ids)
  })

  it('reads the history again when the server said so', async () => {
    const channel = connect().channel('chat:a')
    publish('chat:a', 1, 3)
    const busy = new ProtocolError('rate_limited', 'Slower.', { retryAfterMs: 10 })
    server.faults.refusedReads = [busy, busy]
    expect((await channel.history()).publications).toHaveLength(3)
    expect(server.faults.refusedReads).toEqual([])
    const refusal = new ProtocolError('forbidden', 'You may not.')
    server.faults.refusedReads = [refusal]
    await expect(channel.history()).rejects.toMatchObject({ code: 4011 })
  })

  it('comes back no sooner than the server said', async () => {
    const client = connect()
    // A WebSocket is told the error in a frame of its own, too.
    client.on('error', ({ code }) => expect(code).toBe(4007))
    const channel = client.channel('chat:a')
    await channel.subscribe()
    await until(() => server.listeners === 1)
    const retryAfterMs = 30_000
    server.turnAway(new ProtocolError('too_many_connections', 'One too many.', { retryAfterMs }))
    await until(() => client.state.name === 'reconnecting')
    expect(client.state).toMatchObject({ reason: 'too_many_connections' })
    const { retryAt } = client.state as { retryAt: number }
    expect(retryAt - Date.now()).toBeGreaterThan(retryAfterMs - 1000)
    expect(channel.state.name).toBe('subscribing')
  })

  it('rejects what the server refuses for good', async () => {
    server.faults.refusePublish = new ProtocolError('forbidden', 'You may not.')
    const publishing = connect().channel('chat:a').publish('message', {})
    await expect(publishing).rejects.toMatchObject({ code: 4011, temporary: false })
  })

  it('receives from channels without a log', async () => {
    const channel = connect().channel('signal:a')
    const reader = new Reader(channel)
    expect(await channel.subscribe()).toMatchObject({ offset: 0, recovered: false })
    expect(channel.position).toBeUndefined()
    if (transport === 'poll') return // Between two polls nobody listens, which `none` allows.
    const answer = await channel.publish('message', { n: 1 })
    expect(answer).toEqual({ messageId: answer.messageId, duplicate: false })
    await until(() => reader.publications.length === 1)
  })

  it('says nothing more after it was closed', async () => {
    const client = connect()
    const channel = client.channel('chat:a')
    await channel.subscribe()
    const waiting = client.channel('chat:a').publish('message', {})
    await client.close()
    await expect(waiting).rejects.toMatchObject({ code: 'closed' })
    expect(client.state).toEqual({ name: 'disconnected', reason: 'closed' })
    await until(() => server.connections === 0)
    client.connect()
    await until(() => channel.state.name === 'subscribed')
  })
})
