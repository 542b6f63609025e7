import { type ChildProcess, fork } from 'node:child_process'
import type { Orders } from './attacks/attack.ts'
import type { Counts } from './tally.ts'

const PROGRAM = new URL('./program.ts', import.meta.url).pathname

/** From the program: what it did, when it is over; or why it is over too soon. */
export type FromAttacker = { counts: Counts } | { failed: string }

/** An attacker in a process of its own: its work is not done by the event loop that measures. */
export class Attacker {
  readonly #child: ChildProcess
  /** Resolves when the attack is over; rejects when its process failed. */
  readonly over: Promise<Counts>

  constructor(orders: Orders) {
    const child = fork(PROGRAM, { execArgv: ['-C', 'tidewire-source'] })
    this.#child = child
    this.over = new Promise((resolve, reject) => {
      child.on('message', (message: FromAttacker) => {
        if ('counts' in message) resolve(message.counts)
        else reject(new Error(`The attacker failed: ${message.failed}`))
      })
      child.on('exit', (code) => reject(new Error(`The attacker ended with ${code}.`)))
    })
    // Whoever waits for it may come later.
    this.over.catch(() => undefined)
    child.send(orders)
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}
