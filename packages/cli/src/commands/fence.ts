import { resolve } from 'node:path'
import { fenceData } from '@tidewire/server'
import type { Command } from 'commander'
import { addConfigFlags, loadConfig } from '../config.ts'
import { say } from '../output.ts'

export function addFence(program: Command): void {
  const command = program
    .command('fence')
    .description('after a rollback of the data in place: begin a new epoch at the next start')
  addConfigFlags(command, ['data']).action((options: Record<string, unknown>) => {
    const data = resolve(loadConfig(options).config.data)
    fenceData(data)
    say(`The next start with ${data} begins a new epoch: every client is told to start over.`)
  })
}
