import { createServerKey } from '@tidewire/server'
import { peopleServer } from '../people/server.ts'
import { standardLoad } from '../rig/load.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'
import {
  differences,
  feedsAreWhole,
  inboxesAreWhole,
  marksOnlyGrow,
  mentionsAreTold,
  pushesAreWhole,
} from './talk/audit.ts'
import { Town, type TownOptions } from './talk/town.ts'

interface Course extends Omit<TownOptions, 'serverKey'> {
  /** Of the clients of the load beside it. */
  scale: number
  /** What people do, and for how long at a time. */
  perSecond: number
  actMs: number
  kills: number
  /** Feeds of followers that are read in the end. */
  feeds: number
  /** Until all has arrived: what was said last has to reach every follower. */
  settleMs: number
}

const SIZES: Readonly<Record<Size, Course>> = {
  small: {
    people: 6,
    rooms: 1,
    followers: 120,
    away: 2,
    scale: 0.1,
    perSecond: 40,
    actMs: 1200,
    kills: 2,
    feeds: 120,
    settleMs: 20_000,
  },
  large: {
    people: 30,
    rooms: 4,
    followers: 10_000,
    away: 10,
    scale: 0.5,
    perSecond: 60,
    actMs: 5000,
    kills: 3,
    feeds: 1000,
    settleMs: 180_000,
  },
}
/** Of the first wait after a push failed; each is five times as long as the one before. */
const RETRY_MS = 20

/** People talk, read, and are notified, while the server is killed and networks end: nothing is lost, told twice or taken back. */
export const people: Scenario = {
  id: 'S37',
  title: 'receipts, unread counts, notifications, pushes and feeds under kills',
  run: play,
}

async function play(seed: number, size: Size): Promise<Report> {
  const course = SIZES[size]
  const { key: serverKey, ...serverSide } = createServerKey('shop')
  let town: Town | undefined
  try {
    return await run({
      scenario: 'S37',
      seed,
      load: { ...standardLoad('chat', course.scale), ratePerSecond: 10 },
      server: peopleServer({ serverKey: serverSide, retryMs: RETRY_MS }),
      faults: async (rig) => {
        town = await Town.open(rig, { ...course, serverKey })
        return disturb(rig, town, course)
      },
      after: async (rig) => (town === undefined ? [] : judged(rig, town, course)),
      rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 50, minDelivered: 200 }),
    })
  } finally {
    await town?.close()
  }
}

async function disturb(
  rig: Rig,
  town: Town,
  { perSecond, actMs, kills }: Course,
): Promise<string[]> {
  const chance = rig.chance.fork('people')
  // So that there are always answers under way, which a kill loses.
  town.network.add({ type: 'latency', stream: 'downstream', latency: 30, jitter: 20 })
  const living = (): Promise<void> => town.live(perSecond, actMs, chance)
  await living()
  for (let i = 0; i < kills; i++) {
    // In the middle of what they do.
    await Promise.all([living(), rig.killAndRestart(chance.between(0, 300))])
    await living()
    rig.note('network severed')
    town.network.sever()
  }
  await living()
  await town.settled()
  return []
}

/** Healed and silent: whatever a device shows is what the server says, and what the server counts is what the log says. */
async function judged(rig: Rig, town: Town, { feeds, settleMs }: Course): Promise<string[]> {
  await town.allLive()
  const began = performance.now()
  const wrong: string[] = []
  for (const [what, look] of [
    ['devices', () => differences(rig, town)],
    ['inboxes', () => inboxesAreWhole(rig, town)],
    ['mentions', () => mentionsAreTold(rig, town)],
    ['feeds', () => feedsAreWhole(rig, town, feeds)],
    ['pushes', async () => pushesAreWhole(rig, town)],
  ] as const) {
    const found = await lasting(look, settleMs)
    wrong.push(...found.slice(0, 6))
    rig.measure(`${what} exact in the end, ms`, performance.now() - began)
  }
  wrong.push(...marksOnlyGrow(town.marked), ...tooLittle(town))
  rig.measure('notifications sent', town.notes.length)
  rig.measure('read marks answered', town.marked.length)
  return wrong
}

/** What does not go away by itself. */
async function lasting(look: () => Promise<string[]>, forMs: number): Promise<string[]> {
  let found: string[] = []
  await until(
    async () => (found = await look()).length === 0,
    () => 'It lasts.',
    forMs,
  ).catch(() => undefined)
  return found
}

function tooLittle({ notes, marked, push }: Town): string[] {
  const few: string[] = []
  if (notes.length < 10) few.push(`Only ${notes.length} notifications were sent.`)
  if (marked.length < 10) few.push(`Only ${marked.length} read marks were answered.`)
  if (push.pushed.length < 5) few.push(`Only ${push.pushed.length} pushes were made.`)
  if (push.requests <= push.pushed.length) few.push('No push failed.')
  return few
}
