import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigInput } from '@tidewire/server'
import { freePort, type PortRange } from '@tidewire/server/testing/free-port'
import { pause } from './until.ts'

const BIN = new URL('../../../packages/cli/bin/tidewire.js', import.meta.url).pathname
/** Two ranges, so that a server is never given the same port twice. */
const PORTS: PortRange = { first: 30_000, count: 1_000 }
const OPS_PORTS: PortRange = { first: 31_000, count: 1_000 }
const START_MS = 20_000
const KEPT_OUTPUT = 100_000

export interface ServerProcessOptions {
  /** Written to a file that the server is started with. */
  config?: ConfigInput
  /** Script and first arguments of another server that takes the same flags, instead of `tidewire serve`. */
  program?: readonly string[]
  /** More flags of `tidewire serve`. */
  flags?: readonly string[]
  /** Whether it keeps to its limits. Without, one user may do what a whole load does. */
  limits?: boolean
  env?: Record<string, string>
  /** Where its logs are, which are deleted in the end. Default: a directory of its own. */
  data?: string
}

/**
 * A `tidewire serve --dev` of the built artefact, with a port and a data directory that stay its own over restarts.
 * What it does by itself, ending or complaining, is kept: `surprises`.
 */
export class ServerProcess {
  readonly port: number
  readonly opsPort: number
  readonly data: string
  /** Ends that nobody asked for, and complaints of the runtime. */
  readonly surprises: string[] = []
  readonly #options: ServerProcessOptions
  #config: ConfigInput | undefined
  readonly #home = mkdtempSync(join(tmpdir(), 'tidewire-faults-'))
  #child: ChildProcess | undefined
  #expectedEnd = false
  #output = ''
  #lines = 0

  private constructor(port: number, opsPort: number, options: ServerProcessOptions) {
    this.port = port
    this.opsPort = opsPort
    this.#options = options
    this.#config = options.config
    this.data = options.data ?? join(this.#home, 'data')
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const ports = [await freePort(PORTS), await freePort(OPS_PORTS)] as const
    const server = new ServerProcess(...ports, options)
    await server.start()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  get pid(): number | undefined {
    return this.#child?.pid
  }

  /** The newest output. */
  get output(): string {
    return this.#output
  }

  /** Lines it wrote, over all its lives. */
  get lines(): number {
    return this.#lines
  }

  /** Resolves when it answers. Also after its end, on the same port and data. */
  async start(): Promise<void> {
    this.#expectedEnd = false
    const child = spawn(
      process.execPath,
      [...(this.#options.program ?? [BIN, 'serve']), ...this.#flags()],
      {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...this.#options.env },
      },
    )
    this.#child = child
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => this.#collect(chunk.toString()))
    }
    child.once('exit', (code, signal) => {
      if (!this.#expectedEnd) this.surprises.push(`The server ended with ${signal ?? code}.`)
    })
    await this.#healthy(child)
  }

  /** From the next start on. */
  configure(config: ConfigInput): void {
    this.#config = config
  }

  /** As a crash would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** As an operator would. It has to end well. Resolves to the milliseconds that took. */
  async stop(): Promise<number> {
    const began = performance.now()
    const code = await this.#end('SIGTERM')
    if (code !== 0) this.surprises.push(`After SIGTERM the server ended with ${code}.`)
    return performance.now() - began
  }

  /**
   * As an operator without patience: a second SIGTERM `againMs` after the first. Resolves to the milliseconds from the
   * second until it ended; `undefined` when it had ended before.
   */
  async stopTwice(againMs: number): Promise<number | undefined> {
    const child = this.#child
    const ended = this.#end('SIGTERM')
    await pause(againMs)
    if (child === undefined || child.exitCode !== null || child.signalCode !== null)
      return undefined
    const began = performance.now()
    child.kill('SIGTERM')
    await ended
    return performance.now() - began
  }

  /** It does not run until `thaw`, and its connections stay open. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Ends it and deletes its data. */
  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true, force: true })
    rmSync(this.#home, { recursive: true, force: true })
  }

  /** A token of the user, good for a day and for every restart. */
  async token(user: string): Promise<string> {
    const response = await fetch(`${this.url}/v1/dev/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
    })
    const { token } = (await response.json()) as { token: string }
    return token
  }

  /** The sum of a metric over its labels, or over those samples that have these. */
  async metric(name: string, labels: Record<string, string> = {}): Promise<number> {
    const wanted = Object.entries(labels).map(([label, value]) => `${label}="${value}"`)
    const text = await (await fetch(`http://127.0.0.1:${this.opsPort}/metrics`)).text()
    const samples = text
      .split('\n')
      .filter((line) => line.startsWith(name) && !line.startsWith('#'))
    const own = samples.filter(
      (line) => /^[{ ]/.test(line.slice(name.length)) && wanted.every((one) => line.includes(one)),
    )
    return own.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(' '))), 0)
  }

  #flags(): string[] {
    const { flags = [], limits = false } = this.#options
    const config = this.#config
    const fixed = ['--dev', '--port', String(this.port), '--ops-port', String(this.opsPort)]
    const all = [...fixed, '--data', this.data, ...(limits ? [] : ['--no-limits']), ...flags]
    if (config === undefined) return all
    // Not with the data, whose disk may be full.
    const path = join(this.#home, 'config.json')
    writeFileSync(path, JSON.stringify(config))
    return [...all, '--config', path]
  }

  #collect(text: string): void {
    if (/unhandled|uncaught|out of memory|FATAL/i.test(text)) this.surprises.push(text.trim())
    this.#output = (this.#output + text).slice(-KEPT_OUTPUT)
    this.#lines += text.split('\n').length - 1
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return 0
    this.#expectedEnd = true
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    child.kill(signal)
    return exited
  }

  async #healthy(child: ChildProcess): Promise<void> {
    const deadline = performance.now() + START_MS
    while (performance.now() < deadline && child.exitCode === null && child.signalCode === null) {
      const healthy = await fetch(`${this.url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (healthy) return
      await pause(20)
    }
    throw new Error(`The server did not start:\n${this.#output}`)
  }
}
