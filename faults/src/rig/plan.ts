import type { Chance } from '../chance.ts'
import type { FaultProxy } from '../proxy/fault-proxy.ts'
import type { Direction, Fault } from '../proxy/toxics.ts'
import type { Rig } from './rig.ts'
import { pause } from './until.ts'

type Step = (rig: Rig, chance: Chance) => Promise<void>

/** What a plan may hold. Each lasts at most about two seconds and leaves nothing behind. */
const STEPS: Readonly<Record<string, Step>> = {
  kill: (rig, chance) => rig.killAndRestart(chance.between(0, 500)),
  stop: (rig, chance) => rig.stopAndRestart(chance.between(0, 300)),
  freeze: async ({ server }, chance) => {
    server.freeze()
    await pause(chance.between(100, 1500))
    server.thaw()
  },
  sever: async (rig, chance) => anyLink(rig, chance).sever(),
  latency: toxic((chance) => {
    return { type: 'latency', latency: chance.between(10, 300), jitter: chance.between(0, 200) }
  }),
  slices: toxic((chance) => {
    return { type: 'slicer', average_size: chance.between(10, 400), size_variation: 9, delay: 200 }
  }),
  bandwidth: toxic((chance) => {
    return { type: 'bandwidth', rate: chance.between(20, 200) }
  }),
  blackhole: toxic(() => {
    return { type: 'timeout', timeout: 0 }
  }),
  reset: toxic((chance) => {
    return { type: 'reset_peer', timeout: chance.between(0, 500) }
  }),
  'half-close': toxic((chance) => {
    return { type: 'half_close', bytes: chance.between(500, 20_000) }
  }),
  'cut-off': toxic((chance) => {
    return { type: 'limit_data', bytes: chance.between(500, 20_000) }
  }),
}

/** Some kinds of faults, and an order of them: both drawn from the seed, so that no kind always hides another. */
export function planOf(chance: Chance, steps: number): string[] {
  const kinds = Object.keys(STEPS)
  const some = chance.sample(kinds, chance.between(2, 5))
  return Array.from({ length: steps }, () => chance.pick(some))
}

export async function play(rig: Rig, plan: readonly string[], chance: Chance): Promise<void> {
  for (const name of plan) {
    rig.note(name)
    await STEPS[name]!(rig, chance)
    await pause(chance.between(100, 500))
  }
}

function toxic(make: (chance: Chance) => Fault): Step {
  return async (rig, chance) => {
    const stream: Direction = chance.pick(['upstream', 'downstream'])
    const toxicity = 0.2 + chance.next() * 0.8
    const remove = anyLink(rig, chance).add({ ...make(chance), stream, toxicity })
    await pause(chance.between(200, 1500))
    remove()
  }
}

function anyLink({ uplink, downlink }: Rig, chance: Chance): FaultProxy {
  return chance.pick([uplink, downlink])
}
