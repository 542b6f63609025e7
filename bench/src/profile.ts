import { mkdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import type { Peer } from './peers.ts'
import { paths } from './paths.ts'

/** Where the CPU profiles of a scenario's servers go. */
export class Profiles {
  readonly #folder: string
  readonly #scenario: string
  readonly #written = new Set<string>()
  #path: string | undefined

  constructor(folder: string, scenario: string) {
    mkdirSync(folder, { recursive: true })
    this.#folder = folder
    this.#scenario = scenario
  }

  /** What is measured next: `<scenario>-<setup>.cpuprofile`, and behind the setup who it is if not Tidewire. */
  expect({ peer, setup }: { peer: Peer; setup: string }): void {
    const words = [this.#scenario, setup, ...(peer.name === 'tidewire' ? [] : [peer.name])]
    const name = words
      .join(' ')
      .toLowerCase()
      .replaceAll(/(?<=\d),(?=\d)/g, '')
      .replaceAll(/[^a-z0-9]+/g, '-')
    this.#path = join(this.#folder, `${name}.cpuprofile`)
    this.#written.add(this.#path)
  }

  /** Of the next server; undefined before anything is expected. */
  get path(): string | undefined {
    return this.#path
  }

  /** All that were expected, in their order; some may have come to nothing. */
  get paths(): string[] {
    return [...this.#written]
  }
}

/** Preloaded into a server on Node, which then profiles itself when told to (`servers/profile.ts`). */
export function profiled(command: readonly string[]): string[] {
  const [program = '', ...args] = command
  if (program !== process.execPath) return [...command]
  return [program, '--import', join(paths.servers, 'profile.ts'), ...args]
}

/** As much of a `.cpuprofile` as is looked at here. */
export interface CpuProfile {
  nodes: {
    id: number
    callFrame: { functionName: string; url: string; lineNumber: number }
  }[]
  samples: number[]
  /** Microseconds, one before each sample. */
  timeDeltas: number[]
}

/** Which is at work only before the window and after it. */
const PROFILER = 'node:inspector'

/** The functions that took the most time themselves: '12.3 %  flush  fan-out.js:61'. */
export function hottest({ nodes, samples, timeDeltas }: CpuProfile, count: number): string[] {
  const names = new Map(
    nodes
      .filter(({ callFrame }) => callFrame.url !== PROFILER)
      .map(({ id, callFrame }) => [id, nameOf(callFrame)]),
  )
  const times = new Map<string, number>()
  for (const [index, sample] of samples.entries()) {
    const name = names.get(sample)
    if (name === undefined) continue
    times.set(name, (times.get(name) ?? 0) + (timeDeltas[index] ?? 0))
  }
  const total = [...times.values()].reduce((sum, each) => sum + each, 0)
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([name, time]) => `${((time / total) * 100).toFixed(1).padStart(5)} %  ${name}`)
}

function nameOf({ functionName, url, lineNumber }: CpuProfile['nodes'][0]['callFrame']): string {
  const name = functionName === '' ? '(anonymous)' : functionName
  return url === '' ? name : `${name}  ${basename(url)}:${lineNumber + 1}`
}

export function readProfile(path: string): CpuProfile {
  return JSON.parse(readFileSync(path, 'utf8')) as CpuProfile
}
