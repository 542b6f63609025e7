import { join } from 'node:path'
import { type Load, standardLoad } from '../rig/load.ts'
import { readLog } from '../rig/read-log.ts'
import type { Report } from '../rig/report.ts'
import type { Rig } from '../rig/rig.ts'
import { run } from '../rig/run.ts'
import { SmallDisk } from '../rig/small-disk.ts'
import { pause, until } from '../rig/until.ts'
import type { Scenario, Size } from './scenario.ts'

const SIZES = { small: { scale: 0.2, holdMs: 1500 }, large: { scale: 0.6, holdMs: 5000 } }
const MEGABYTES = { before: 8, after: 128 }
const BOUND = { before: 4 * 2 ** 20, after: 128 * 2 ** 20 }
const FULL = 4015
const FILLS_MS = 40_000
/** The server looks every second whether there is room again; publishers wait up to five. */
const RESUMES_MS = 15_000

/**
 * The disk fills up under load, the server is killed there, and then the disk grows. Who may not mount a small disk
 * plays it with a bound on the database, which is moved by a restart.
 */
export const diskFull: Scenario = {
  id: 'S06',
  title: 'the disk is full',
  run: async (seed, size) => {
    const disk = new SmallDisk(MEGABYTES.before)
    try {
      return await runOn(disk, seed, size)
    } finally {
      disk.remove()
    }
  },
}

function runOn(disk: SmallDisk, seed: number, size: Size): Promise<Report> {
  const { scale, holdMs } = SIZES[size]
  return run({
    scenario: 'S06',
    seed,
    load: loadOf(scale),
    server: {
      data: join(disk.directory, 'data'),
      config: { storage: disk.mounted ? { min_free_bytes: 0 } : { max_bytes: BOUND.before } },
    },
    faults: (rig) => fill(rig, disk, holdMs),
    rules: () => ({ maxResets: 0, maxEpochs: 1, minAcked: 200, minDelivered: 1000 }),
  })
}

function loadOf(scale: number): Load {
  return { ...standardLoad('chat', scale), bodyBytes: 6000 }
}

async function fill(rig: Rig, disk: SmallDisk, holdMs: number): Promise<string[]> {
  rig.note('the disk fills up')
  await until(
    () => refused(rig) > 0,
    () => 'The disk does not get full.',
    FILLS_MS,
  )
  rig.measure('acknowledged when the disk was full', acked(rig))
  // What was accepted before the first refusal is answered.
  await pause(500)
  const before = acked(rig)
  await pause(holdMs)
  rig.measure('acknowledged while it was full', acked(rig) - before)
  await stillReads(rig)
  await rig.killAndRestart(0)
  await stillReads(rig)
  const refusedBefore = refused(rig)
  await until(
    () => refused(rig) > refusedBefore,
    () => 'After a restart the full disk took writes.',
    RESUMES_MS,
  )
  await makeRoom(rig, disk)
  const began = performance.now()
  const stuck = acked(rig)
  const enough = (): boolean => acked(rig) > stuck + 50
  await until(enough, () => 'Writes do not go on although there is room.', RESUMES_MS)
  rig.measure('writes go on after there was room, ms', performance.now() - began)
  return []
}

/** Nobody is told: the server finds out by itself. */
async function makeRoom(rig: Rig, disk: SmallDisk): Promise<void> {
  rig.note('there is room')
  if (disk.mounted) return disk.grow(MEGABYTES.after)
  rig.server.configure({ storage: { max_bytes: BOUND.after } })
  await rig.stopAndRestart(0)
}

/** Who comes back catches up, and every log can be read. */
async function stillReads(rig: Rig): Promise<void> {
  const held = await Promise.all(
    rig.channels.map((channel) => readLog(rig.server.url, rig.token, channel)),
  )
  rig.downlink.sever()
  await until(
    () => rig.readers.some(({ live }) => !live),
    () => 'nobody was cut',
    5000,
  )
  await rig.allLive(15_000)
  const tops = new Map(held.map(({ channel, newest }) => [channel, newest]))
  const behind = (): string[] =>
    rig.readers.filter((reader) => !reader.isAt(tops)).map(({ name }) => name)
  await until(
    () => behind().length === 0,
    () => `On a full disk, not at the top: ${behind().join(', ')}`,
    15_000,
  )
}

function acked({ recorder: { events } }: Rig): number {
  return events.filter((event) => event.type === 'pub.ok' && !event.duplicate).length
}

function refused({ recorder: { events } }: Rig): number {
  return events.filter((event) => event.type === 'pub.fail' && event.code === FULL).length
}
