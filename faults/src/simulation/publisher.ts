import { type Tidewire, TidewireError } from '@tidewire/client'
import type { Recorder } from '../history/recorder.ts'
import { bodyOf } from '../rig/body.ts'
import type { Node } from './simulator.ts'

export interface PublisherPlan {
  channels: readonly string[]
  /** Publications, and over how many milliseconds. */
  count: number
  overMs: number
  /** Impatient: publishes anew, with the same key, what has no answer yet or had one already. */
  repeats: boolean
}

const MAX_BURST = 16
const IMPATIENT_MS = 1_500
const CONFLICT = 4013

/** An application that publishes, and what it is answered. */
export class Publisher {
  /** Publishes something else under keys that are taken. */
  rival: Publisher | undefined
  readonly #node: Node
  readonly #client: Tidewire
  readonly #recorder: Recorder
  readonly #plan: PublisherPlan

  constructor(node: Node, client: Tidewire, recorder: Recorder, plan: PublisherPlan) {
    this.#node = node
    this.#client = client
    this.#recorder = recorder
    this.#plan = plan
  }

  /** Resolves when everything was acknowledged. */
  async run(): Promise<void> {
    const { channels, count, overMs } = this.#plan
    const { chance } = this.#node
    const answers: Promise<void>[] = []
    for (let sent = 0; sent < count;) {
      const burst = Math.min(count - sent, chance.happens(0.3) ? chance.between(2, MAX_BURST) : 1)
      await this.#node.sleep(((2 * overMs) / count) * burst * chance.next())
      const channel = chance.pick(channels)
      for (let i = 0; i < burst; i++) {
        answers.push(this.publish(channel, `${this.#node.name}-${(sent += 1)}`))
      }
      if (chance.happens(0.3)) await answers.at(-1)
    }
    await Promise.all(answers)
  }

  async publish(channel: string, key: string): Promise<void> {
    const { repeats } = this.#plan
    const { chance } = this.#node
    const bytes = chance.happens(0.1) ? chance.between(300, 2_000) : chance.between(0, 100)
    const send = (patient: boolean): Promise<boolean> =>
      this.#attempt(channel, key, key, bytes, patient)
    if (!repeats) {
      await send(true)
      return
    }
    while (!(await send(chance.happens(0.2)))) {
      await this.#node.sleep(chance.between(0, 500))
    }
    if (chance.happens(0.1)) await send(true)
    if (chance.happens(0.05)) await this.rival?.contest(channel, key)
  }

  contest(channel: string, key: string): Promise<boolean> {
    return new Promise((resolve) => {
      this.#node.after(0, () => resolve(this.#attempt(channel, key, `${key}-other`, 0, true)))
    })
  }

  /** Whether it was answered. */
  async #attempt(
    channel: string,
    key: string,
    value: string,
    bytes: number,
    patient: boolean,
  ): Promise<boolean> {
    const at = { client: this.#node.name, channel, key, value }
    this.#recorder.record({ type: 'pub.invoke', ...at })
    try {
      const { epoch, offset, duplicate } = await this.#client
        .channel(channel)
        .publish('message', bodyOf(value, bytes), {
          messageId: key,
          ...(patient ? {} : { timeout: IMPATIENT_MS }),
        })
      if (epoch === undefined || offset === undefined) throw new Error('An `ack` without a place.')
      this.#recorder.record({ type: 'pub.ok', ...at, epoch, offset, duplicate })
      return true
    } catch (error) {
      if (!(error instanceof TidewireError)) throw error
      const { code } = error
      if (code === CONFLICT) this.#recorder.record({ type: 'pub.fail', ...at, code })
      else this.#recorder.record({ type: 'pub.info', ...at })
      return code === CONFLICT
    }
  }
}
