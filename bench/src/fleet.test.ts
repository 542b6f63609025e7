import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { beforeAll, describe, expect, test } from 'vitest'

import { compileGenerator, hasCompiler } from './generator.ts'
import { runProgram } from './program.ts'
import { signToken, verifyToken } from './servers/token.ts'
import { FaultyLog, type LogFaults, OFFSET_OF_ZERO } from './testing/faulty-log.ts'

const silent = { begin: () => undefined, end: () => undefined }
/** The client and the publication that something happens to; both are there before anybody is cut. */
const CLIENT = 3
const OFFSET = OFFSET_OF_ZERO + 4

describe.skipIf(!hasCompiler())('a fleet', () => {
  let program = ''
  beforeAll(() => {
    program = compileGenerator('fleet')
  })

  describe.concurrent('whose connections drop', () => {
    async function drop(faults: LogFaults, flags: Record<string, number> = {}) {
      await using server = await FaultyLog.start(faults)
      const load = {
        clients: 6,
        untouched: 2,
        channels: 2,
        rate: 40,
        calm: 0.4,
        away: 0.1,
        outstanding: 1,
      }
      return await runProgram(
        [program, 'drop'],
        { port: server.port, protocol: 'tidewire', recover: 1, spread: 0.1, ...load, ...flags },
        silent,
      )
    }
    const clean = { lost: 0, doubled: 0, reordered: 0, unrecovered: 0, refused: 0 }

    test('has everything once and in order when the server keeps its promise', async () => {
      const result = await drop({})
      expect(result).toMatchObject({ ok: true, clients: 6, caught_up: 6, ...clean })
      expect(result['acks']).toBe(result['published'])
      expect(result['storm_ms']).toMatchObject({ p99: expect.any(Number) as number })
    })

    test('counts what one client did not get while it was connected', async () => {
      const result = await drop({
        deliver: (message, { client, offset }) =>
          client === CLIENT && offset === OFFSET ? [] : [message],
      })
      expect(result).toMatchObject({ ok: true, ...clean, lost: 1 })
    })

    test('counts what came twice', async () => {
      const result = await drop({
        deliver: (message, { client, offset }) =>
          client === CLIENT && offset === OFFSET ? [message, message] : [message],
      })
      expect(result).toMatchObject({ ok: true, ...clean, doubled: 1 })
    })

    test('takes what came late for out of order, and for nothing else', async () => {
      let held = ''
      const result = await drop({
        deliver: (message, { client, offset }) => {
          if (client !== CLIENT) return [message]
          if (offset === OFFSET) {
            held = message
            return []
          }
          return offset === OFFSET + 1 ? [message, held] : [message]
        },
      })
      expect(result).toMatchObject({ ok: true, ...clean, reordered: 1 })
    })

    test('counts what the recovery left out', async () => {
      const result = await drop({ recover: (missed) => missed.slice(1) })
      expect(result).toMatchObject({ ok: true, ...clean, lost: 6 })
    })

    test('counts what the recovery brought again', async () => {
      const result = await drop({ recover: (missed) => [...missed, ...missed.slice(-1)] })
      expect(result).toMatchObject({ ok: true, ...clean, doubled: 6 })
    })

    test('says who was not recovered', async () => {
      const result = await drop({ subscribed: (answer) => ({ ...answer, recovered: false }) })
      expect(result).toMatchObject({ ...clean, unrecovered: 6 })
    })

    test('does not take another position for its own', async () => {
      const result = await drop({
        subscribed: (answer) => ({ ...answer, offset: answer.offset + 1 }),
      })
      expect(result).toMatchObject({ ...clean, unrecovered: 6 })
    })

    test('reports offsets that do not fit the publications', async () => {
      const result = await drop({
        deliver: (message, { client, offset }) => [
          client === CLIENT
            ? message.replace(`"offset":${offset}`, `"offset":${offset + 1}`)
            : message,
        ],
      })
      expect(result).toMatchObject({ ok: false, problem: { kind: 'offset', client: CLIENT } })
    })

    test('reports a connection that ends without being cut', async () => {
      const result = await drop({
        deliver: (message, { client, offset, socket }) => {
          if (client === CLIENT && offset === OFFSET) socket.close(4008, 'slow')
          return [message]
        },
      })
      expect(result).toMatchObject({ ok: false, problem: { kind: 'closed', client: CLIENT } })
    })

    test('comes again when it is sent away, and counts how often', async () => {
      // Eight subscribers and the publisher come first.
      const result = await drop({ refuse: (attempt) => attempt >= 9 && attempt < 12 })
      expect(result).toMatchObject({ ok: true, caught_up: 6, ...clean, refused: 3 })
    })

    test('waits for those who never catch up for as long as it was told', async () => {
      const result = await drop({ refuse: (attempt) => attempt >= 9 }, { limit: 0.7 })
      expect(result).toMatchObject({ ok: false, caught_up: 0, problem: { kind: 'late' } })
    })
  })

  describe('that comes all at once', () => {
    async function storm(faults: LogFaults, flags: Record<string, number> = {}) {
      await using server = await FaultyLog.start(faults)
      const load = { clients: 50, 'warmup-clients': 10, outstanding: 8 }
      return await runProgram(
        [program, 'storm'],
        { port: server.port, protocol: 'tidewire', ...load, ...flags },
        silent,
      )
    }

    test('measures until all are subscribed', async () => {
      const result = await storm({})
      expect(result).toMatchObject({ ok: true, clients: 50, refused: 0 })
      expect(result['seconds']).toBeGreaterThan(0)
    })

    test('reports a refusal, with what the server says', async () => {
      const result = await storm({ refuse: (attempt) => attempt === 30 })
      expect(result).toMatchObject({ ok: false, problem: { kind: 'refused' } })
      expect(JSON.stringify(result['problem'])).toContain('503 Service Unavailable')
    })
  })

  test('that is idle stops at each number of clients until it is told to go on, and counts heartbeats', async () => {
    await using server = await FaultyLog.start({})
    const flags = ['--protocol', 'tidewire', '--port', String(server.port), '--stops', '5,20']
    const child = spawn(program, ['idle', ...flags], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines: { event: string }[] = []
    for await (const text of createInterface({ input: child.stdout })) {
      const line = JSON.parse(text) as { event: string }
      lines.push(line)
      if (line.event === 'begin') server.ping()
      if (line.event === 'begin') await server.ponged(20)
      if (line.event !== 'result') child.stdin.write('\n')
    }
    if (child.exitCode === null) await once(child, 'exit')
    expect(lines).toMatchObject([
      { event: 'connected', clients: 5 },
      { event: 'connected', clients: 20 },
      { event: 'begin', clients: 20 },
      { event: 'end', heartbeats: 20 },
      { event: 'result', ok: true, clients: 20 },
    ])
  })

  test('says so when it cannot start', async () => {
    const command = runProgram([program, 'storm'], { protocol: 'tidewire' }, silent)
    await expect(command).rejects.toThrow('--protocol and --port are needed')
  })
})

describe('a token of the fleet', () => {
  const token = signToken('ada', 'secret', 60)

  test('names its user', () => {
    expect(verifyToken(token, 'secret')).toBe('ada')
  })

  test.each([
    ['another secret', token, 'other'],
    ['another signature', `${token.slice(0, -4)}AAAA`, 'secret'],
    ['an end in the past', signToken('ada', 'secret', -1), 'secret'],
    ['no form', 'garbage', 'secret'],
  ])('with %s does not', (_, forged, secret) => {
    expect(verifyToken(forged, secret)).toBeUndefined()
  })
})
