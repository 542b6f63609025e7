import type { Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import type { WebSocket } from 'ws'

import { hasCompiler, hasZlib } from './generator.ts'
import { BAD_SEQUENCE, BAD_SUBSCRIBER, loadFaulty } from './testing/load.ts'

const PAYLOAD = 1000
const load = { payload: PAYLOAD, content: 'words', deflate: true } as const

describe.skipIf(!hasCompiler() || !hasZlib()).each([
  { name: 'messages compressed each for itself', deflate: 'alone' },
  { name: 'messages compressed with a window for each connection', deflate: 'window' },
] as const)('the load generator against $name', ({ deflate }) => {
  test('counts what all subscribers received in order', async () => {
    const result = await loadFaulty({ deflate }, load)
    expect(result).toMatchObject({ ok: true })
    expect(result.total.publications).toBeGreaterThan(0)
    expect(result.total.receivedByAll).toBe(result.total.publications)
    expect(result.wireBytes / result.deliveries).toBeGreaterThan(PAYLOAD / 10)
    expect(result.wireBytes / result.deliveries).toBeLessThan(PAYLOAD / 2)
  })

  test('looks into what Tidewire compressed, for its offsets', async () => {
    const result = await loadFaulty({ deflate }, { ...load, protocol: 'tidewire' })
    expect(result).toMatchObject({ ok: true })
    const skipped = await loadFaulty(
      {
        deflate,
        deliver: (message, { sequence }) => [
          sequence < BAD_SEQUENCE
            ? message
            : message.replace(`"offset":${40 + sequence}`, `"offset":${41 + sequence}`),
        ],
      },
      { ...load, protocol: 'tidewire' },
    )
    expect(skipped).toMatchObject({ ok: false, problem: { kind: 'offset' } })
  })

  test('reports a publication that one subscriber never got as a gap', async () => {
    const result = await loadFaulty(
      {
        deflate,
        deliver: (message, { subscriber, sequence }) =>
          subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE ? [] : [message],
      },
      load,
    )
    expect(result).toMatchObject({
      ok: false,
      problem: {
        kind: 'gap',
        subscriber: BAD_SUBSCRIBER,
        expected: BAD_SEQUENCE,
        received: BAD_SEQUENCE + 1,
      },
    })
  })

  test('reports a publication that nobody got as a gap', async () => {
    const result = await loadFaulty(
      { deflate, deliver: (message, { sequence }) => (sequence === BAD_SEQUENCE ? [] : [message]) },
      load,
    )
    expect(result).toMatchObject({ ok: false, problem: { kind: 'gap', expected: BAD_SEQUENCE } })
  })

  test('reports a publication that came twice as a duplicate', async () => {
    const result = await loadFaulty(
      {
        deflate,
        deliver: (message, { subscriber, sequence }) =>
          subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE
            ? [message, message]
            : [message],
      },
      load,
    )
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'duplicate', subscriber: BAD_SUBSCRIBER, received: BAD_SEQUENCE },
    })
  })

  test('takes pings among compressed messages, and messages that were not, for what they are', async () => {
    const result = await loadFaulty(
      {
        deflate,
        deliver: (message, { sequence, subscriber, socket }) => {
          if ((sequence + subscriber) % 5 === 0) socket?.ping('here?')
          if (sequence % 7 !== 0) return [message]
          socket?.send(message, { compress: false })
          return []
        },
      },
      load,
    )
    expect(result).toMatchObject({ ok: true })
  })

  test('reports what does not inflate', async () => {
    const result = await loadFaulty(
      {
        deflate,
        deliver: (message, { subscriber, sequence, socket }) => {
          if (subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE) {
            socketOf(socket).write(Buffer.of(0xc1, 3, 0xff, 0xff, 0xff))
          }
          return [message]
        },
      },
      load,
    )
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'unexpected', subscriber: BAD_SUBSCRIBER },
    })
    expect(result.problem?.text).toContain('does not inflate')
  })

  test('reports a ping that says it is compressed', async () => {
    const result = await loadFaulty(
      {
        deflate,
        deliver: (message, { subscriber, sequence, socket }) => {
          if (subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE) {
            socketOf(socket).write(Buffer.of(0xc9, 0))
          }
          return [message]
        },
      },
      load,
    )
    expect(result).toMatchObject({ ok: false, problem: { kind: 'unexpected' } })
  })
})

describe.skipIf(!hasCompiler() || !hasZlib())('the load generator with compression', () => {
  test('finds a message missing from a stream whose window goes on without it', async () => {
    const result = await loadFaulty(
      {
        deflate: 'window',
        deliver: (message, { subscriber, sequence, socket }) => {
          if (subscriber !== BAD_SUBSCRIBER || sequence !== BAD_SEQUENCE) return [message]
          dropFrom(socketOf(socket))
          return [message]
        },
      },
      load,
    )
    expect(result).toMatchObject({ ok: false, problem: { subscriber: BAD_SUBSCRIBER } })
    // Refers to what never came, or inflates to something else.
    expect(['unexpected', 'gap', 'duplicate', 'reorder']).toContain(result.problem?.kind)
  })

  test('does not start where the server sends everything as it is', async () => {
    await expect(loadFaulty({}, load)).rejects.toThrow('does not agree to compression')
  })

  test('inflates what is far larger than what came', async () => {
    const result = await loadFaulty(
      { deflate: 'window' },
      { deflate: true, payload: 60_000, inFlight: 64, subscribers: 3 },
    )
    expect(result).toMatchObject({ ok: true })
  })
})

/** Past `ws`, which would frame it. */
function socketOf(socket: WebSocket | undefined): Socket {
  return (socket as unknown as { _socket: Socket })._socket
}

/** The next compressed message never leaves. */
function dropFrom(socket: Socket): void {
  const write = socket.write.bind(socket)
  const swallow = (_bytes: unknown, done?: unknown): boolean => {
    if (typeof done === 'function') (done as () => void)()
    return true
  }
  const uncork = socket.uncork.bind(socket)
  socket.write = swallow as Socket['write']
  socket.uncork = () => {
    socket.write = write as Socket['write']
    socket.uncork = uncork
    uncork()
  }
}
