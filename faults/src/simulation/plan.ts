import type { Chance } from '../chance.ts'

/** What can go wrong in a world. Each seed has some of it: all at once hide each other. */
export const FAULTS = [
  'reset',
  'jitter',
  'slow',
  'black-hole',
  'cut',
  'crash',
  'drain',
  'stall-server',
  'stall-client',
  'skew',
  'bus',
  'disk',
  'trim',
  'restore',
  'repeats',
  'churn',
  'expiry',
] as const

export type Fault = (typeof FAULTS)[number]

/** What one seed does. */
export interface Plan {
  faults: ReadonlySet<Fault>
  /** With more than one, they share the disk. */
  servers: number
  publishers: number
  subscribers: number
  channels: readonly string[]
  /** Of all publishers together. */
  publications: number
  /** How long things go wrong, in milliseconds. */
  overMs: number
  /** Publications of a page. */
  pageSize: number
  /** What the disk takes for anything, at most, in milliseconds. */
  diskMs: number
  /** The disk does one thing after the other; else it has several hands, and answers overtake each other. */
  diskInOrder: boolean
  /** Publications that the memory log keeps of a channel. */
  memoryEntries: number
  tokenMs: number
  /** A broadcast may be lost: that is found by the next one of its channel, so the world ends with one more of each. */
  silentTails: boolean
}

const SILENT: readonly Fault[] = ['bus', 'disk', 'restore']
const HOUR_MS = 3_600_000

export function planOf(chance: Chance): Plan {
  const faults = new Set(chance.sample(FAULTS, chance.between(1, 5)))
  // The memory log is one of one server.
  const servers = chance.happens(0.35) ? 2 : 1
  const durable = ['log:a', 'log:b']
  return {
    faults,
    servers,
    publishers: chance.between(1, 3),
    subscribers: chance.between(1, 4),
    channels: servers === 1 ? [...durable, 'mem:a'] : durable,
    publications: chance.between(40, 250),
    overMs: chance.between(5, 60) * 1000,
    pageSize: chance.happens(0.5) ? chance.between(1, 8) : 500,
    diskMs: chance.pick([2, 10, 60]),
    diskInOrder: chance.happens(0.7),
    memoryEntries: faults.has('trim') ? chance.between(1, 12) : 1000,
    tokenMs: faults.has('expiry') ? chance.between(61, 90) * 1000 : HOUR_MS,
    silentTails: SILENT.some((fault) => faults.has(fault)) || (servers > 1 && faults.has('crash')),
  }
}

/** For people: `seed 7: crash, skew; 2 servers, …`. */
export function describePlan({ faults, servers, publishers, subscribers, overMs }: Plan): string {
  const parts = `${servers} servers, ${publishers} publishers, ${subscribers} subscribers`
  return `${[...faults].join(', ')}; ${parts}, ${overMs / 1000} s`
}
