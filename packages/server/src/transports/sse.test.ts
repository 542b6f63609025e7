import { connect, Socket } from 'node:net'
import { encodeCursor, ProtocolError } from '@tidewire/protocol'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { EventStream } from '../../contract/event-stream.ts'
import {
  batch,
  frame,
  type ScriptedSession,
  serveScripted,
  subscribedPayload,
} from '../../contract/scripted-service.ts'
import { Batch } from '../core/ports/batch.ts'
import { FakeClock } from '../testing/fake-clock.ts'

const E = 'e1'

/** RFC 9112 §7.1: what the chunks of a body that goes on hold. */
function unchunked(body: string): string {
  const [, size, rest] = /^([0-9a-f]+)\r\n([^]*)$/.exec(body) ?? []
  if (size === undefined || rest === undefined) return body
  const end = Number.parseInt(size, 16)
  expect(rest.slice(end, end + 2)).toBe('\r\n')
  return rest.slice(0, end) + unchunked(rest.slice(end + 2))
}

describe('Server-Sent Events', () => {
  let clock: FakeClock
  let server: Awaited<ReturnType<typeof serveScripted>>

  beforeEach(async () => {
    clock = new FakeClock()
    server = await serveScripted(clock)
  })
  afterEach(() => server.close())

  /** Opens a stream; `script` plays the session until the stream begins. */
  async function open(
    query: string,
    script: (session: ScriptedSession) => void,
    headers: Record<string, string> = {},
  ): Promise<{ stream: EventStream; session: ScriptedSession }> {
    const opened = server.service.opened()
    const opening = EventStream.open(`${server.url}/v1/sse?${query}`, headers)
    // Handled by whoever awaits `open`; not before, because the script comes first.
    opening.catch(() => {})
    const session = await opened
    script(session)
    return { stream: await opening, session }
  }

  const openOne = (): ReturnType<typeof open> =>
    open('channel=chat:a', (session) => session.subscribed('chat:a', { epoch: E, offset: 0 }))

  async function has(stream: EventStream, count: number): Promise<void> {
    await vi.waitFor(() => expect(stream.events.length).toBeGreaterThanOrEqual(count))
  }

  it('begins with `retry`, the greeting and what was subscribed', async () => {
    const { stream } = await openOne()
    await has(stream, 2)
    expect(stream.text).toBe(
      'retry: 1000\n\n' +
        'event: connection_established\ndata: {"type":"connection_established","payload":{"client_id":"scripted"},"metadata":{}}\n\n' +
        'event: subscribed\nid: 1~chat:a~e1~0\ndata: {"type":"subscribed","payload":{"channel":"chat:a","offset":0,"epoch":"e1","recovered":false},"metadata":{}}\n\n',
    )
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-cache, no-transform',
      'x-accel-buffering': 'no',
      'x-content-type-options': 'nosniff',
      connection: 'keep-alive',
    })
  })

  it('gives every delivery its type, the cursor after it, and the envelope', async () => {
    const { stream, session } = await openOne()
    const deliveries = batch('chat:a', E, 7, 2, { type: 'order.created' })
    session.deliver(deliveries)
    await has(stream, 4)
    expect(stream.events.slice(2)).toEqual([
      {
        type: 'order.created',
        id: encodeCursor([['chat:a', { epoch: E, offset: 7 }]]),
        data: JSON.stringify(deliveries.publications[0]),
      },
      {
        type: 'order.created',
        id: encodeCursor([['chat:a', { epoch: E, offset: 8 }]]),
        data: JSON.stringify(deliveries.publications[1]),
      },
    ])
  })

  /** Everything that comes over a socket on which `requests` are sent at once. */
  function raw(requests: string): { text: () => string; socket: Socket } {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1', () =>
      socket.write(requests),
    )
    let text = ''
    socket.on('data', (data) => (text += String(data)))
    return { text: () => text, socket }
  }

  it('speaks to a peer of HTTP/1.0, which knows no chunks', async () => {
    const opened = server.service.opened()
    const { text, socket } = raw('GET /v1/sse?channel=chat:a HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n')
    const session = await opened
    session.subscribed('chat:a', { epoch: E, offset: 0 })
    session.deliver(batch('chat:a', E, 1))
    session.deliver(batch('chat:a', E, 2))
    await vi.waitFor(() => expect(text().match(/^id: .*$/gm)).toHaveLength(3))
    expect(text()).not.toMatch(/transfer-encoding/i)
    expect(text().split('\r\n\r\n')[1]).toMatch(/^retry: 1000\n\n(?:(?:event|id|data): .*\n|\n)+$/)
    socket.destroy()
  })

  it('waits for the answer before it on the same connection, and comes whole behind that', async () => {
    const first = server.service.opened()
    const get = (channel: string): string =>
      `GET /v1/sse?channel=${channel} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`
    const { text, socket } = raw(get('chat:a') + get('chat:b'))
    const before = await first
    const behind = await server.service.opened()
    behind.subscribed('chat:b', { epoch: E, offset: 0 })
    behind.deliver(batch('chat:b', E, 1))
    before.subscribed('chat:a', { epoch: E, offset: 0 })
    before.deliver(batch('chat:a', E, 1))
    await vi.waitFor(() => expect(text()).toContain('~chat:a~e1~1'))
    expect(text()).not.toContain('chat:b')
    before.connection.close(1001, '')
    await vi.waitFor(() => expect(text()).toContain('~chat:b~e1~1'))
    behind.deliver(batch('chat:b', E, 2))
    await vi.waitFor(() => expect(text()).toContain('~chat:b~e1~2'))
    const [, , body] = text().split('HTTP/1.1 200 OK')
    expect(unchunked(body!.slice(body!.indexOf('\r\n\r\n') + 4))).toMatch(
      /^retry: 1000\n\n(?:(?:event|id|data): .*\n|\n)+$/,
    )
    socket.destroy()
  })

  it('goes on after a batch of nothing', async () => {
    const { stream, session } = await openOne()
    session.connection.send([new Batch([])])
    session.deliver(batch('chat:a', E, 1))
    await has(stream, 3)
    expect(stream.events[2]?.id).toBe('1~chat:a~e1~1')
  })

  it('gives deliveries of several channels the cursor of all of them', async () => {
    const { stream, session } = await open('channel=chat:a&channel=chat:b', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 1 })
      session.subscribed('chat:b', { epoch: 'e2', offset: 5 })
    })
    session.deliver(batch('chat:b', 'e2', 6), batch('chat:a', E, 2))
    await has(stream, 5)
    expect(stream.events.slice(1).map(({ id }) => id)).toEqual([
      '1~chat:a~e1~1',
      '1~chat:a~e1~1~chat:b~e2~5',
      '1~chat:a~e1~1~chat:b~e2~6',
      '1~chat:a~e1~2~chat:b~e2~6',
    ])
  })

  it('gives deliveries of a channel without a log no id', async () => {
    const { stream, session } = await open('channel=signal:a', (session) =>
      session.subscribed('signal:a'),
    )
    session.deliver(batch('signal:a', undefined, 1))
    await has(stream, 3)
    expect(stream.events.map(({ id }) => id)).toEqual([undefined, undefined, undefined])
  })

  it('encodes a publication once, however many connections and channels they have', async () => {
    const encoded = vi.fn<() => object>(() => ({ content: 'hi' }))
    const shared = batch('chat:a', E, 1, 1, { payload: { toJSON: encoded as never } })
    const one = await openOne()
    const other = await openOne()
    const both = await open('channel=chat:a&channel=chat:b', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      session.subscribed('chat:b', { epoch: E, offset: 0 })
    })
    for (const { session } of [one, other, both]) session.deliver(shared)
    await has(one.stream, 3)
    await has(other.stream, 3)
    await has(both.stream, 4)
    expect(one.stream.events.at(-1)).toEqual(other.stream.events.at(-1))
    expect(encoded).toHaveBeenCalledTimes(1)
  })

  it('asks for the position of Last-Event-ID, which wins over the cursor, and for `last` elsewhere', async () => {
    const { session } = await open(
      'channel=chat:a&channel=chat:b&cursor=1~chat:a~old~1&last=10',
      (session) => {
        session.subscribed('chat:a', { epoch: E, offset: 5 }, { recovered: true })
        session.subscribed('chat:b', { epoch: E, offset: 0 })
      },
      { 'last-event-id': '1~chat:a~e1~5~chat:elsewhere~e9~9' },
    )
    expect(session.received.map(({ type, payload }) => ({ type, payload }))).toEqual([
      { type: 'subscribe', payload: { channel: 'chat:a', since: { epoch: E, offset: 5 } } },
      { type: 'subscribe', payload: { channel: 'chat:b', last: 10 } },
    ])
  })

  it('makes a hole a `reset` event with an id, also one that is found on return', async () => {
    const { stream, session } = await open('channel=chat:a&cursor=1~chat:a~old~3', (session) =>
      session.subscribed('chat:a', { epoch: E, offset: 9 }, { reason: 'epoch_changed' }),
    )
    session.say('reset', { channel: 'chat:a', epoch: E, offset: 20, reason: 'expired' })
    await has(stream, 4)
    expect(stream.of('reset').map(({ id, data }) => [id, JSON.parse(data).payload])).toEqual([
      ['1~chat:a~e1~9', { channel: 'chat:a', epoch: E, offset: 9, reason: 'epoch_changed' }],
      ['1~chat:a~e1~20', { channel: 'chat:a', epoch: E, offset: 20, reason: 'expired' }],
    ])
  })

  it('lets no line end into a field', async () => {
    const { stream, session } = await openOne()
    session.deliver(batch('chat:a', E, 1, 1, { type: 'a\r\nid: forged\rb\0' }))
    await has(stream, 3)
    expect(stream.events[2]).toMatchObject({ type: 'aid: forgedb', id: '1~chat:a~e1~1' })
  })

  it.each([
    ['', '`channel` is missing. Name at least one, such as `?channel=chat:general`.'],
    ['channel=nonsense', expect.stringContaining('namespace:rest')],
    ['channel=chat:a&cursor=broken', expect.stringContaining('cursor')],
    ['channel=chat:a&last=many', '`last` is not a whole number.'],
    ['channel=chat:a&last=1001', '`last` is greater than 1000.'],
  ])('answers the query %j with bad_envelope', async (query, message) => {
    await expect(EventStream.open(`${server.url}/v1/sse?${query}`)).rejects.toMatchObject({
      code: 4009,
      message,
    })
    expect(server.service.sessions).toEqual([])
  })

  it('answers an unreadable Last-Event-ID with bad_envelope', async () => {
    const opening = EventStream.open(`${server.url}/v1/sse?channel=chat:a`, {
      'last-event-id': '42',
    })
    await expect(opening).rejects.toMatchObject({ code: 4009 })
  })

  it('answers a refused channel with the HTTP error, and ends the session', async () => {
    const opened = server.service.opened()
    const answering = fetch(`${server.url}/v1/sse?channel=chat:a&channel=secret:b`)
    const session = await opened
    session.subscribed('chat:a', { epoch: E, offset: 0 })
    const error = new ProtocolError('forbidden', 'Not for you.')
    session.say('error', error.toPayload())
    const answer = await answering
    expect(answer.status).toBe(403)
    expect(await answer.json()).toEqual(error.toPayload())
    await vi.waitFor(() => expect(session.closedWith).toBeDefined())
  })

  it('answers with the error when the session ends before the stream begins', async () => {
    const opened = server.service.opened()
    const answering = fetch(`${server.url}/v1/sse?channel=chat:a`)
    ;(await opened).connection.close(4007, 'too_many_connections')
    const answer = await answering
    expect([answer.status, await answer.json()]).toEqual([
      503,
      expect.objectContaining({ code: 4007 }),
    ])
  })

  it('begins before the last channel is answered when the others bring too much to hold', async () => {
    const { stream, session } = await open('channel=chat:a&channel=secret:b', (session) => {
      session.subscribed('chat:a', { epoch: E, offset: 0 })
      session.deliver(batch('chat:a', E, 1, 20, { payload: { content: 'x'.repeat(60_000) } }))
    })
    session.say('error', new ProtocolError('forbidden', 'Not for you.').toPayload())
    await has(stream, 23)
    expect(stream.events.at(-1)!.type).toBe('error')
  })

  it('comments every 15 s', async () => {
    const { stream } = await openOne()
    await has(stream, 2)
    const before = stream.text.length
    await clock.advance(14_999)
    for (let i = 1; i <= 3; i++) {
      await clock.advance(i === 1 ? 1 : 15_000)
      await vi.waitFor(() => expect(stream.text.slice(before)).toBe(':\n\n'.repeat(i)))
    }
  })

  it('says why it ends, after what was sent', async () => {
    const { stream, session } = await openOne()
    session.deliver(batch('chat:a', E, 1))
    session.connection.close(4008, 'slow_consumer')
    await vi.waitFor(() => expect(stream.ended).toBe(true))
    expect(stream.events.map(({ type }) => type).slice(2)).toEqual(['message', 'error'])
    expect(JSON.parse(stream.events.at(-1)!.data).payload).toMatchObject({ code: 4008 })
  })

  it('says once why it ends when the session said it', async () => {
    const { stream, session } = await openOne()
    session.say('error', new ProtocolError('session_expired', 'The token expired.').toPayload())
    session.connection.close(4006, 'session_expired')
    await vi.waitFor(() => expect(stream.ended).toBe(true))
    expect(stream.of('error')).toHaveLength(1)
  })

  it('sends a browser back after its share of the spread when the server stops', async () => {
    const { stream, session } = await openOne()
    session.say('server_shutdown', { reconnect_in_ms: 1234 })
    session.connection.close(1012, 'restart')
    await vi.waitFor(() => expect(stream.ended).toBe(true))
    expect(stream.text).toContain('retry: 1234\nevent: server_shutdown\n')
    expect(stream.of('error')).toEqual([])
  })

  it('tells how much waits for a peer that does not read, and when it was taken', async () => {
    const { stream, session } = await openOne()
    stream.pause()
    const drained = vi.fn<() => void>()
    const large = { payload: { content: 'x'.repeat(1_000_000) } }
    for (let i = 1; i <= 20; i++) session.deliver(batch('chat:a', E, i, 1, large))
    expect(session.connection.buffered()).toBeGreaterThan(1_000_000)
    session.connection.onDrain(drained)
    stream.resume()
    await vi.waitFor(() => expect(drained).toHaveBeenCalledTimes(1), 10_000)
    expect(session.connection.buffered()).toBe(0)
    session.connection.onDrain(drained)
    await vi.waitFor(() => expect(drained).toHaveBeenCalledTimes(2))
  })

  it('cuts off a peer that does not take its end', async () => {
    const { stream, session } = await openOne()
    stream.pause()
    const large = { payload: { content: 'x'.repeat(1_000_000) } }
    for (let i = 1; i <= 20; i++) session.deliver(batch('chat:a', E, i, 1, large))
    session.connection.close(4008, 'slow_consumer')
    expect(session.closedWith).toBeUndefined()
    await clock.advance(2_000)
    await vi.waitFor(() => expect(session.closedWith).toBeDefined())
  })

  it('tells the session when the client is gone, and takes what is sent to nobody', async () => {
    const { stream, session } = await openOne()
    stream.close()
    await vi.waitFor(() => expect(session.closedWith).toBe(1001))
    session.deliver(batch('chat:a', E, 1))
    session.connection.close(1012, 'restart')
  })

  it('takes the token of the header or of the query', async () => {
    await openOne()
    await open('channel=chat:a&token=from-query', (session) =>
      session.subscribed('chat:a', { epoch: E, offset: 0 }),
    )
    await open(
      'channel=chat:a&token=from-query',
      (session) => session.subscribed('chat:a', { epoch: E, offset: 0 }),
      { authorization: 'Bearer from-header' },
    )
    expect(server.service.tokens).toEqual([undefined, 'from-query', 'from-header'])
  })

  it.each(['POST', 'HEAD', 'DELETE'])('takes no %s', async (method) => {
    const answer = await fetch(`${server.url}/v1/sse?channel=chat:a`, { method })
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET'])
  })

  it('sends what a turn brought in one write', async () => {
    const { session } = await openOne()
    const write = vi.spyOn(Socket.prototype, 'write')
    try {
      session.connection.send([
        batch('chat:a', E, 1),
        frame('subscribed', subscribedPayload('chat:b')),
        batch('chat:a', E, 2),
      ])
      expect(write).toHaveBeenCalledTimes(1)
    } finally {
      write.mockRestore()
    }
  })
})
