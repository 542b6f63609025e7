import { type ChildProcess, fork } from 'node:child_process'
import type { HistoryEvent } from '../../history/events.ts'
import type { Position } from '@tidewire/protocol'
import type { Recorder } from '../../history/recorder.ts'
import type { Answers } from '../answers.ts'
import { areAt, type Reader } from '../readers/reader.ts'
import { until } from '../until.ts'
import type { FromSleeper, Orders, ToSleeper } from './messages.ts'

const PROGRAM = new URL('./program.ts', import.meta.url).pathname
const ANSWERS_MS = 15_000
const END_MS = 5000

interface Stream {
  channel: string
  live: boolean
  position: Position | undefined
}

/** An application on `@tidewire/client` in a process of its own, as on a laptop whose lid is closed now and then. */
export class Sleeper implements Reader {
  readonly name: string
  readonly #orders: Orders
  readonly #recorder: Recorder
  readonly #answers: Answers
  readonly #streams: ReadonlyMap<string, Stream>
  #child: ChildProcess | undefined
  #published = false
  #ending = false

  constructor(orders: Orders, { recorder, answers }: { recorder: Recorder; answers: Answers }) {
    this.name = orders.name
    this.#orders = orders
    this.#recorder = recorder
    this.#answers = answers
    this.#streams = new Map(
      orders.channels.map((channel) => [channel, { channel, live: false, position: undefined }]),
    )
  }

  get live(): boolean {
    return [...this.#streams.values()].every(({ live }) => live)
  }

  isAt(tops: ReadonlyMap<string, number>): boolean {
    return areAt([...this.#streams.values()], tops)
  }

  start(): void {
    const child = fork(PROGRAM, { execArgv: ['-C', 'tidewire-source'] })
    this.#child = child
    child.on('message', (message: FromSleeper) => this.#told(message))
    child.on('exit', (code, signal) => {
      if (this.#ending) return
      this.#answers.undocumented.push(`${this.name} ended with ${signal ?? code}`)
    })
    this.#tell({ start: this.#orders })
  }

  /** It does not run until `wake`. Its connections stay open as far as it knows. */
  sleep(): void {
    this.#child?.kill('SIGSTOP')
  }

  wake(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Resolves when all that it sent is answered. */
  async stopPublishing(): Promise<void> {
    this.#tell('stop-publishing')
    await until(
      () => this.#published,
      () => `${this.name} has publishes that nobody answers.`,
      ANSWERS_MS,
    )
  }

  async stop(): Promise<void> {
    const child = this.#child
    if (child === undefined || this.#ending) return
    this.#ending = true
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    this.wake()
    this.#tell('end')
    const timer = setTimeout(() => child.kill('SIGKILL'), END_MS)
    if (child.exitCode === null && child.signalCode === null) await ended
    clearTimeout(timer)
  }

  #tell(message: ToSleeper): void {
    if (this.#child?.connected === true) this.#child.send(message)
  }

  #told(message: FromSleeper): void {
    if (message === 'published') {
      this.#published = true
      return
    }
    this.#answers.undocumented.push(...message.undocumented)
    for (const event of message.events) {
      // With the time at which it was recorded there: the clock is the same.
      this.#recorder.events.push(event)
      this.#see(event)
    }
  }

  #see(event: HistoryEvent): void {
    if (!('channel' in event) || event.client !== this.name) return
    const stream = this.#streams.get(event.channel)
    if (stream === undefined) return
    if (event.type === 'disc') stream.live = false
    else if (event.type === 'sub.ok' || event.type === 'reset' || event.type === 'recv') {
      stream.live = true
      stream.position = { epoch: event.epoch, offset: event.offset }
    }
  }
}
