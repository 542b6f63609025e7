import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort, type PortRange } from '@tidewire/server/testing/free-port'

import { paths } from './paths.ts'
import type { Peer } from './peers.ts'
import { profiled } from './profile.ts'

const PORTS: PortRange = { first: 32_000, count: 768 }
const READY_MS = 20_000
const STOP_MS = 5_000
const PROFILE_MS = 10_000

/** How a server is started. */
export interface Launch {
  /** What its command stands behind. */
  pin: readonly string[]
  /** Where its CPU profile goes; undefined: it makes none. */
  profile?: string | undefined
}

interface Data {
  directory: string
  keep: boolean
}

/** One server process, from its first answer to its end. */
export class ServerProcess {
  readonly port: number
  /** What the server may keep; removed with it where `start` made it. */
  readonly directory: string
  readonly #child: ChildProcess
  readonly #keep: boolean
  readonly #log: string
  readonly #profile: string | undefined
  #profiling: 'not yet' | 'now' | 'ended' = 'not yet'
  readonly #endWithUs = (): void => {
    this.#child.kill('SIGKILL')
    this.#forget()
  }

  private constructor(
    child: ChildProcess,
    port: number,
    data: Data,
    { log, profile }: { log: string; profile: string | undefined },
  ) {
    this.port = port
    this.directory = data.directory
    this.#child = child
    process.on('exit', this.#endWithUs)
    this.#keep = data.keep
    this.#log = log
    this.#profile = profile
  }

  /**
   * Resolves when the server answers; rejects with the end of its log when it does not. A
   * `directory` that is given is kept when the server stops, so that another can start on it.
   */
  static async start(peer: Peer, { pin, profile }: Launch, given?: string): Promise<ServerProcess> {
    const port = await freePort(PORTS)
    mkdirSync(paths.build, { recursive: true })
    const directory = given ?? mkdtempSync(join(paths.build, 'data-'))
    await peer.prepare?.(port, directory)
    const log = join(paths.build, `${peer.name}.log`)
    const output = openSync(log, 'w')
    const command = peer.command(port, directory)
    const run = profile === undefined ? command : profiled(command)
    const profiles = run.length > command.length ? profile : undefined
    if (profiles !== undefined) rmSync(profiles, { force: true })
    const [program = '', ...args] = [...pin, ...run]
    const child = spawn(program, args, {
      stdio: ['ignore', output, output],
      env: {
        ...process.env,
        ...peer.environment,
        ...(profiles !== undefined && { BENCH_PROFILE: profiles }),
      },
    })
    closeSync(output)
    const data = { directory, keep: given !== undefined }
    const server = new ServerProcess(child, port, data, { log, profile: profiles })
    try {
      await server.#ready(peer)
    } catch (error) {
      await server.stop()
      throw error
    }
    return server
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('The server process was not started.')
    return this.#child.pid
  }

  /** CPU seconds that the process and its children have used, all threads included. */
  cpuSeconds(): number {
    return this.#child.pid === undefined ? 0 : cpuSecondsOf(this.#child.pid)
  }

  /** The measured window begins: from here on it profiles itself, if it was started for that. */
  beginProfile(): void {
    if (this.#profile === undefined || this.#profiling !== 'not yet') return
    this.#profiling = 'now'
    this.#child.kill('SIGWINCH')
  }

  endProfile(): void {
    if (this.#profiling !== 'now') return
    this.#profiling = 'ended'
    this.#child.kill('SIGWINCH')
  }

  async stop(): Promise<void> {
    await this.#profileWritten()
    process.off('exit', this.#endWithUs)
    if (this.#child.pid !== undefined && !this.#exited()) {
      const gone = once(this.#child, 'exit')
      this.#child.kill('SIGTERM')
      const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
      await gone
      clearTimeout(timer)
    }
    this.#forget()
  }

  /** Ends it without a chance to write anything more. */
  async kill(): Promise<void> {
    await this.#profileWritten()
    this.#child.kill('SIGKILL')
    await this.stop()
  }

  async #profileWritten(): Promise<void> {
    if (this.#profile === undefined || this.#profiling !== 'ended') return
    const deadline = Date.now() + PROFILE_MS
    while (!existsSync(this.#profile) && !this.#exited() && Date.now() < deadline) await delay(20)
  }

  #forget(): void {
    if (!this.#keep) rmSync(this.directory, { recursive: true, force: true })
  }

  #exited(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null
  }

  async #ready(peer: Peer): Promise<void> {
    let failure = ''
    this.#child.on('error', (error) => (failure = error.message))
    const deadline = Date.now() + READY_MS
    const ready = () => peer.ready?.(this.port) ?? answersHttp(this.port)
    while (!(await ready())) {
      if (failure === '' && !this.#exited() && Date.now() < deadline) {
        await delay(50)
        continue
      }
      const said = readFileSync(this.#log, 'utf8').trim().split('\n').slice(-5).join('\n')
      throw new Error(`${peer.name} did not come up: ${failure || said || 'it said nothing'}`)
    }
  }
}

/** Any answer will do: only Tidewire has a `/health`. */
async function answersHttp(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/health`)
    await response.arrayBuffer()
    return true
  } catch (error) {
    if (error instanceof TypeError) return false // how fetch says that nobody listens yet
    throw error
  }
}

const TICKS_PER_SECOND = 100 // USER_HZ, the same on every Linux

function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The name in parentheses may hold spaces; utime and stime are the 12th and 13th field behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const own = (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim()
  return children
    .split(' ')
    .filter((child) => child !== '')
    .reduce((sum, child) => sum + cpuSecondsOf(Number(child)), own)
}
