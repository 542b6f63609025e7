import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

export interface Child {
  process: ChildProcess
  /** What it printed; grows as it runs. */
  lines: string[]
  /** Resolves when it is gone and all that it printed was read. */
  ended: Promise<unknown>
}

/** Runs a module, given as text, in a process of its own. */
export function runModule(code: string): Child {
  const node = ['-C', 'tidewire-source', '--input-type=module', '--eval', code]
  const running = spawn(process.execPath, node, { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines: string[] = []
  const reader = createInterface(running.stdout).on('line', (line) => lines.push(line))
  return {
    process: running,
    lines,
    ended: Promise.all([once(reader, 'close'), once(running, 'exit')]),
  }
}
