import { mixedFaults } from './mixed-faults.ts'
import { killDurable, killMemory } from './s01-kill.ts'
import { duplicates } from './s02-duplicates.ts'
import { windowEdges } from './s04-window-edges.ts'
import { subscribeRace } from './s05-subscribe-race.ts'
import { diskFull } from './s06-disk-full.ts'
import { slowConsumer } from './s13-slow-consumer.ts'
import { halfOpen } from './s14-half-open.ts'
import { longSleep, shortSleep } from './s15-sleep.ts'
import { clockSteps } from './s17-clock.ts'
import { drain } from './s19-drain.ts'
import { poisoned } from './s21-poisoned.ts'
import { stall } from './s33-stall.ts'
import { presence } from './s36-presence.ts'
import { people } from './s37-people.ts'
import type { Scenario } from './scenario.ts'

/** Every scenario, in the order in which the nightly run goes round. A new one is a file and a line here. */
export const SCENARIOS: readonly Scenario[] = [
  killDurable,
  killMemory,
  duplicates,
  windowEdges,
  subscribeRace,
  diskFull,
  slowConsumer,
  halfOpen,
  shortSleep,
  longSleep,
  clockSteps,
  drain,
  poisoned,
  stall,
  presence,
  people,
  mixedFaults,
]
