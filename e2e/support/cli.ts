import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const BIN = new URL('../../packages/cli/bin/tidewire.js', import.meta.url).pathname

/** A running `tidewire` command, its lines of stdout as they come. */
export class Cli {
  readonly lines: string[] = []
  readonly child: ChildProcess
  readonly exit: Promise<number | null>
  errors = ''

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [BIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
    createInterface({ input: this.child.stdout! }).on('line', (line) => this.lines.push(line))
    this.child.stderr!.on('data', (chunk: Buffer) => (this.errors += chunk.toString()))
    this.exit = new Promise((resolve) => this.child.once('close', resolve))
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.exit
  }
}
