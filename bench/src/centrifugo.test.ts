import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test, vi } from 'vitest'

import { compileGenerator, generate, hasCompiler, type Load } from './generator.ts'
import { peerNamed } from './peers.ts'
import { measure, type Rig } from './run.ts'
import type { Measurement } from './sample.ts'
import { centrifugoConfig } from './servers/centrifugo-config.ts'
import {
  type CentrifugoConfig,
  type CentrifugoFaults,
  FakeCentrifugo,
} from './testing/fake-centrifugo.ts'
import { BAD_SEQUENCE, BAD_SUBSCRIBER, BRIEF } from './testing/load.ts'

const configured = JSON.parse(centrifugoConfig(0)) as CentrifugoConfig
const silent = { begin: () => undefined, end: () => undefined }
const load: Omit<Load, 'port'> = { ...BRIEF, protocol: 'centrifugo', channel: 'bench' }

async function run(
  faults: CentrifugoFaults,
  rest: Partial<Load> = {},
  config = configured,
): Promise<Measurement & { pongs: number }> {
  await using server = await FakeCentrifugo.start(config, faults)
  const command = [compileGenerator('broadcast')]
  const measured = await generate(command, { ...load, ...rest, port: server.port }, silent)
  return { ...measured, pongs: server.pongs }
}

const isBad = ({ subscriber, sequence }: { subscriber: number; sequence: number }) =>
  subscriber === BAD_SUBSCRIBER && sequence === BAD_SEQUENCE

describe.skipIf(!hasCompiler())('the dialect of Centrifugo', () => {
  test.each([1, 16, 256])('counts what all received in order, %i in flight', async (inFlight) => {
    const result = await run({}, { inFlight })
    expect(result).toMatchObject({ ok: true })
    expect(result.total.publications).toBeGreaterThan(BAD_SEQUENCE)
    expect(result.total.receivedByAll).toBe(result.total.publications)
    expect(result.total.acks).toBe(result.total.publications)
    expect(result.ackMs?.p50).toBeGreaterThan(0)
  })

  test('answers pings, which lie between publications', async () => {
    const result = await run({ pingEvery: 10 })
    expect(result).toMatchObject({ ok: true })
    expect(result.pongs).toBeGreaterThan(8)
  })

  test('reports what one subscriber never got as a gap', async () => {
    const result = await run({ deliver: (message, at) => (isBad(at) ? [] : [message]) })
    expect(result.problem).toMatchObject({
      kind: 'gap',
      subscriber: BAD_SUBSCRIBER,
      expected: BAD_SEQUENCE,
      received: BAD_SEQUENCE + 1,
    })
  })

  test('reports what came twice as a duplicate', async () => {
    const result = await run({
      deliver: (message, at) => (isBad(at) ? [message, message] : [message]),
    })
    expect(result.problem).toMatchObject({ kind: 'duplicate', subscriber: BAD_SUBSCRIBER })
  })

  test('reports what came in the wrong order as a reorder', async () => {
    let held = ''
    const result = await run({
      deliver: (message, at) => {
        if (at.subscriber !== BAD_SUBSCRIBER) return [message]
        if (at.sequence === BAD_SEQUENCE) {
          held = message
          return []
        }
        return at.sequence === BAD_SEQUENCE + 1 ? [message, held] : [message]
      },
    })
    expect(result.problem).toMatchObject({ kind: 'reorder', subscriber: BAD_SUBSCRIBER })
  })

  test('reports a hole in the offsets', async () => {
    const result = await run({
      deliver: (message, at) => [
        isBad(at) ? message.replace(/"offset":\d+/, '"offset":999999') : message,
      ],
    })
    expect(result.problem).toMatchObject({ kind: 'offset', received: 999_999 })
  })

  test('reports an ack that never comes', async () => {
    const result = await run({
      acknowledge: (reply, sequence) => (sequence === BAD_SEQUENCE ? [] : [reply]),
    })
    expect(result.problem).toMatchObject({ kind: 'stall', subscriber: -1 })
  })

  test('reports a publish that is refused', async () => {
    const result = await run({
      acknowledge: (reply, sequence) =>
        sequence === BAD_SEQUENCE
          ? [reply.replace('"publish":{}', '"error":{"code":108,"message":"not available"}')]
          : [reply],
    })
    expect(result.problem).toMatchObject({ kind: 'refused', subscriber: -1 })
    expect(result.problem?.text).toContain('not available')
  })

  test('reports a client that is unsubscribed, as one is that missed something', async () => {
    const push = '{"push":{"channel":"bench","unsubscribe":{"code":2500,"reason":"insufficient"}}}'
    const result = await run({ deliver: (message, at) => [isBad(at) ? push : message] })
    expect(result.problem).toMatchObject({ kind: 'refused', subscriber: BAD_SUBSCRIBER })
  })

  test('reports a disconnect', async () => {
    const result = await run({
      deliver: (message, at) => {
        if (isBad(at)) at.socket?.close(3008, 'slow')
        return [message]
      },
    })
    expect(result.problem).toMatchObject({ kind: 'closed', subscriber: BAD_SUBSCRIBER })
  })

  test('cannot start where subscribing is not allowed, and says what the server said', async () => {
    const closed = { ...configured, channel: { without_namespace: {} } }
    await expect(run({}, {}, closed)).rejects.toThrow('permission denied')
  })
})

describe.skipIf(!hasCompiler())('the peer', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidewire-bench-'))
  const binary = join(folder, 'centrifugo')
  const fake = fileURLToPath(new URL('testing/fake-centrifugo.ts', import.meta.url))
  writeFileSync(binary, `#!/bin/sh\nexec "${process.execPath}" "${fake}" "$@"\n`, { mode: 0o755 })
  afterAll(() => {
    rmSync(folder, { recursive: true })
    vi.unstubAllEnvs()
  })

  test('is asked for by the path of a binary', () => {
    vi.stubEnv('BENCH_PEER_CENTRIFUGO', undefined)
    expect(peerNamed('centrifugo').available()).toMatch(/^set BENCH_PEER_CENTRIFUGO/)
    vi.stubEnv('BENCH_PEER_CENTRIFUGO', join(folder, 'nothing'))
    expect(peerNamed('centrifugo').available()).toMatch(/does not run$/)
  })

  test('is started with a configuration under which it can be measured', async () => {
    vi.stubEnv('BENCH_PEER_CENTRIFUGO', binary)
    const peer = peerNamed('centrifugo')
    expect(peer.available()).toBeUndefined()
    expect(peer.version()).toBe('6.0.0')
    const rig: Rig = {
      pinning: { server: [], generator: [], note: 'not pinned' },
      progress: () => undefined,
    }
    const { protocol: _, ...plan } = load
    const sample = await measure(rig, peer, plan)
    expect(sample).toMatchObject({ ok: true })
    expect(sample.acks).toBeGreaterThan(0)
  })
})
