import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import { type Flood, FLOODS, type Size } from './floods.ts'
import { playFloods } from './play-all.ts'

const USAGE = `node -C tidewire-source faults/src/floods/main.ts [flags]

  --only a,b   floods whose names hold one of these, of ${FLOODS.map(({ id }) => id).join(', ')} (all)
  --size s     small or large (large)`

const RESULTS = new URL('../../results/floods.json', import.meta.url).pathname

interface Flags {
  floods: readonly Flood[]
  size: Size
}

/** Throws an error whose message is for the person who typed. */
function flagsOf(args: readonly string[]): Flags {
  const { values } = parseArgs({
    args: [...args],
    options: { only: { type: 'string', default: '' }, size: { type: 'string', default: 'large' } },
  })
  const { only, size } = values
  if (size !== 'small' && size !== 'large') throw new Error('--size is small or large.')
  const words = only.split(',')
  const floods = FLOODS.filter(({ id }) => words.some((word) => id.includes(word)))
  if (floods.length === 0) throw new Error(`There is no flood ${only}.`)
  return { floods, size }
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}

async function main({ floods, size }: Flags): Promise<number> {
  const reports = await playFloods(size, say, floods)
  mkdirSync(dirname(RESULTS), { recursive: true })
  const results = { date: new Date().toISOString(), size, reports }
  writeFileSync(RESULTS, `${JSON.stringify(results, undefined, 2)}\n`)
  say(`\nwritten to ${RESULTS}`)
  return reports.every(({ failures }) => failures.length === 0) ? 0 : 1
}

let flags: Flags | undefined
try {
  flags = flagsOf(process.argv.slice(2))
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}\n`)
}
process.exit(flags === undefined ? 2 : await main(flags))
