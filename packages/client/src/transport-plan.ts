import type { TransportName } from './types.ts'

/** Failures of one transport, before it ever established, after which the next one is tried. */
const FAILURES_PER_TRANSPORT = 2

/**
 * Which transport the next attempt uses. Pure.
 *
 * The first choice is kept until it failed twice in a row, then the next one has two attempts, and so on round.
 * Two failures do not tell a proxy that blocks WebSockets from a server that was down. So when another transport
 * gets through, the server is there, and the first choice has one more attempt before that one is kept.
 */
export interface TransportPlan {
  readonly order: readonly TransportName[]
  readonly current: TransportName
  /** In a row, of `current`. */
  readonly failures: number
  /** What worked last since `freshPlan`; else the first of `order`. */
  readonly choice: TransportName
  /** The choice established before, or its failures were quick: it deserves the extra attempt. */
  readonly choiceWorked: boolean
  readonly choiceTimedOut: boolean
  /** Set while the choice has its extra attempt: the transport that got through and that is used if it fails. */
  readonly standIn: TransportName | undefined
}

export function freshPlan(order: readonly TransportName[]): TransportPlan {
  const first = order[0] ?? 'websocket'
  return {
    order,
    current: first,
    failures: 0,
    choice: first,
    choiceWorked: false,
    choiceTimedOut: false,
    standIn: undefined,
  }
}

/** A transport got through. `keep: false`: leave it and open `plan.current`, the choice, once more. */
export function succeeded(plan: TransportPlan): { plan: TransportPlan; keep: boolean } {
  const { current, choice, choiceWorked, choiceTimedOut, standIn } = plan
  const deserves = choiceWorked || !choiceTimedOut
  if (current !== choice && standIn !== current && deserves) {
    return { plan: { ...plan, current: choice, failures: 0, standIn: current }, keep: false }
  }
  return {
    plan: {
      ...plan,
      failures: 0,
      choice: current,
      choiceWorked: true,
      choiceTimedOut: false,
      standIn: undefined,
    },
    keep: true,
  }
}

/** `plan.current` could not be established. */
export function failed(plan: TransportPlan, timedOut: boolean): TransportPlan {
  const { order, current, choice, standIn } = plan
  const choiceTimedOut = current === choice ? timedOut : plan.choiceTimedOut
  // The extra attempt failed. What stands in keeps its word, so `succeeded` will keep it.
  if (standIn !== undefined && current === choice) {
    return { ...plan, current: standIn, failures: 0, choiceTimedOut }
  }
  const failures = plan.failures + 1
  if (failures < FAILURES_PER_TRANSPORT) return { ...plan, failures, choiceTimedOut }
  const next = order[(order.indexOf(current) + 1) % order.length] ?? current
  return { ...plan, current: next, failures: 0, choiceTimedOut, standIn: undefined }
}

/** `plan.current` does not work here at all: it is left out until the app connects anew. */
export function unusable({ order, current }: TransportPlan): TransportPlan {
  const others = order.filter((name) => name !== current)
  return freshPlan(others.length === 0 ? order : others)
}
