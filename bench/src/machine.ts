import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus, loadavg, release } from 'node:os'
import { setTimeout as delay } from 'node:timers/promises'

/** Command prefixes that hold the server and the generator on a core each; empty: not pinned. */
export interface Pinning {
  server: readonly string[]
  generator: readonly string[]
  /** For a person: what was done, and why not when it was not. */
  note: string
}

export function choosePinning(): Pinning {
  if (availableParallelism() < 2) {
    return { server: [], generator: [], note: 'not pinned: the machine has one core' }
  }
  const onCore = (core: number) => ['taskset', '-c', String(core)]
  const works = [0, 1].every(
    (core) => spawnSync('taskset', ['-c', String(core), 'true']).status === 0,
  )
  if (!works) {
    return { server: [], generator: [], note: 'not pinned: `taskset` is missing or not allowed' }
  }
  return {
    server: onCore(0),
    generator: onCore(1),
    note: 'server on core 0, generator on core 1',
  }
}

/** CPU seconds that all cores together have worked since the machine started. */
export function machineCpuSeconds(): number {
  return (
    cpus().reduce((sum, { times }) => sum + times.user + times.nice + times.sys + times.irq, 0) /
    1000
  )
}

export interface Machine {
  cpu: string
  cores: number
  kernel: string
  node: string
  load: number
}

export function describeMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    kernel: release(),
    node: process.version,
    load: loadavg()[0] ?? 0,
  }
}

/** Share of one core that others may take when a measurement begins. */
const IDLE_LIMIT = 0.15
const IDLE_WINDOW_MS = 2000

/** Waits until others leave the machine alone, or `patience` milliseconds; a sentence says which. */
export async function waitForIdle(patience: number): Promise<string> {
  const deadline = Date.now() + patience
  for (;;) {
    const share = await othersShare()
    if (share < IDLE_LIMIT) return 'the machine was idle at the start'
    if (Date.now() >= deadline) {
      return `other work took ${Math.round(share * 100)} % of a core at the start: expect noise`
    }
  }
}

async function othersShare(): Promise<number> {
  const own = () => (process.cpuUsage().user + process.cpuUsage().system) / 1e6
  const before = machineCpuSeconds() - own()
  const started = performance.now()
  await delay(IDLE_WINDOW_MS)
  const seconds = (performance.now() - started) / 1000
  return Math.max(0, machineCpuSeconds() - own() - before) / seconds
}
