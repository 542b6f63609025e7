import { check, type Verdict } from '../history/checker.ts'
import type { HistoryEvent } from '../history/events.ts'
import { virtualGlobals } from './globals.ts'
import { overtaken, restless, unexplainedResets } from './judge.ts'
import { describePlan, type Fault } from './plan.ts'
import type { Tampering } from './server.ts'
import { Simulator } from './simulator.ts'
import { World } from './world.ts'

/** What became of one seed. */
export interface Outcome {
  seed: number
  plan: string
  faults: ReadonlySet<Fault>
  /** The same for every run of the seed. */
  hash: string
  /** What should not have happened; empty when all is well. */
  problems: readonly string[]
  verdict: Verdict
  history: readonly HistoryEvent[]
  events: number
  virtualMs: number
}

const SKIPPING: readonly Fault[] = ['trim', 'crash', 'drain', 'restore', 'churn']

/**
 * Runs one seed: the real core and the real clients in a world where everything else is simulated. One at a time,
 * because it borrows this program's globals.
 */
export async function simulate(seed: number, tampering: Tampering = {}): Promise<Outcome> {
  const simulator = new Simulator(seed)
  const restore = virtualGlobals(simulator)
  try {
    const world = new World(simulator, tampering)
    await world.run()
    return outcomeOf(seed, world, simulator)
  } finally {
    restore()
  }
}

function outcomeOf(seed: number, world: World, simulator: Simulator): Outcome {
  const { plan, lives, costs } = world
  const { publications, subscribers, faults } = plan
  const { events: history } = world.recorder
  // Whoever was away for long, or forgot where it was, is told so and missed something. Everybody else got all of it,
  // once on the connection and once in the application.
  const maySkip = SKIPPING.some((fault) => faults.has(fault))
  const verdict = check(history, {
    // What is allowed depends on the plan.
    maxResets: Infinity,
    maxEpochs: Infinity,
    minAcked: publications,
    minDelivered: maySkip ? 0 : 2 * publications * subscribers,
  })
  const anomalies = verdict.anomalies.map(
    ({ class: name, client, channel, why }) => `${name}: ${client} ${channel}: ${why}`,
  )
  return {
    seed,
    plan: describePlan(plan),
    faults,
    hash: simulator.hash,
    problems: [
      ...world.problems,
      ...anomalies,
      ...unexplainedResets(history, verdict, plan, lives),
      ...overtaken(history, plan),
      ...restless(history, costs, simulator.now),
    ],
    verdict,
    history,
    events: simulator.events,
    virtualMs: simulator.now,
  }
}
