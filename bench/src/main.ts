import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

import { type Flags, parseFlags, usage } from './flags.ts'
import { compileGenerator } from './generator.ts'
import { choosePinning, describeMachine } from './machine.ts'
import { paths } from './paths.ts'
import { installPeers, type Peer, peerNamed, versionOf } from './peers.ts'
import type { Rig } from './run.ts'
import { durable } from './scenarios/durable.ts'
import { fanout } from './scenarios/fanout.ts'
import type { Row } from './summary.ts'
import { durableTable, fanoutTable } from './table.ts'

async function main(flags: Flags): Promise<number> {
  const peers = (flags.scenario === 'durable' ? ['tidewire' as const] : flags.only).map(peerNamed)
  const progress = (line: string) => void process.stderr.write(`${line}\n`)
  installPeers(peers, progress)
  const rig: Rig = { generator: compileGenerator('broadcast'), pinning: choosePinning(), progress }
  const versions = Object.fromEntries(peers.map((peer) => [peer.name, versionOf(peer)]))
  const conditions = describeConditions(flags, rig, peers, versions)
  progress(conditions.join('\n'))

  const rows =
    flags.scenario === 'durable' ? await durable(rig, flags) : await fanout(rig, peers, flags)
  const table = flags.scenario === 'durable' ? durableTable(rows) : fanoutTable(rows)
  process.stdout.write(`\n${conditions.join('\n')}\n\n${table}\n`)

  const path = writeResults(flags, { conditions, versions, rows })
  progress(`\nwritten to ${path}`)
  return rows.some((row) => row.failures.length > 0) ? 1 : 0
}

/** What a reader must know to judge the table. */
function describeConditions(
  flags: Flags,
  rig: Rig,
  peers: readonly Peer[],
  versions: Record<string, string>,
): string[] {
  const { cpu, cores, kernel, node } = describeMachine()
  const shape =
    flags.scenario === 'fanout'
      ? `${flags.subscribers} subscribers, ${flags.payload} B payload; latency until the last subscriber has it`
      : `durable publishes of ${flags.payload} B, on disk before the ack; one subscriber`
  return [
    `${flags.scenario}: ${shape}`,
    `${flags.repeat} × ${flags.seconds} s after ${flags.warmup} s of warm-up; median; ${rig.pinning.note}`,
    `${peers.map(({ name }) => `${name} ${versions[name]}`).join(', ')}; Node ${node}; ${cores} × ${cpu}; Linux ${kernel}`,
  ]
}

function writeResults(
  flags: Flags,
  results: { conditions: string[]; versions: Record<string, string>; rows: Row[] },
): string {
  const path = resolve(flags.json ?? join(paths.results, `${flags.scenario}.json`))
  mkdirSync(dirname(path), { recursive: true })
  const report = { date: new Date().toISOString(), machine: describeMachine(), flags, ...results }
  writeFileSync(path, `${JSON.stringify(report, undefined, 2)}\n`)
  return path
}

function readFlags(): Flags | undefined {
  try {
    return parseFlags(process.argv.slice(2))
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
    return undefined
  }
}

const flags = readFlags()
process.exitCode = flags === undefined ? 2 : await main(flags)
