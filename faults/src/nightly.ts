import { randomInt } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { playFloods } from './floods/play-all.ts'
import type { Report } from './rig/report.ts'
import { SCENARIOS } from './scenarios/index.ts'
import type { Scenario, Size } from './scenarios/scenario.ts'
import { playSequences } from './sequences.ts'
import { runSimulation, type SimulationReport } from './simulation/run-simulation.ts'
import { summarise } from './summary.ts'
import { tableOf } from './table.ts'

const USAGE = `npm run test:nightly -- [flags]

  --minutes n     how long it goes round; the scenario under way is finished (20). Without --only, a fifth of the
                  time simulates networks and clocks, thousands of seeds; before it each flood is played once, and
                  tens of thousands of random sequences of what people do
  --seed n        of the first run; each run has the next one (random)
  --only a,b      of ${SCENARIOS.map(({ id }) => id).join(', ')} (all)
  --size s        small or large (large)`

const RESULTS = new URL('../results/nightly.json', import.meta.url).pathname
const HISTORIES = new URL('../histories', import.meta.url).pathname

interface Flags {
  minutes: number
  seed: number
  scenarios: readonly Scenario[]
  size: Size
  /** Everything else, too: floods, sequences, and simulated networks and clocks. */
  whole: boolean
}

/** The part of the time that belongs to simulated networks and clocks, where it was not said otherwise. */
const SIMULATED = 0.2

/** Goes round the scenarios with new seeds until the time is over. True when nothing was wrong. */
async function nightly({ minutes, seed, scenarios, size, whole }: Flags): Promise<boolean> {
  say(`${minutes} minutes of ${scenarios.map(({ id }) => id).join(', ')}, from seed ${seed}`)
  const floods = whole ? await playFloods(size, say) : []
  const sequences = whole ? await playSequences(say) : undefined
  const simulation = whole ? await simulateFor(minutes * SIMULATED, seed) : undefined
  const deadline = performance.now() + minutes * (whole ? 1 - SIMULATED : 1) * 60_000
  const reports: Report[] = []
  for (let i = 0; performance.now() < deadline; i++) {
    const scenario = scenarios[i % scenarios.length]!
    const report = await scenario.run(seed + i, size)
    reports.push(report)
    say(lineOf(report))
    write({
      minutes,
      seed,
      size,
      floods,
      sequences,
      simulation,
      summary: summarise(reports),
      reports,
    })
  }
  const summary = summarise(reports)
  say(`\n${tableOf(summary)}\n\nwritten to ${RESULTS}`)
  const failed = [...floods, sequences, simulation].filter(
    (report) => report !== undefined && report.failures.length > 0,
  )
  return summary.failed === 0 && failed.length === 0
}

async function simulateFor(minutes: number, firstSeed: number): Promise<SimulationReport> {
  const report = await runSimulation({
    firstSeed,
    minutes,
    directory: HISTORIES,
    onFailure: ({ seed, problems }) =>
      say(`FAILED simulation seed ${seed}: ${problems.join('; ')}`),
  })
  const { seeds, virtualHours, acked, delivered, failures } = report
  say(
    `${failures.length === 0 ? 'ok    ' : 'FAILED'} simulation   ${seeds} seeds, ${virtualHours.toFixed(0)} virtual hours, ` +
      `${acked} acked, ${delivered} delivered`,
  )
  return report
}

function lineOf({
  scenario,
  seed,
  ok,
  failures,
  figures,
  kills,
  seconds,
  history,
}: Report): string {
  const { acked, delivered } = figures
  const head = `${ok ? 'ok    ' : 'FAILED'} ${scenario.padEnd(12)} seed ${seed}`
  const line = `${head}  ${acked} acked, ${delivered} delivered, ${kills} kills, ${seconds} s`
  if (ok) return line
  const again = `  again: npm run test:nightly -- --minutes 0.001 --only ${scenario} --seed ${seed}`
  return [line, ...failures.map((failure) => `  ${failure}`), `  history: ${history}`, again].join(
    '\n',
  )
}

function write(results: object): void {
  mkdirSync(dirname(RESULTS), { recursive: true })
  const text = JSON.stringify({ date: new Date().toISOString(), ...results }, undefined, 2)
  writeFileSync(RESULTS, `${text}\n`)
}

/** Throws an error whose message is for the person who typed. */
function flagsOf(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: 'string', default: '20' },
      seed: { type: 'string', default: String(randomInt(2 ** 31)) },
      only: { type: 'string' },
      size: { type: 'string', default: 'large' },
    },
  })
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0)) throw new Error('--minutes is a number above 0.')
  if (!Number.isSafeInteger(seed)) throw new Error('--seed is a whole number.')
  if (values.size !== 'small' && values.size !== 'large')
    throw new Error('--size is small or large.')
  const ids = values.only?.split(',')
  const scenarios = ids?.map(scenarioNamed) ?? SCENARIOS
  return { minutes, seed, scenarios, size: values.size, whole: ids === undefined }
}

function scenarioNamed(id: string): Scenario {
  const found = SCENARIOS.find((scenario) => scenario.id === id)
  if (found === undefined) throw new Error(`There is no scenario ${id}.`)
  return found
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

let flags: Flags | undefined
try {
  flags = flagsOf(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`)
}
process.exit(flags === undefined ? 2 : (await nightly(flags)) ? 0 : 1)
