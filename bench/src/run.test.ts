import { beforeAll, describe, expect, test } from 'vitest'

import { compileGenerator, hasCompiler } from './generator.ts'
import { type Peer, peerNamed } from './peers.ts'
import { measure, type Plan, type Rig } from './run.ts'

const plan: Plan = {
  channel: 'bench',
  subscribers: 20,
  payload: 100,
  inFlight: 64,
  warmup: 0.05,
  seconds: 0.5,
  complete: 'deliveries',
}

describe.skipIf(!hasCompiler())('a measurement', () => {
  let rig: Rig
  beforeAll(() => {
    rig = {
      generator: compileGenerator('broadcast'),
      pinning: { server: [], generator: [], note: 'not pinned' },
      progress: () => undefined,
    }
  })

  test('starts a server of its own and counts what it delivers and what CPU it takes', async () => {
    const sample = await measure(rig, peerNamed('ws'), plan)
    expect(sample).toMatchObject({ ok: true, acks: 0, frameBytes: 102 })
    expect(sample.deliveries).toBeGreaterThan(0)
    expect(sample.serverCpuSeconds).toBeGreaterThan(0)
    expect(sample.serverCpuSeconds).toBeLessThan(sample.seconds * 2)
  })

  test('of a server that does not come up is a failure with its last words', async () => {
    const broken: Peer = {
      ...peerNamed('ws'),
      command: () => [
        process.execPath,
        '-e',
        'console.error("the port is taken"); process.exit(1)',
      ],
    }
    const sample = await measure(rig, broken, plan)
    expect(sample).toMatchObject({
      ok: false,
      problem: { kind: 'start', text: 'ws did not come up: the port is taken' },
    })
  })
})
