import { parseArgs } from 'node:util'

import { isPeerName, type PeerName, peerNames } from './peers.ts'
import type { RunOptions } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import { scheduleOf } from './schedule.ts'

export interface Flags {
  command: 'run' | 'report' | 'help'
  /** Scenarios, in the order of the report. */
  ids: string[]
  /** Every scenario, system packages installed, the report written at the end. */
  all: boolean
  quick: boolean
  /** Servers on Node leave a CPU profile of each measured window. */
  profile: boolean
  /** Undefined: all that a scenario knows. */
  only: PeerName[] | undefined
  /** Undefined: what the scenario's schedule says. */
  seconds: number | undefined
  warmup: number | undefined
  repeat: number | undefined
  /** The folder of `<id>.json`; undefined: not written. */
  json: string | undefined
}

/** Without a scenario: these two, against the peers that npm brings. */
const usualIds: readonly string[] = ['s1', 's2']
const usualPeers: readonly PeerName[] = ['tidewire', 'bun', 'ws', 'socket.io']
const usualRepeat = 2

export function usage(): string {
  const list = scenarios.map(({ id, title }) => `  ${id.padEnd(12)} ${title}`)
  return `npm run bench                       s1 and s2 against ${usualPeers.join(', ')}; 4 minutes
npm run bench -- s3 s4 [flags]      these scenarios, all their peers
npm run bench -- --all              every scenario and the report; under 40 minutes
npm run bench -- report             bench/RESULTS.md and the charts from what has been measured

${list.join('\n')}

  --only a,b        of ${peerNames.join(', ')}
  --quick           only see that it runs: windows of a second, one repetition
  --profile         CPU profiles of the measured windows in bench/results, of tidewire unless --only says
                    otherwise; once each, and no results are written
  --repeat n        runs of each row, interleaved
  --seconds n       measured in each run
  --warmup n        before that
  --json folder     where <scenario>.json goes (bench/results; with --quick nowhere)`
}

/** Throws an error whose message is for the person who typed. `results` is where they go. */
export function parseFlags(args: readonly string[], results: string): Flags {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      all: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
      only: { type: 'string' },
      seconds: { type: 'string' },
      warmup: { type: 'string' },
      repeat: { type: 'string' },
      json: { type: 'string' },
    },
  })
  const { all, quick, profile } = values
  const usual = !all && positionals.length === 0
  return {
    command: values.help || positionals[0] === 'help' ? 'help' : isReport(positionals),
    ids: chooseIds(all, positionals),
    all,
    quick,
    profile,
    only: values.only?.split(',').map(toPeerName) ?? choosePeers(profile, usual),
    seconds: optional(values.seconds, (text) => positive('seconds', text)),
    warmup: optional(values.warmup, (text) => positive('warmup', text)),
    repeat:
      optional(values.repeat, (text) => whole('repeat', text)) ??
      (usual && !profile ? usualRepeat : undefined),
    json: values.json ?? (quick || profile ? undefined : results),
  }
}

export function optionsFor(id: string, flags: Flags): RunOptions {
  const schedule = scheduleOf(id)
  const { quick, profile } = flags
  return {
    warmup: flags.warmup ?? (quick ? Math.min(0.5, schedule.warmup) : schedule.warmup),
    seconds: flags.seconds ?? (quick ? 1 : schedule.seconds),
    repeat: flags.repeat ?? (quick || profile ? 1 : schedule.repeat),
    quick,
  }
}

function choosePeers(profile: boolean, usual: boolean): PeerName[] | undefined {
  if (profile) return ['tidewire']
  return usual ? [...usualPeers] : undefined
}

function isReport(positionals: readonly string[]): 'run' | 'report' {
  return positionals[0] === 'report' ? 'report' : 'run'
}

function chooseIds(all: boolean, positionals: readonly string[]): string[] {
  const known = scenarios.map(({ id }) => id)
  const [first] = positionals
  if (all || first === 'report' || first === 'help') {
    if (positionals.length > (all ? 0 : 1)) {
      throw new Error(
        `${all ? '--all' : first} takes no scenario; "${positionals.at(-1)}" is one too many.`,
      )
    }
    return all ? known : []
  }
  for (const id of positionals) {
    if (!known.includes(id)) throw new Error(`The scenarios are ${known.join(', ')}; not "${id}".`)
  }
  const chosen = positionals.length === 0 ? usualIds : positionals
  return known.filter((id) => chosen.includes(id))
}

function optional<T>(text: string | undefined, read: (text: string) => T): T | undefined {
  return text === undefined ? undefined : read(text)
}

function positive(name: string, text: string): number {
  const value = Number(text)
  if (!(value > 0 && value < Infinity))
    throw new Error(`--${name} is a number above 0, not "${text}".`)
  return value
}

function whole(name: string, text: string): number {
  const value = positive(name, text)
  if (!Number.isInteger(value)) throw new Error(`--${name} is a whole number, not "${text}".`)
  return value
}

function toPeerName(name: string): PeerName {
  if (isPeerName(name)) return name
  throw new Error(`--only takes ${peerNames.join(', ')}; not "${name}".`)
}
