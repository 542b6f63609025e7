import { afterAll, beforeAll, expect, it } from 'vitest'
import { ServerProcess } from './support/server-process.ts'

let server: ServerProcess
beforeAll(async () => {
  server = await ServerProcess.start()
})
afterAll(() => server.remove())

// Nothing of ours below: written from PROTOCOL.md, on the WebSocket of the platform.
type Frame = { type: string; payload: Record<string, unknown>; metadata?: Record<string, unknown> }

class RawClient {
  readonly frames: Frame[] = []
  readonly #socket: WebSocket

  constructor(url: string) {
    this.#socket = new WebSocket(`${url.replace('http', 'ws')}/v1/ws`, 'tidewire.v1.json')
    this.#socket.addEventListener('message', ({ data }) =>
      this.frames.push(JSON.parse(String(data)) as Frame),
    )
  }
  send(type: string, payload: object, metadata: object = {}): void {
    this.#socket.send(JSON.stringify({ type, payload, metadata }))
  }
  async next(type: string): Promise<Frame> {
    for (;;) {
      const at = this.frames.findIndex((frame) => frame.type === type)
      if (at >= 0) return this.frames.splice(at, 1)[0]!
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
  close(): void {
    this.#socket.close()
  }
}

it('a raw client of the platform authenticates, subscribes, publishes and recovers', async () => {
  const token = await server.token('ada')
  const first = new RawClient(server.url)
  expect((await first.next('connection_established')).payload['authenticated']).toBe(false)
  first.send('auth', { token })
  expect((await first.next('auth_response')).payload).toMatchObject({ status: 'ok', user: 'ada' })

  first.send('subscribe', { channel: 'chat:raw' })
  const { payload: start } = await first.next('subscribed')
  first.send('message', { content: 'one' }, { channel: 'chat:raw', message_id: 'm-1' })
  const ack = await first.next('ack')
  expect(ack.metadata?.['correlation_id']).toBe('m-1')
  expect(ack.payload).toMatchObject({ channel: 'chat:raw', offset: 1, duplicate: false })
  expect((await first.next('message')).metadata).toMatchObject({
    channel: 'chat:raw',
    offset: 1,
    message_id: 'm-1',
    user: 'ada',
  })
  first.close()

  await fetch(`${server.url}/v1/channels/chat:raw/publications`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ type: 'message', payload: { content: 'while away' } }),
  })

  const second = new RawClient(server.url)
  await second.next('connection_established')
  second.send('auth', { token })
  second.send('subscribe', { channel: 'chat:raw', since: { epoch: start['epoch'], offset: 1 } })
  expect((await second.next('subscribed')).payload).toMatchObject({ recovered: true, offset: 1 })
  const missed = await second.next('message')
  expect(missed.payload).toEqual({ content: 'while away' })
  expect(missed.metadata).toMatchObject({ offset: 2 })
  second.close()
})
