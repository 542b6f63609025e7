import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { compileGenerator, hasCompiler } from './generator.ts'
import { isBad, once, runAgainst } from './testing/channels-rig.ts'
import type { RouterFaults } from './testing/faulty-router.ts'

type Args = Parameters<typeof runAgainst> extends [string, ...infer Rest] ? Rest : never

const tidewire = { protocol: 'tidewire', acks: true } as const

describe.skipIf(!hasCompiler())('the load generator for many channels', () => {
  let program = ''
  const directory = mkdtempSync(join(tmpdir(), 'tidewire-bench-'))
  beforeAll(() => {
    program = compileGenerator('channels')
  })
  afterAll(() => rmSync(directory, { recursive: true }))
  const run = (...args: Args) => runAgainst(program, ...args)

  describe('with acks', () => {
    test('awaits one for every publish', async () => {
      const result = await run({}, { ...tidewire, complete: 'acks' })
      expect(result.problem).toBeUndefined()
      expect(result.total.acks).toBe(result.total.publications)
      expect(result.total.deliveries).toBe(result.total.publications * 3)
      expect(result.ackMs?.p50).toBeGreaterThan(0)
    })

    test('asks a server for them that does not give them by itself', async () => {
      const result = await run({}, { acks: true, complete: 'acks' })
      expect(result.problem).toBeUndefined()
      expect(result.total.acks).toBe(result.total.publications)
    })

    /** Answers only when so many wait for it. */
    const onlyIn = (size: number): RouterFaults => {
      let waiting: string[] = []
      return {
        acknowledge: (ack) => {
          waiting.push(ack)
          if (waiting.length < size) return []
          const answered = waiting
          waiting = []
          return answered
        },
      }
    }
    const window = { ...tidewire, complete: 'acks', publishers: 1, stall: 0.3 } as const

    test.each([
      { open: 'as many as the window says', load: { inFlight: 6 }, size: 6 },
      { open: 'as many as a packet holds', load: { inFlight: 6, packet: 4 }, size: 4 },
    ])('keeps open $open, and not one more', async ({ load, size }) => {
      const enough = await run(onlyIn(size), { ...window, ...load, stall: 0.3 })
      // The last ones may wait for ever; all before came in full groups.
      expect(enough.total.acks).toBeGreaterThan(size * 10)
      const more = await run(onlyIn(size + 1), { ...window, ...load })
      expect(more.problem?.kind).toBe('stall')
      expect(more.total.acks).toBe(0)
      expect(more.total.publications).toBe(size)
    })

    test('reports one that never comes', async () => {
      const { problem } = await run(
        { acknowledge: (ack, at) => (isBad(at) ? [] : [ack]) },
        { ...tidewire, stall: 0.3 },
      )
      expect(problem).toMatchObject({ kind: 'stall', publisher: 1, channel: 2, expected: 5 })
    })

    test('reports one that comes twice', async () => {
      const { problem } = await run(
        { acknowledge: (ack, at) => (isBad(at) ? [ack, ack] : [ack]) },
        tidewire,
      )
      expect(problem).toMatchObject({ kind: 'unexpected', publisher: 1 })
    })

    test('reports a refused publish with what the server said', async () => {
      const error = '{"type":"error","payload":{"code":4004,"reason":"rate_limited"}}'
      const { problem } = await run({ acknowledge: () => [error] }, tidewire)
      expect(problem).toMatchObject({ kind: 'refused', subscriber: -1, text: error })
    })

    test('reports an ack that speaks of a repetition', async () => {
      const { problem } = await run(
        { acknowledge: (ack) => [ack.replace('"duplicate":false', '"duplicate":true')] },
        tidewire,
      )
      expect(problem?.kind).toBe('refused')
    })

    test('reports offsets that skip, though every publish came', async () => {
      const { problem } = await run(
        { deliver: once((message) => [message.replace(/"offset":(\d+)/, '"offset":9$1')]) },
        tidewire,
      )
      expect(problem).toMatchObject({ kind: 'offset', publisher: 1, channel: 2 })
    })

    test('reports a delivery under the name of another channel', async () => {
      const { problem } = await run(
        { deliver: once((message) => [message.replace('live:c0002', 'live:c0001')]) },
        tidewire,
      )
      expect(problem).toMatchObject({ kind: 'unexpected', publisher: 1, channel: 2 })
    })
  })

  describe('until the server is gone', () => {
    test('leaves a ledger of exactly what was acknowledged', async () => {
      const acknowledged = new Map<string, number>()
      const ledger = join(directory, 'ledger')
      const result = await run(
        {
          acknowledge: (ack, at) => {
            acknowledged.set(`${at.channel} ${at.publisher}`, at.sequence)
            return [ack]
          },
        },
        { ...tidewire, complete: 'acks', inFlight: 1, ledger },
        (router) => ({ begin: () => undefined, end: () => router.closeAll() }),
      )
      expect(result.problem).toBeUndefined()
      const lines = readFileSync(ledger, 'utf8').trim().split('\n')
      expect(lines).toHaveLength(4 * 3)
      for (const line of lines) {
        const [, channel, publisher, sequence] = /^(\d+) (\d+) (\d+)$/.exec(line) ?? []
        const sent = acknowledged.get(`${channel} ${publisher}`) ?? 0
        // The last ack of each publisher may have been cut off.
        expect(sent - Number(sequence)).toBeGreaterThanOrEqual(0)
        expect(sent - Number(sequence)).toBeLessThanOrEqual(1)
      }
    })

    test('still reports what was wrong before', async () => {
      const { problem } = await run(
        { deliver: once(() => []) },
        { ...tidewire, complete: 'acks', ledger: join(directory, 'ledger') },
      )
      expect(problem?.kind).toMatch(/^(gap|offset)$/)
    })
  })

  describe('over HTTP', () => {
    const http = {
      protocol: 'http',
      subscribeProtocol: 'tidewire',
      complete: 'acks',
      inFlight: 1,
    } as const
    const batch = { ...http, batch: true } as const

    test('counts answers as acks, and checks what subscribers get', async () => {
      const result = await run({}, http)
      expect(result.problem).toBeUndefined()
      expect(result.total.acks).toBe(result.total.publications)
      expect(result.total.deliveries).toBe(result.total.publications * 3)
    })

    test('counts a batch as one publish to each channel', async () => {
      const result = await run({}, batch)
      expect(result.problem).toBeUndefined()
      expect(result.total.acks).toBe(result.total.publications)
      expect(result.total.deliveries).toBe(result.total.publications * 3)
    })

    test('reports a gap in one channel of a batch', async () => {
      let dropped = false
      const { problem } = await run(
        {
          deliver: (message, at) => {
            const drop = at.sequence === 3 && !dropped && message.includes('live:c0002')
            dropped ||= drop
            return drop ? [] : [message]
          },
        },
        { ...batch, publishers: 1 },
      )
      expect(problem).toMatchObject({ kind: 'gap', channel: 2, expected: 3, received: 4 })
    })

    test.each([
      { answer: 'an error', load: http, status: 429, body: '{"reason":"rate_limited"}' },
      { answer: 'a repetition', load: http, status: 200, body: '{"duplicate":true}' },
      { answer: 'half a batch', load: batch, status: 200, body: '[{"duplicate":false}]' },
    ])('reports $answer as refused', async ({ load, status, body }) => {
      const { problem } = await run({ respond: () => ({ status, body }) }, load)
      expect(problem?.kind).toBe('refused')
      expect(problem?.text.replaceAll('\\', '')).toContain(body)
    })
  })
})
