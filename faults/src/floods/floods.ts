import type { ConfigInput } from '@tidewire/server'
import type { Orders } from './attacks/attack.ts'
import type { AttackName } from './attacks/index.ts'
import { type Counts, countOf } from './tally.ts'

export type Size = 'small' | 'large'

export type Strength = Pick<Orders, 'seconds' | 'perSecond' | 'count'>

export interface Flood {
  /** Of RELIABILITY.md §5, with what is done. */
  id: string
  attack: AttackName
  strength: Readonly<Record<Size, Strength>>
  /** Of the server, where the small size would not reach its defaults. */
  config?: Readonly<Partial<Record<Size, ConfigInput>>>
  /** Takes as long as the deadlines of the server, and hardly any of the machine. */
  waits?: true
  /** One sentence for each thing that should have come of it otherwise. */
  judge: (counts: Counts, strength: Strength) => string[]
}

/** Sockets that never say who they are have 5 s, slow requests 10 s and 15 s; looking for them takes a moment. */
const LIFE_MS = { nameless: 10_000, headers: 15_000, body: 20_000 }
/** What one user may publish, whatever the connections. */
const USER = { burst: 4_000, perSecond: 800 }
const MAX_CHANNELS = 128

const RATE_LIMITED = 'error 4004'

/** Every flood. A new one is an attack and an entry here. */
export const FLOODS: readonly Flood[] = [
  {
    id: 'S23 publishes',
    attack: 'publishes',
    strength: { small: counting(4_000, 4_000), large: lasting(15, 10_000) },
    judge: (counts) => [
      ...atLeast(counts, RATE_LIMITED, 200),
      ...atMost(counts, 'ack', USER.burst + USER.perSecond * ((counts['seconds'] ?? 0) + 1)),
    ],
  },
  {
    id: 'S23 subscribes',
    attack: 'subscribes',
    strength: { small: counting(4_000, 4_000), large: lasting(10, 10_000) },
    judge: (counts) => [
      ...atLeast(counts, RATE_LIMITED, 200),
      // As many again for each connection that took the place of one that was ended.
      ...atMost(counts, 'subscribed', MAX_CHANNELS * countOf(counts, 'connection_established')),
    ],
  },
  {
    id: 'S23 subscribe loops',
    attack: 'subscribeLoops',
    strength: { small: counting(4_000, 4_000), large: lasting(15, 10_000) },
    judge: (counts) => atLeast(counts, RATE_LIMITED, 200),
  },
  {
    id: 'S23 history scans',
    attack: 'histories',
    strength: { small: counting(500, 500), large: lasting(15, 1_000) },
    judge: (counts) => [...atLeast(counts, RATE_LIMITED, 100), ...atLeast(counts, 'history', 5)],
  },
  {
    id: 'S23 connects',
    attack: 'connects',
    strength: { small: counting(2_000, 1_000), large: lasting(20, 2_000) },
    config: { small: { limits: { address: { connects: { burst: 500, per_second: 100 } } } } },
    judge: (counts) => [...atLeast(counts, 'HTTP 429', 100), ...atLeast(counts, 'HTTP 101', 100)],
  },
  {
    id: 'S24 silent sockets',
    attack: 'silent',
    waits: true,
    strength: { small: counting(300, 1_000), large: counting(5_000, 2_000) },
    judge: (counts) => allClosed(counts, LIFE_MS.nameless),
  },
  {
    id: 'S24 dripping sockets',
    attack: 'dripping',
    waits: true,
    strength: { small: counting(100, 1_000), large: counting(500, 1_000) },
    judge: (counts) => allClosed(counts, LIFE_MS.nameless),
  },
  {
    id: 'S24 mute connections',
    attack: 'mute',
    waits: true,
    strength: { small: counting(100, 1_000), large: counting(1_000, 1_000) },
    judge: (counts) => allClosed(counts, LIFE_MS.headers),
  },
  {
    id: 'S24 bad upgrades',
    attack: 'badUpgrades',
    strength: { small: counting(5_000, 1_500), large: counting(100_000, 1_500) },
    judge: (counts, { count }) => [
      ...atLeast(counts, 'opened', count),
      ...atLeast(counts, 'HTTP 4', count / 2),
      ...atMost(counts, 'HTTP 1', 0),
      ...atMost(counts, 'HTTP 5', 0),
    ],
  },
  {
    id: 'S25 slow headers',
    attack: 'slowHeaders',
    waits: true,
    strength: { small: counting(100, 1_000), large: counting(1_000, 1_000) },
    judge: (counts) => allClosed(counts, LIFE_MS.headers),
  },
  {
    id: 'S25 slow bodies',
    attack: 'slowBodies',
    waits: true,
    strength: { small: counting(100, 1_000), large: counting(1_000, 1_000) },
    judge: (counts) => allClosed(counts, LIFE_MS.body),
  },
  {
    id: 'S25 oversized requests',
    attack: 'oversized',
    strength: { small: counting(50, 50), large: lasting(10, 200) },
    judge: (counts) => [
      ...atLeast(counts, 'HTTP 4', countOf(counts, 'opened') * 0.9),
      ...atMost(counts, 'HTTP 1', 0),
      ...atMost(counts, 'HTTP 2', 0),
      ...atMost(counts, 'HTTP 5', 0),
    ],
  },
]

function lasting(seconds: number, perSecond: number): Strength {
  return { seconds, perSecond, count: Number.MAX_SAFE_INTEGER }
}

function counting(count: number, perSecond: number): Strength {
  return { seconds: 3600, perSecond, count }
}

function atLeast(counts: Counts, prefix: string, least: number): string[] {
  const count = countOf(counts, prefix)
  return count >= least ? [] : [`${prefix}: ${count} times, and at least ${least} were expected.`]
}

function atMost(counts: Counts, prefix: string, most: number): string[] {
  const count = countOf(counts, prefix)
  return count <= most ? [] : [`${prefix}: ${count} times, and at most ${most} were expected.`]
}

function allClosed(counts: Counts, withinMs: number): string[] {
  const left = counts['left open'] ?? 0
  const longest = counts['longest life, ms'] ?? 0
  return [
    ...(left === 0 ? [] : [`${left} of ${counts['opened']} connections were left open.`]),
    ...(longest <= withinMs ? [] : [`A connection lived ${longest} ms: ${withinMs} are allowed.`]),
  ]
}
