import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll } from 'vitest'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const FROM_SOURCE = ['-C', 'tidewire-source']

export interface StartOptions {
  /** Default: an empty directory. */
  cwd?: string
  env?: Record<string, string>
  /** What comes in on stdin; nothing when absent. */
  input?: string
  /** Arguments of Node and the script, instead of the command's own. */
  script?: readonly string[]
}

/** A `tidewire` command in a process of its own. */
export class RunningCommand {
  readonly process: ChildProcess
  readonly exit: Promise<number | NodeJS.Signals>
  stdout = ''
  stderr = ''
  #ended = false
  readonly #listeners = new Set<() => void>()

  constructor(args: readonly string[], cwd: string, options: StartOptions) {
    const { env = {}, script = [...FROM_SOURCE, MAIN] } = options
    this.process = spawn(process.execPath, [...script, ...args], {
      cwd,
      env: { ...ownEnvironment(), NO_COLOR: '1', ...env },
    })
    this.process.stdout?.on('data', (chunk: Buffer) => this.#heard('stdout', chunk))
    this.process.stderr?.on('data', (chunk: Buffer) => this.#heard('stderr', chunk))
    // A command that ends early does not read what it is given.
    this.process.stdin?.on('error', () => {})
    this.process.stdin?.end(options.input ?? '')
    this.exit = new Promise((resolve) => {
      this.process.on('close', (code, signal) => {
        this.#ended = true
        resolve(code ?? signal ?? 1)
        for (const listener of this.#listeners) listener()
      })
    })
  }

  /** Resolves with what a pattern finds in either output; rejects when the command ends without it. */
  async until(pattern: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = pattern.exec(this.stdout) ?? pattern.exec(this.stderr)
      if (match !== null) return match
      if (this.#ended) throw new Error(`Ended without ${pattern}: ${this.stdout}${this.stderr}`)
      await new Promise<void>((resolve) => {
        const listener = (): void => {
          this.#listeners.delete(listener)
          resolve()
        }
        this.#listeners.add(listener)
      })
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<number | NodeJS.Signals> {
    this.process.kill(signal)
    return this.exit
  }

  #heard(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this[stream] += chunk.toString('utf8')
    for (const listener of this.#listeners) listener()
  }
}

/** Commands and directories of one test file, which end with it. */
export function commands() {
  const running: RunningCommand[] = []
  const directories: string[] = []
  afterAll(async () => {
    await Promise.all(running.map((command) => command.kill()))
    for (const path of directories) rmSync(path, { recursive: true, force: true })
  })
  const directory = (): string => {
    const path = mkdtempSync(join(tmpdir(), 'tidewire-cli-'))
    directories.push(path)
    return path
  }
  const start = (args: readonly string[], options: StartOptions = {}): RunningCommand => {
    const command = new RunningCommand(args, options.cwd ?? directory(), options)
    running.push(command)
    return command
  }
  return {
    directory,
    start,
    /** Runs a command to its end. */
    async run(args: readonly string[], options?: StartOptions) {
      const command = start(args, options)
      const code = await command.exit
      return { code, stdout: command.stdout, stderr: command.stderr }
    },
    /** A dev server on a free port, or on the port of the one before it. */
    async serve(data: string, port = '0', options?: StartOptions) {
      const args = ['serve', '--dev', '--data', data, '--port', port, '--ops-port', 'off']
      const command = start(args, options)
      const [, url = ''] = await command.until(/Open\s+(http:\S+)\s/)
      return { command, url, port: new URL(url).port }
    },
  }
}

/** Without what would configure the command behind the test's back. */
function ownEnvironment(): NodeJS.ProcessEnv {
  const entries = Object.entries(process.env)
  return Object.fromEntries(
    entries.filter(([name]) => !name.startsWith('TIDEWIRE_') && name !== 'NODE_ENV'),
  )
}
