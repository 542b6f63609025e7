import { check } from '../history/checker.ts'
import { type Load, standardLoad } from '../rig/load.ts'
import type { Reader } from '../rig/readers/reader.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'
import { reasonOf, Stage } from './window/stage.ts'

const LIMIT = 20
const AGE_MS = 3000
/** Of the readers that come back before what they missed is too old. */
const IN_TIME = 'aged:in-time'
/** More than the buffers between a server and a reader take, at 4 KB each: the rest waits in the log. */
const LONG = 3000
const LONG_BYTES = 4096
/** The server trims durable logs once a minute. */
const TRIM_MS = 70_000
const OPEN = { publish: 'user', subscribe: 'user', history: 'user' } as const
const CONFIG = {
  namespaces: {
    counted: { ...OPEN, durability: 'memory', retention: { max_entries: LIMIT } },
    aged: { ...OPEN, durability: 'memory', retention: { max_entries: 1000, max_age_ms: AGE_MS } },
    long: { ...OPEN, durability: 'memory', retention: { max_entries: LONG } },
    kept: { ...OPEN, durability: 'durable', retention: { max_entries: LIMIT } },
  },
} as const

/** Readers that come back right before, at and after the end of what is kept, and while it moves under them. */
export const windowEdges: Scenario = {
  id: 'S04',
  title: 'edges of the recovery window',
  run: (seed, size) => {
    const told = new Map<string, number>()
    return run({
      scenario: 'S04',
      seed,
      load: nobody(),
      server: { config: CONFIG },
      faults: (rig) => edges(rig, size, told),
      after: (rig) => Promise.resolve(resetsOf(rig, told)),
      rules: () => ({
        maxResets: [...told.values()].reduce((sum, count) => sum + count, 0),
        maxEpochs: 2,
        minAcked: LONG,
        minDelivered: LONG,
      }),
    })
  },
}

function nobody(): Load {
  const publishers = { websocket: 0, http: 0, client: 0 }
  const readers = { websocket: 0, sse: 0, poll: 0, clientWebsocket: 0, clientSse: 0, clientPoll: 0 }
  return { ...standardLoad('counted', 0), publishers, readers, channels: 0 }
}

async function edges(rig: Rig, size: Size, told: Map<string, number>): Promise<string[]> {
  const failures: string[] = []
  const play = async (steps: Promise<string[]>[]): Promise<void> => {
    for (const step of await Promise.allSettled(steps)) {
      if (step.status === 'fulfilled') failures.push(...step.value)
      else failures.push(String(step.reason))
    }
  }
  await play(absences(size).map((absence) => away(rig, told, absence)))
  await play([whilePaging(rig, told, 'long:trimmed', 'expired')])
  // The last: every log in memory ends here.
  await play([whilePaging(rig, told, 'long:killed', 'epoch_changed')])
  return failures
}

/** How readers of one channel are away. */
interface Absence {
  channel: string
  /** Publications meanwhile. */
  missed: number
  /** What becomes of the log before they come back. */
  until?: 'empty' | 'trimmed'
  /** The log no longer has all that they missed. */
  lost: boolean
}

function absences(size: Size): Absence[] {
  const counts = [LIMIT - 1, LIMIT, LIMIT + 1]
  const after = (channel: string, missed: number): Absence => {
    return { channel: `${channel}-${missed}`, missed, lost: missed > LIMIT }
  }
  return [
    ...counts.map((missed) => after('counted:missed', missed)),
    { channel: IN_TIME, missed: 5, lost: false },
    { channel: 'aged:too-late', missed: 5, until: 'empty', lost: true },
    // More than has to be kept is no loss before it is trimmed.
    { channel: 'kept:before-the-trim', missed: LIMIT + 1, lost: false },
    ...(size === 'small' ? [] : counts).map((missed): Absence => {
      return { ...after('kept:missed', missed), until: 'trimmed' }
    }),
  ]
}

