import { mixedFaults } from './mixed-faults.ts'
import { killDurable, killMemory } from './s01-kill.ts'
import { duplicates } from './s02-duplicates.ts'
import { subscribeRace } from './s05-subscribe-race.ts'
import type { Scenario } from './scenario.ts'

/** Every scenario, in the order in which the nightly run goes round. A new one is a file and a line here. */
export const SCENARIOS: readonly Scenario[] = [
  killDurable,
  killMemory,
  duplicates,
  subscribeRace,
  mixedFaults,
]
