import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Machine } from './machine.ts'
import { isOurs } from './panels.ts'
import { peerVariables } from './peers.ts'
import type { Row, RunOptions } from './scenario.ts'

/** One scenario as it was measured, with what a reader must know to judge it. */
export interface Results {
  id: string
  /** ISO 8601, when it ended. */
  date: string
  /** What was typed, with the variables that name a peer's program. */
  command: string
  machine: Machine
  /** Sentences: which core holds what, and what else the machine did before the start. */
  notes: string[]
  options: RunOptions
  /** By peer. */
  versions: Record<string, string>
  /** Peers that could not run, and what to install. */
  missing: Record<string, string>
  /** How long it took. */
  tookSeconds: number
  rows: Row[]
}

/** What has to be typed to measure the same again. */
export function commandLine(args: readonly string[], environment: NodeJS.ProcessEnv): string {
  const variables = peerVariables.flatMap((name) => {
    const value = environment[name]
    return value === undefined ? [] : [`${name}=${value}`]
  })
  return [...variables, 'npm run bench --', ...args].join(' ')
}

/** Nothing was measured, or a row of Tidewire failed. What other servers lose is their row's matter. */
export function isFailed({ rows }: Pick<Results, 'rows'>): boolean {
  return rows.length === 0 || rows.some(({ peer, failures }) => isOurs(peer) && failures.length > 0)
}

export function writeResults(folder: string, results: Results): string {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${results.id}.json`)
  writeFileSync(path, `${JSON.stringify(results, undefined, 2)}\n`)
  return path
}

/** What has been measured of these scenarios; those that have not are left out. */
export function readResults(folder: string, ids: readonly string[]): Results[] {
  return ids
    .map((id) => join(folder, `${id}.json`))
    .filter((path) => existsSync(path))
    .map((path) => JSON.parse(readFileSync(path, 'utf8')) as Results)
}
