import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

import { chart } from './chart.ts'
import { type Flags, optionsFor, parseFlags, usage } from './flags.ts'
import { installPeers } from './install.ts'
import { choosePinning, describeMachine, waitForIdle } from './machine.ts'
import { paths } from './paths.ts'
import { type Peer, peerNamed } from './peers.ts'
import { hottest, Profiles, readProfile } from './profile.ts'
import { conditions, report, section } from './report.ts'
import { commandLine, isFailed, readResults, type Results, writeResults } from './results.ts'
import type { Rig } from './run.ts'
import type { Row, Scenario } from './scenario.ts'
import { scenarios } from './scenarios/index.ts'
import { scheduleOf } from './schedule.ts'

/** How long an idle machine is waited for: at the start, and between scenarios. */
const PATIENCE_MS = { first: 60_000, later: 10_000 }

/** Functions of a profile that are printed. */
const HOTTEST = 15

async function run(flags: Flags): Promise<number> {
  const started = performance.now()
  const chosen = scenarios.filter(({ id }) => flags.ids.includes(id))
  const expected = chosen.reduce((sum, { id }) => sum + expectedSeconds(id, flags), 0)
  const progress = (line: string) => {
    const elapsed = (performance.now() - started) / 1000
    process.stderr.write(`${clock(elapsed)} of about ${clock(expected)}  ${line}\n`)
  }
  const peers = new Set(chosen.flatMap((scenario) => peersOf(scenario, flags)))
  installPeers([...peers], flags.all, progress)
  const rig: Rig = { pinning: choosePinning(), progress }
  let failed = false
  for (const [index, scenario] of chosen.entries()) {
    progress(`${scenario.id}: ${scenario.title}`)
    if (peersOf(scenario, flags).length === 0) continue
    const patience = flags.quick ? 0 : index === 0 ? PATIENCE_MS.first : PATIENCE_MS.later
    const profiles = flags.profile ? new Profiles(paths.results, scenario.id) : undefined
    const measured = { ...rig, ...(profiles && { profiles }) }
    const results = await measureScenario(scenario, flags, measured, patience)
    process.stdout.write(`\n${heading(scenario, results)}\n\n`)
    if (profiles) process.stdout.write(`${tellProfiles(profiles)}\n`)
    if (flags.json !== undefined)
      progress(`written to ${writeResults(resolve(flags.json), results)}`)
    failed ||= isFailed(results)
  }
  if (flags.all && !flags.quick && !flags.profile) writeReport(flags.json ?? paths.results)
  return failed ? 1 : 0
}

async function measureScenario(
  scenario: Scenario,
  flags: Flags,
  rig: Rig,
  patience: number,
): Promise<Results> {
  const peers = peersOf(scenario, flags)
  const present = peers.filter((peer) => peer.available() === undefined)
  const idle = patience === 0 ? [] : [await waitForIdle(patience)]
  const began = performance.now()
  const options = optionsFor(scenario.id, flags)
  const { rows, broke } = await attempt(() => scenario.run(rig, present, options))
  return {
    id: scenario.id,
    date: new Date().toISOString(),
    command: commandLine(process.argv.slice(2), process.env),
    machine: describeMachine(),
    notes: [rig.pinning.note, ...idle, ...broke],
    options,
    versions: Object.fromEntries(present.map((peer) => [peer.name, peer.version()])),
    missing: Object.fromEntries(
      peers.flatMap((peer) => {
        const reason = peer.available()
        return reason === undefined ? [] : [[peer.name, reason]]
      }),
    ),
    tookSeconds: (performance.now() - began) / 1000,
    rows,
  }
}

/** A scenario that breaks off does not take the others with it. */
async function attempt(run: () => Promise<Row[]>): Promise<{ rows: Row[]; broke: string[] }> {
  try {
    return { rows: await run(), broke: [] }
  } catch (error) {
    return { rows: [], broke: [`it broke off: ${String(error)}`] }
  }
}

function heading(scenario: Scenario, results: Results): string {
  const title = `${scenario.id.toUpperCase()}: ${scenario.title}`
  return [title, conditions(scenario, results), section(scenario, results)].join('\n\n')
}

/** Each profile with what is hottest in it. */
function tellProfiles({ paths }: Profiles): string {
  return paths
    .filter((path) => existsSync(path))
    .map((path) => `${path}\n${hottest(readProfile(path), HOTTEST).join('\n')}\n`)
    .join('\n')
}

/** bench/RESULTS.md and docs/images/bench-<id>.svg, from what has been measured so far. */
function writeReport(folder: string): void {
  const results = readResults(
    resolve(folder),
    scenarios.map(({ id }) => id),
  )
  mkdirSync(paths.charts, { recursive: true })
  for (const { id, rows } of results) {
    const scenario = scenarios.find((candidate) => candidate.id === id)
    if (scenario) writeFileSync(join(paths.charts, `bench-${id}.svg`), chart(scenario, rows))
  }
  const text = report(scenarios, results, (id) => `../docs/images/bench-${id}.svg`)
  writeFileSync(paths.report, text)
  process.stderr.write(`written to ${paths.report}, charts to ${paths.charts}\n`)
}

function peersOf(scenario: Scenario, { only }: Flags): Peer[] {
  return scenario.peers.filter((name) => only?.includes(name) ?? true).map(peerNamed)
}

/** The schedule's minutes, in proportion to what was asked for instead. */
function expectedSeconds(id: string, flags: Flags): number {
  const schedule = scheduleOf(id)
  const options = optionsFor(id, flags)
  const scenario = scenarios.find((candidate) => candidate.id === id)
  const share = scenario ? peersOf(scenario, flags).length / scenario.peers.length : 1
  const startUp = 1
  const length = (run: { warmup: number; seconds: number; repeat: number }) =>
    (run.warmup + run.seconds + startUp) * run.repeat
  return schedule.minutes * 60 * share * (length(options) / length(schedule))
}

function clock(seconds: number): string {
  return `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`
}

function readFlags(): Flags | undefined {
  try {
    return parseFlags(process.argv.slice(2), paths.results)
  } catch (error) {
    process.stderr.write(
      `${error instanceof Error ? error.message : String(error)}\n\n${usage()}\n`,
    )
    return undefined
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130))

const flags = readFlags()
if (flags === undefined) process.exitCode = 2
else if (flags.command === 'help') process.stdout.write(`${usage()}\n`)
else if (flags.command === 'report') writeReport(flags.json ?? paths.results)
else process.exitCode = await run(flags)