async function away(
  rig: Rig,
  told: Map<string, number>,
  { channel, missed, until: change, lost }: Absence,
): Promise<string[]> {
  const stage = await Stage.open(rig, channel)
  const from = stage.top
  const began = performance.now()
  await stage.publish(missed, 50)
  if (change === 'empty') await untilOldest(stage, stage.top + 1, AGE_MS * 3)
  if (change === 'trimmed') await untilOldest(stage, stage.top - LIMIT + 1, TRIM_MS)
  const { oldest } = await stage.bounds()
  stage.heal()
  await stage.wait('live', ({ live }) => live)
  const tookMs = Math.round(performance.now() - began)
  await stage.publish(1, 50)
  await stage.atTop()
  await stage.close()
  // The one place where time itself is the edge.
  if (channel === IN_TIME && tookMs > AGE_MS) {
    return [`${channel} took ${tookMs} ms: this machine is too slow to say anything.`]
  }
  if (from < oldest - 1 !== lost) return [`${channel}: the log begins at ${oldest}.`]
  return stage.readers.flatMap((reader) => {
    if (lost) told.set(`${reader.name} ${channel}`, 1)
    return wrongReturn(stage, reader, { lost, first: lost ? stage.top : from + 1 })
  })
}

function untilOldest(stage: Stage, oldest: number, withinMs: number): Promise<void> {
  const reached = async (): Promise<boolean> => (await stage.bounds()).oldest >= oldest
  return until(reached, () => `${stage.channel} still has entries before ${oldest}.`, withinMs)
}

/** The first thing that a reader is told when it is back, and everything that it gets. */
function wrongReturn(
  stage: Stage,
  reader: Reader,
  { lost, first }: { lost: boolean; first: number },
): string[] {
  const marker = stage.of(reader).find(({ type }) => type === 'sub.ok' || type === 'reset')
  const failures: string[] = []
  if (marker?.type === 'sub.ok' && marker.recovered === lost) {
    failures.push(`${reader.name}: recovered is ${marker.recovered}.`)
  }
  const reason = reasonOf(marker)
  if (reason !== (lost ? 'expired' : undefined)) {
    failures.push(`${reader.name}: the reason is ${reason}.`)
  }
  const wanted = Array.from({ length: stage.top - first + 1 }, (_, i) => first + i)
  const got = stage.received(reader)
  if (String(got) !== String(wanted)) failures.push(`${reader.name}: got ${String(got)}.`)
  return failures
}

/** The log moves on, or ends, under readers that have read a part of what they missed. */
async function whilePaging(
  rig: Rig,
  told: Map<string, number>,
  channel: string,
  reason: 'expired' | 'epoch_changed',
): Promise<string[]> {
  const stage = await Stage.open(rig, channel)
  const from = stage.top
  await stage.publish(LONG, LONG_BYTES)
  stage.heal(1000)
  await stage.wait('paging', (reader) => stage.received(reader).length > 0)
  if (reason === 'expired') await stage.publish(LONG, 10)
  else await rig.killAndRestart(0)
  stage.hurry()
  // What was on its way is read first: a reader that comes to the end before it was told has missed the fault.
  if (reason === 'expired') await stage.atTop()
  else await stage.told(reason)
  const last = reason === 'expired' ? stage.top + 1 : 1
  await stage.publish(1, 50)
  await stage.wait('at the end', (reader) => stage.received(reader).at(-1) === last)
  await stage.close()
  const failures = stage.readers.flatMap((reader) => {
    return wrongPaging(stage, reader, { from, reason, told })
  })
  const hit = [...told.keys()].some((stream) => stream.endsWith(` ${channel}`))
  return hit ? failures : [...failures, `${channel}: everything was read before the log moved.`]
}

interface Paging {
  from: number
  reason: string
  told: Map<string, number>
}

/** A part of it and then exactly one reset, or all of it and none. */
function wrongPaging(stage: Stage, reader: Reader, { from, reason, told }: Paging): string[] {
  const events = stage.of(reader)
  const lost = events.findIndex(
    (event) => event.type === 'reset' || (event.type === 'sub.ok' && !event.recovered),
  )
  const before = lost < 0 ? events : events.slice(0, lost)
  const read = before.filter(({ type }) => type === 'recv').length
  const whole = read >= LONG
  if (whole && lost < 0 && reason === 'expired') return []
  told.set(`${reader.name} ${stage.channel}`, 1)
  const said = reasonOf(events[lost])
  const failures: string[] = []
  if (said !== reason) failures.push(`${reader.name} was told ${said} after ${read} from ${from}.`)
  if (read === 0 || whole) failures.push(`${reader.name} had read ${read}: the fault missed it.`)
  return failures
}

/** Every stream that lost something was told once, the others never. */
function resetsOf(rig: Rig, told: ReadonlyMap<string, number>): string[] {
  const { resetsOfStreams } = check(rig.recorder.events)
  return [...resetsOfStreams]
    .filter(([stream, resets]) => resets !== (told.get(stream) ?? 0))
    .map(([stream, resets]) => `${stream} was reset ${resets} times, not ${told.get(stream) ?? 0}.`)
}
