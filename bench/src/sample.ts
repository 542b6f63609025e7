/** Milliseconds. */
export interface Latency {
  p50: number
  p99: number
  p999: number
  max: number
}

/** What the generator found wrong first. */
export interface Problem {
  kind: 'gap' | 'duplicate' | 'reorder' | 'offset' | 'stall' | 'closed' | 'refused' | 'unexpected'
  /** -1: the publisher. */
  subscriber: number
  expected: number
  received: number
  text: string
}

/** What became of the stalled and the slow subscribers. */
export interface Laggards {
  /** Disconnected by the server. */
  letGo: number
  /** Told that they are too slow, or that they missed something. */
  told: number
  /** Got every publication in the end. */
  complete: number
  /** Publications that were left out without a word; a problem where offsets are promised. */
  missed: number
}

/** What the generator reports of one run; rates come from the window between warm-up and drain. */
export interface Measurement {
  ok: boolean
  seconds: number
  deliveries: number
  publications: number
  acks: number
  /** CPU seconds of the generator in the window. */
  cpuSeconds: number
  /** Mean size of a delivered WebSocket frame; as if not compressed where each connection has its window. */
  frameBytes: number
  /** What all subscribers received in the window, compressed where it was. */
  wireBytes: number
  /** From handing a publication to the socket (or from when it was due) to its receipt by the slowest subscriber. */
  lastSubscriberMs?: Latency
  /** The same to every 64th subscriber. */
  deliveryMs?: Latency
  ackMs?: Latency
  /** Open loop only: publications that were due in the window, and whether the server kept up. */
  schedule?: { due: number; sustained: boolean }
  laggards?: Laggards
  /** Of the whole run, warm-up and drain included. */
  total: { publications: number; receivedByAll: number; acks: number }
  problem?: Problem
}

/** One run of one server. */
export interface Sample extends Measurement {
  /** CPU seconds of the server and its children in the window. */
  serverCpuSeconds: number
  /** CPU seconds that neither server nor generator used: what else the machine did in the window. */
  otherCpuSeconds: number
}

/** One sentence for a person. */
export function describeProblem(problem: Problem): string {
  const who = problem.subscriber < 0 ? 'the publisher' : `subscriber ${problem.subscriber}`
  const text = problem.text === '' ? '' : `: ${problem.text}`
  switch (problem.kind) {
    case 'gap':
    case 'duplicate':
    case 'reorder':
      return `${problem.kind}: ${who} expected publication ${problem.expected} and got ${problem.received}`
    case 'offset':
      return `offset: ${who} expected offset ${problem.expected} and got ${problem.received}${text}`
    case 'stall':
      return `stall: ${who} has ${problem.received} of ${problem.expected} and nothing more comes`
    default:
      return `${problem.kind}: ${who}${text}`
  }
}
