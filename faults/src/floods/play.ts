import { ServerProcess } from '../rig/server-process.ts'
import { pause } from '../rig/until.ts'
import { Attacker } from './attacker.ts'
import { Bystander, type Experience } from './bystander.ts'
import type { Flood, Size } from './floods.ts'
import { Memory } from './memory.ts'
import type { Counts } from './tally.ts'

export interface FloodReport {
  flood: string
  counts: Counts
  /** What the bystander noticed without and with the flood. */
  before: Experience
  during: Experience
  /** MiB: of the heap before, and in the end; of the process at most. */
  memory: { before: number; after: number; grownBy: number }
  logLinesPerSecond: number
  /** One sentence for each thing that is wrong. Of time, only what the server itself promises. */
  failures: string[]
}

/** Linux has all of 127.0.0.0/8; elsewhere the attacker shares its address with everybody. */
const ATTACKERS_ADDRESS = process.platform === 'linux' ? '127.0.0.66' : undefined
const BASELINE_MS: Record<Size, number> = { small: 300, large: 8_000 }
const MIB = 2 ** 20
/** What the heap may keep in the end, and the process take at most meanwhile. */
const GROWTH = { heap: 20 * MIB, process: 100 * MIB }
const LOG_LINES_PER_SECOND = 10

/** One flood against a server of its own, and somebody beside it who does nothing wrong. */
export async function play(flood: Flood, size: Size): Promise<FloodReport> {
  const config = flood.config?.[size]
  const server = await ServerProcess.start({
    flags: ['--log-level', 'info'],
    ...(config === undefined ? {} : { config }),
  })
  try {
    return await playAgainst(server, flood, size)
  } finally {
    await server.remove()
  }
}

export async function playAgainst(
  server: ServerProcess,
  { id, attack, strength, judge }: Flood,
  size: Size,
): Promise<FloodReport> {
  const token = await server.token('attacker')
  const bystander = await Bystander.start(server)
  const before = await bystander.experience(pause(BASELINE_MS[size]))
  const memory = await Memory.watch(server)
  const [lines, began] = [server.lines, performance.now()]
  const { seconds = 60, perSecond, count = Infinity } = strength[size]
  const attacker = new Attacker({
    attack,
    port: server.port,
    from: ATTACKERS_ADDRESS,
    token,
    seconds,
    perSecond,
    count,
  })
  try {
    const during = await bystander.experience(attacker.over)
    const counts = await attacker.over
    const logLinesPerSecond = (server.lines - lines) / ((performance.now() - began) / 1000)
    const { after, peak } = await memory.settle(GROWTH.heap, bystander)
    const failures = [
      ...judge(counts, strength[size]),
      ...during.complaints,
      ...server.surprises,
      ...(logLinesPerSecond <= LOG_LINES_PER_SECOND
        ? []
        : [`The server wrote ${Math.round(logLinesPerSecond)} lines a second.`]),
      ...tooMuch('The heap kept', after - memory.heap, GROWTH.heap),
      ...tooMuch('The process grew by', peak - memory.process, GROWTH.process),
    ]
    return {
      flood: id,
      counts,
      before,
      during,
      memory: { before: mib(memory.heap), after: mib(after), grownBy: mib(peak - memory.process) },
      logLinesPerSecond,
      failures,
    }
  } finally {
    attacker.stop()
    bystander.stop()
  }
}

function tooMuch(what: string, bytes: number, most: number): string[] {
  return bytes <= most ? [] : [`${what} ${mib(bytes)} MiB: ${mib(most)} are allowed.`]
}

function mib(bytes: number): number {
  return Math.round(bytes / MIB)
}
