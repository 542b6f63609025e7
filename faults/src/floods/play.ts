import { ServerProcess } from '../rig/server-process.ts'
import { pause } from '../rig/until.ts'
import { Attacker } from './attacker.ts'
import { Bystander, type Experience } from './bystander.ts'
import { COLLECTABLE } from './collect-garbage.ts'
import type { Flood, Size } from './floods.ts'
import { Memory } from './memory.ts'
import type { Counts } from './tally.ts'

export interface FloodReport {
  flood: string
  counts: Counts
  /** What the bystander noticed without and with the flood. */
  before: Experience
  during: Experience
  /** MiB: what the heap kept, and what the process took at most. */
  grown: { heap: number; process: number }
  /** Lines that the server wrote meanwhile. */
  logged: number
  /** One sentence for each thing that is wrong. Of time, only what the server itself promises. */
  failures: string[]
}

/** Linux has all of 127.0.0.0/8; elsewhere the attacker shares its address with everybody. */
const ATTACKERS_ADDRESS = process.platform === 'linux' ? '127.0.0.66' : undefined
const BASELINE_MS: Record<Size, number> = { small: 300, large: 8_000 }
const MIB = 2 ** 20
/** What the heap may keep in the end, and the process take at most meanwhile: most of it is the runtime's young space. */
const GROWTH = { heap: 20 * MIB, process: 160 * MIB }
const LOG_LINES_PER_SECOND = 10

/** One flood against a server of its own, and somebody beside it who does nothing wrong. */
export async function play(flood: Flood, size: Size): Promise<FloodReport> {
  const config = flood.config?.[size]
  const server = await ServerProcess.start({
    limits: true,
    flags: ['--log-level', 'info'],
    env: COLLECTABLE,
    ...(config === undefined ? {} : { config }),
  })
  try {
    return await playAgainst(server, flood, size)
  } finally {
    await server.remove()
  }
}

async function playAgainst(
  server: ServerProcess,
  { id, attack, strength, judge }: Flood,
  size: Size,
): Promise<FloodReport> {
  const token = await server.token('attacker')
  const bystander = await Bystander.start(server)
  const before = await bystander.experience(pause(BASELINE_MS[size]))
  const memory = await Memory.watch(server)
  const [lines, began] = [server.lines, performance.now()]
  const attacker = new Attacker({
    attack,
    port: server.port,
    from: ATTACKERS_ADDRESS,
    token,
    ...strength[size],
  })
  try {
    const during = await bystander.experience(attacker.over)
    const counts = await attacker.over
    const seconds = (performance.now() - began) / 1000
    const logged = server.lines - lines
    const { heap, peak } = await memory.settle(GROWTH.heap)
    const failures = [
      ...judge(counts, strength[size]),
      ...during.complaints,
      ...server.surprises,
      // Told by the second: the last one may not be over.
      ...(logged <= LOG_LINES_PER_SECOND * (seconds + 1)
        ? []
        : [`The server wrote ${logged} lines in ${seconds.toFixed(1)} s.`]),
      ...tooMuch('The heap kept', heap - memory.heap, GROWTH.heap),
      ...tooMuch('The process grew by', peak - memory.process, GROWTH.process),
    ]
    const grown = { heap: mib(heap - memory.heap), process: mib(peak - memory.process) }
    return { flood: id, counts, before, during, grown, logged, failures }
  } finally {
    attacker.stop()
    bystander.stop()
  }
}

function tooMuch(what: string, bytes: number, most: number): string[] {
  return bytes <= most ? [] : [`${what} ${mib(bytes)} MiB: ${mib(most)} are allowed.`]
}

/** MiB, with one digit. */
function mib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10
}
