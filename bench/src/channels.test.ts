import { beforeAll, describe, expect, test } from 'vitest'

import { generateChannels } from './channels.ts'
import { compileGenerator, hasCompiler } from './generator.ts'
import { BAD, isBad, LOAD, once, runAgainst, silent } from './testing/channels-rig.ts'
import { FaultyRouter } from './testing/faulty-router.ts'

type Args = Parameters<typeof runAgainst> extends [string, ...infer Rest] ? Rest : never

describe.skipIf(!hasCompiler())('the load generator for many channels', () => {
  let program = ''
  beforeAll(() => {
    program = compileGenerator('channels')
  })
  const run = (...args: Args) => runAgainst(program, ...args)

  test('counts what all subscribers received in order', async () => {
    const result = await run({})
    expect(result.problem).toBeUndefined()
    expect(result.deliveries).toBeGreaterThan(0)
    expect(result.total.deliveries).toBe(result.total.publications * 3)
    expect(result.total.acks).toBe(0)
    expect(result.lastSubscriberMs?.p99).toBeGreaterThan(0)
  })

  test('gives every channel as many subscribers, and connections different channels', async () => {
    let sets: string[] = []
    const load = { channels: 7, subscribers: 14, each: 3 }
    await run({}, load, (router) => ({
      begin: () => {
        expect([...router.subscribers.values()].map((of) => of.length)).toEqual(Array(7).fill(6))
        sets = Array.from({ length: 14 }, (_, subscriber) =>
          [...router.subscribers]
            .filter(([, of]) => of.includes(subscriber))
            .map(([channel]) => channel)
            .toSorted()
            .join(),
        )
      },
      end: () => undefined,
    }))
    expect(new Set(sets).size).toBe(14)
  })

  test('refuses an uneven spread', async () => {
    await expect(run({}, { subscribers: 5, each: 1 })).rejects.toThrow(
      'subscribers times each must be a multiple of channels',
    )
  })

  test('reports a publish that one subscriber never got as a gap', async () => {
    const { problem } = await run({ deliver: once(() => []) })
    const { sequence, ...where } = BAD
    expect(problem).toMatchObject({
      ...where,
      kind: 'gap',
      expected: sequence,
      received: sequence + 1,
    })
  })

  test('reports a publish that came twice as a duplicate', async () => {
    const { problem } = await run({ deliver: once((message) => [message, message]) })
    const { sequence, ...where } = BAD
    expect(problem).toMatchObject({
      ...where,
      kind: 'duplicate',
      expected: sequence + 1,
      received: sequence,
    })
  })

  test('reports two publishes of a channel in the wrong order as a reorder', async () => {
    const held = new Map<number, string>()
    const { problem } = await run({
      deliver: (message, at) => {
        if (isBad(at)) {
          held.set(at.subscriber, message)
          return []
        }
        return isBad(at, BAD.sequence + 1) ? [message, held.get(at.subscriber) ?? ''] : [message]
      },
    })
    const { sequence, ...where } = BAD
    expect(problem).toMatchObject({
      ...where,
      kind: 'reorder',
      expected: sequence,
      received: sequence + 1,
    })
  })

  test('does not mind how the publishes of different publishers are interleaved', async () => {
    const held: string[] = []
    let swapped = 0
    const result = await run({
      deliver: (message, at) => {
        if (at.subscriber !== 0 || swapped > 0) return [message]
        if (at.publisher === 0) {
          held.push(message)
          return []
        }
        swapped = held.length
        return [message, ...held]
      },
    })
    expect(result.problem).toBeUndefined()
    expect(swapped).toBeGreaterThan(0)
  })

  test('reports what comes from a channel that was not subscribed', async () => {
    const { problem } = await run({
      deliver: once((message) => [message.replace(/(content":"\d{3})\d{4}/, '$10000')]),
    })
    expect(problem?.kind).toMatch(/^(unexpected|duplicate|gap)$/)
  })

  test('reports a publish that is on its way for ever as a stall', async () => {
    const { problem } = await run(
      {
        deliver: (message, at) =>
          at.channel === BAD.channel && at.sequence >= BAD.sequence ? [] : [message],
      },
      { stall: 0.3 },
    )
    expect(problem).toMatchObject({ kind: 'stall', channel: BAD.channel, expected: BAD.sequence })
  })

  test('reports a connection that the server closed', async () => {
    const { problem } = await run({
      deliver: (message, at) => {
        if (isBad(at)) at.socket.close(4008, 'slow')
        return [message]
      },
    })
    expect(problem?.kind).toBe('closed')
  })

  test('takes pings for what they are', async () => {
    const { problem } = await run({
      deliver: (message, { sequence, socket }) => {
        if (sequence % 5 === 0) socket.ping('here?')
        return [message]
      },
    })
    expect(problem).toBeUndefined()
  })

  describe('by schedule', () => {
    test('publishes at the rate, whatever comes back', async () => {
      const result = await run({}, { rate: 2000, inFlight: 1000, seconds: 0.3 })
      expect(result.problem).toBeUndefined()
      expect(result.offered).toBeGreaterThanOrEqual(600)
      expect(Math.abs(result.publications - result.offered)).toBeLessThan(200)
    })

    test('counts latency from when a publish was due, so that a pause costs all in it', async () => {
      const PAUSE_MS = 200
      let pause = false
      const result = await run(
        {
          deliver: (message) => {
            if (pause) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PAUSE_MS)
            pause = false
            return [message]
          },
        },
        { rate: 1000, inFlight: 1000, seconds: 0.4 },
        () => ({ begin: () => (pause = true), end: () => undefined }),
      )
      expect(result.problem).toBeUndefined()
      expect(result.lastSubscriberMs?.p99).toBeGreaterThan(PAUSE_MS * 0.8)
    })
  })

  test('says so when the server refuses it', async () => {
    await using router = await FaultyRouter.start({})
    const address = { port: router.port, path: '/v1/ws' }
    await expect(generateChannels([program], LOAD, address, silent)).rejects.toThrow(
      'The load generator could not start: expected "subscribed", the server said: {"type":"conn',
    )
  })
})
