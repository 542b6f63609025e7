import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '@tidewire/server/testing/free-port'
import { PORTS } from './ports.ts'

const BIN = new URL('../../packages/cli/bin/tidewire.js', import.meta.url).pathname

export interface ServerProcessOptions {
  /** Written to a file that the server is started with. With it, the server does not run for development. */
  config?: object
}

/** A real `tidewire serve` process on a port and a data directory of its own, that can be killed and restarted. */
export class ServerProcess {
  readonly port: number
  readonly url: string
  readonly data = mkdtempSync(join(tmpdir(), 'tidewire-e2e-'))
  readonly #config: object | undefined
  #child: ChildProcess | undefined
  #output = ''

  private constructor(port: number, { config }: ServerProcessOptions) {
    this.port = port
    this.url = `http://127.0.0.1:${port}`
    this.#config = config
  }

  static async start(options: ServerProcessOptions = {}): Promise<ServerProcess> {
    const server = new ServerProcess(await freePort(PORTS), options)
    await server.start()
    return server
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [BIN, 'serve', ...this.#flags()], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    const collect = (chunk: Buffer): void => {
      this.#output = (this.#output + chunk.toString()).slice(-20_000)
    }
    child.stdout.on('data', collect)
    child.stderr.on('data', collect)
    await this.#healthy(child)
  }

  /** The newest output. */
  get output(): string {
    return this.#output
  }

  /** As a power cut would. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  async stop(): Promise<void> {
    await this.#end('SIGTERM')
  }

  async remove(): Promise<void> {
    await this.kill()
    rmSync(this.data, { recursive: true, force: true })
  }

  async token(user: string): Promise<string> {
    const response = await fetch(`${this.url}/v1/dev/token`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ user }),
    })
    const { token } = (await response.json()) as { token: string }
    return token
  }

  #flags(): string[] {
    const flags = ['--port', String(this.port), '--ops-port', 'off', '--data', this.data]
    if (this.#config === undefined) return ['--dev', ...flags]
    const path = join(this.data, 'config.json')
    writeFileSync(path, JSON.stringify(this.#config))
    return ['--config', path, '--host', '127.0.0.1', ...flags]
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await exited
  }

  async #healthy(child: ChildProcess): Promise<void> {
    const deadline = Date.now() + 20_000
    while (Date.now() < deadline) {
      if (child.exitCode !== null) break
      const healthy = await fetch(`${this.url}/health`).then(
        ({ ok }) => ok,
        () => false,
      )
      if (healthy) return
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`The server did not start:\n${this.#output}`)
  }
}
