import { describe, expect, it } from 'vitest'
import type { Bug } from './brokers.ts'
import { standardLoad } from '../rig/load.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { until } from '../rig/until.ts'

const SERVE = new URL('./serve.ts', import.meta.url).pathname

/** A short run with two kills against a server with the fault. */
async function failuresOf(bug: Bug, namespace: string): Promise<string> {
  const { failures } = await run({
    scenario: bug,
    seed: 1,
    load: standardLoad(namespace, 0.2),
    server: { program: [SERVE, bug] },
    faults: async (rig) => {
      for (let i = 0; i < 2; i++) {
        await acknowledged(rig, 100)
        await rig.killAndRestart(50)
      }
      await acknowledged(rig, 100)
      return []
    },
    // Resets are not what is looked for.
    rules: () => ({ maxResets: 10_000, maxEpochs: 100, minAcked: 1, minDelivered: 1 }),
  })
  return failures.join('\n')
}

/** Resolves when so many more publications were acknowledged. */
function acknowledged({ recorder }: Rig, count: number): Promise<void> {
  const acks = (): number => recorder.events.filter(({ type }) => type === 'pub.ok').length
  const enough = acks() + count
  return until(
    () => acks() >= enough,
    () => `${acks()} of ${enough} publications were acknowledged.`,
    15_000,
  )
}

describe('a server with a fault in it is caught:', () => {
  it.each<[Bug, string, RegExp]>([
    ['ack_before_write', 'chat', /^(lost-write|divergence): /m],
    ['skip_epoch_fence', 'live', /^(divergence|bad-recovery): /m],
    ['no_gap_check', 'chat', /^gap: /m],
  ])('%s', { timeout: 60_000 }, async (bug, namespace, anomaly) => {
    expect(await failuresOf(bug, namespace)).toMatch(anomaly)
  })
})
