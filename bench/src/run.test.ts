import { describe, expect, test } from 'vitest'

import { hasCompiler } from './generator.ts'
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

const rig: Rig = {
  pinning: { server: [], generator: [], note: 'not pinned' },
  progress: () => undefined,
}

describe.skipIf(!hasCompiler())('a measurement', () => {
  test.each(['ws', 'ws-framed'] as const)(
    'starts a server of its own (%s), counts what it delivers and what CPU it takes',
    async (name) => {
      const sample = await measure(rig, peerNamed(name), plan)
      expect(sample).toMatchObject({ ok: true, acks: 0, frameBytes: 102 })
      expect(sample.deliveries).toBeGreaterThan(0)
      expect(sample.serverCpuSeconds).toBeGreaterThan(0)
      expect(sample.serverCpuSeconds).toBeLessThan(sample.seconds * 2)
    },
  )

  test('of a server that does not come up is refused with its last words', async () => {
    const broken: Peer = {
      ...peerNamed('ws'),
      command: () => [
        process.execPath,
        '-e',
        'console.error("the port is taken"); process.exit(1)',
      ],
    }
    await expect(measure(rig, broken, plan)).rejects.toThrow(
      'ws did not come up: the port is taken',
    )
  })
})
