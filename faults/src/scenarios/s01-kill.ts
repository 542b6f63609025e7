import { check, type Rules } from '../history/checker.ts'
import { standardLoad } from '../rig/load.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { pause } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'

const SIZES = {
  small: { kills: 2, scale: 0.2, everyMs: 700, downMs: 100 },
  large: { kills: 5, scale: 1, everyMs: 3000, downMs: 1000 },
}

/** Kill -9 in the middle of publishing: what was acknowledged stays, and nobody is reset. */
export const killDurable: Scenario = {
  id: 'S01-durable',
  title: 'kill -9 in mid publish, durable',
  run: (seed, size) => kill('S01-durable', 'chat', seed, size, durableRules),
}

/** The same where the log dies with the process: a new epoch for each kill, and one reset for each subscription. */
export const killMemory: Scenario = {
  id: 'S01-memory',
  title: 'kill -9 in mid publish, memory',
  run: (seed, size) => kill('S01-memory', 'live', seed, size, memoryRules),
}

function kill(
  scenario: string,
  namespace: string,
  seed: number,
  size: Size,
  rules: (rig: Rig) => Rules,
): Promise<Report> {
  const { kills, scale, everyMs, downMs } = SIZES[size]
  return run({
    scenario,
    seed,
    load: standardLoad(namespace, scale),
    faults: async (rig) => {
      const chance = rig.chance.fork('kills')
      // So that there are always acks under way, which a kill loses.
      rig.uplink.add({ type: 'latency', stream: 'downstream', latency: 30, jitter: 20 })
      for (let i = 0; i < kills; i++) {
        await pause(everyMs * (0.5 + chance.next()))
        await rig.killAndRestart(chance.between(0, downMs))
      }
      await pause(everyMs / 2)
      return []
    },
    after: async (rig) => (namespace === 'live' ? resetsOf(rig) : []),
    rules,
  })
}

function durableRules(): Rules {
  return { maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }
}

function memoryRules(rig: Rig): Rules {
  const streams = rig.readers.length * rig.load.channelsPerReader
  return {
    maxResets: streams * rig.kills,
    maxEpochs: rig.kills + 1,
    minAcked: 50,
    minDelivered: 200,
  }
}

/** Every subscription was told of every kill, once. */
function resetsOf(rig: Rig): string[] {
  const { resetsOfStreams } = check(rig.recorder.events)
  return [...resetsOfStreams]
    .filter(([, resets]) => resets !== rig.kills)
    .map(([stream, resets]) => `${stream} was reset ${resets} times by ${rig.kills} kills.`)
}
