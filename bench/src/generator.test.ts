import { describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
import { BAD_SEQUENCE, BAD_SUBSCRIBER, loadFaulty } from './testing/load.ts'

describe.skipIf(!hasCompiler())('the load generator', () => {
  test('counts what all subscribers received in order', async () => {
    const result = await loadFaulty({})
    expect(result).toMatchObject({ ok: true, frameBytes: 102 })
    expect(result.total.publications).toBeGreaterThan(0)
    expect(result.total.receivedByAll).toBe(result.total.publications)
    expect(result.deliveries).toBeGreaterThan(0)
    expect(result.deliveries).toBeLessThanOrEqual(8 * result.total.publications)
  })

  test('follows a stream that arrives in large pieces', async () => {
    const result = await loadFaulty({}, { inFlight: 1024, payload: 1000, subscribers: 3 })
    expect(result).toMatchObject({ ok: true })
  })

  test('reports a publication that one subscriber never got as a gap', async () => {
    const result = await loadFaulty({
      deliver: (message, { subscriber, sequence }) =>
        subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE ? [] : [message],
    })
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
    const result = await loadFaulty({
      deliver: (message, { sequence }) => (sequence === BAD_SEQUENCE ? [] : [message]),
    })
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'gap', expected: BAD_SEQUENCE, received: BAD_SEQUENCE + 1 },
    })
  })

  test('reports a publication that came twice as a duplicate', async () => {
    const result = await loadFaulty({
      deliver: (message, { subscriber, sequence }) =>
        subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE ? [message, message] : [message],
    })
    expect(result).toMatchObject({
      ok: false,
      problem: {
        kind: 'duplicate',
        subscriber: BAD_SUBSCRIBER,
        expected: BAD_SEQUENCE + 1,
        received: BAD_SEQUENCE,
      },
    })
  })

  test('reports two publications in the wrong order as a reorder', async () => {
    let held = ''
    const result = await loadFaulty({
      deliver: (message, { subscriber, sequence }) => {
        if (subscriber !== BAD_SUBSCRIBER) return [message]
        if (sequence === BAD_SEQUENCE) {
          held = message
          return []
        }
        return sequence === BAD_SEQUENCE + 1 ? [message, held] : [message]
      },
    })
    expect(result).toMatchObject({
      ok: false,
      problem: {
        kind: 'reorder',
        subscriber: BAD_SUBSCRIBER,
        expected: BAD_SEQUENCE,
        received: BAD_SEQUENCE + 1,
      },
    })
  })

  test('reports a subscriber that gets nothing more as a stall', async () => {
    const result = await loadFaulty(
      {
        deliver: (message, { subscriber, sequence }) =>
          subscriber === BAD_SUBSCRIBER && sequence >= BAD_SEQUENCE ? [] : [message],
      },
      { stall: 0.3 },
    )
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'stall', subscriber: BAD_SUBSCRIBER, received: BAD_SEQUENCE - 1 },
    })
  })

  test('reports a connection that the server closed', async () => {
    const result = await loadFaulty({
      deliver: (message, { subscriber, sequence, socket }) => {
        if (subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE) socket?.close(4008, 'slow')
        return [message]
      },
    })
    expect(result).toMatchObject({
      ok: false,
      problem: { kind: 'closed', subscriber: BAD_SUBSCRIBER },
    })
  })

  test('takes pings between publications for what they are', async () => {
    const result = await loadFaulty({
      deliver: (message, { subscriber, sequence, socket }) => {
        if ((sequence + subscriber) % 5 === 0) socket?.ping('here?')
        return [message]
      },
    })
    expect(result).toMatchObject({ ok: true })
  })

  test('goes by the numbers where the bytes differ from one subscriber to the next', async () => {
    const result = await loadFaulty({
      deliver: (message, { subscriber }) => [`${' '.repeat(subscriber)}${message}`],
    })
    expect(result).toMatchObject({ ok: true })
  })

  describe('against Tidewire', () => {
    const tidewire = { protocol: 'tidewire' } as const

    test('awaits an ack for every publication', async () => {
      const result = await loadFaulty({}, tidewire)
      expect(result).toMatchObject({ ok: true })
      expect(result.total.acks).toBe(result.total.publications)
      expect(result.ackMs?.p50).toBeGreaterThan(0)
    })

    test('lets acks open the window when asked to', async () => {
      const result = await loadFaulty({}, { ...tidewire, complete: 'acks', subscribers: 1 })
      expect(result).toMatchObject({ ok: true })
      expect(result.total.receivedByAll).toBe(result.total.publications)
    })

    test('reports an ack that never comes', async () => {
      const result = await loadFaulty(
        { acknowledge: (ack, sequence) => (sequence === BAD_SEQUENCE ? [] : [ack]) },
        { ...tidewire, stall: 0.3 },
      )
      expect(result).toMatchObject({ ok: false, problem: { kind: 'stall', subscriber: -1 } })
    })

    test('reports a refused publish with what the server said', async () => {
      const error = '{"type":"error","payload":{"code":4004,"reason":"rate_limited"}}'
      const result = await loadFaulty({ acknowledge: () => [error] }, tidewire)
      expect(result).toMatchObject({
        ok: false,
        problem: { kind: 'refused', subscriber: -1, text: error },
      })
    })

    test('reports offsets that skip, though every publication came', async () => {
      const result = await loadFaulty(
        {
          deliver: (message, { sequence }) => [
            sequence < BAD_SEQUENCE
              ? message
              : message.replace(`"offset":${40 + sequence}`, `"offset":${41 + sequence}`),
          ],
        },
        tidewire,
      )
      expect(result).toMatchObject({
        ok: false,
        problem: {
          kind: 'offset',
          expected: 40 + BAD_SEQUENCE,
          received: 41 + BAD_SEQUENCE,
        },
      })
    })
  })

  test('says so when the server refuses it', async () => {
    await expect(loadFaulty({}, { path: '/v1/ws', protocol: 'socketio' })).rejects.toThrow(
      'The load generator could not start: expected 0{, the server said: {"type":"conn',
    )
  })
})
