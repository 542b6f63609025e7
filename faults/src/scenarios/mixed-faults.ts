import { standardLoad } from '../rig/load.ts'
import { planOf, play } from '../rig/plan.ts'
import { run } from '../rig/run.ts'
import type { Scenario } from './scenario.ts'

const SIZES = {
  small: { scale: 0.2, steps: 3 },
  large: { scale: 0.6, steps: 15 },
}

/** A plan that the seed draws from all faults of the rig. */
export const mixedFaults: Scenario = {
  id: 'mixed',
  title: 'random faults of network and process, durable',
  run: (seed, size) => {
    const { scale, steps } = SIZES[size]
    return run({
      scenario: 'mixed',
      seed,
      load: standardLoad('chat', scale),
      faults: async (rig) => {
        const chance = rig.chance.fork('plan')
        await play(rig, planOf(chance, steps), chance)
        return []
      },
      rules: () => ({ maxResets: 0, minAcked: 50, minDelivered: 200 }),
    })
  },
}
