import { parseArgs } from 'node:util'
import { fanOut, type FanOutLoad } from './fan-out.ts'
import { joins, type JoinsLoad } from './joins.ts'
import { notices, type NoticesLoad } from './notices.ts'

// The load of the scenario `people`, in a process of its own: `load.ts --mode fan-out --load '{…}'`. Prints JSON lines,
// `begin`, `end` and `result`, as the generators in C do.

const { values } = parseArgs({ options: { mode: { type: 'string' }, load: { type: 'string' } } })
const load = JSON.parse(values.load ?? '{}') as FanOutLoad & JoinsLoad & NoticesLoad
let cpu = process.cpuUsage()
const begin = (): void => {
  cpu = process.cpuUsage()
  say({ event: 'begin' })
}
const end = (): void => {
  cpu = process.cpuUsage(cpu)
  say({ event: 'end' })
}
const result = await run().catch((error: unknown) => ({
  failure: error instanceof Error ? error.message : String(error),
}))
say({ event: 'result', cpuSeconds: (cpu.user + cpu.system) / 1e6, ...result })
process.exit(0)

function run(): Promise<object> {
  if (values.mode === 'fan-out') return fanOut(load, begin, end)
  if (values.mode === 'joins') return joins(load, begin, end)
  return notices(load, begin, end)
}

function say(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`)
}
