import type { Channel, JsonObject, Published } from '@tidewire/client'
import { sentence } from './errors.ts'

/** Publications that wait for their ack at once. */
const WINDOW = 256

/** Publishes to one channel, many at a time, in order. The client behind it repeats what had no answer. */
export class Publisher {
  readonly #channel: Channel
  readonly #type: string
  readonly #started = performance.now()
  #waiting = 0
  #wake: (() => void) | undefined
  accepted = 0
  acknowledged = 0
  duplicates = 0
  /** Of the highest offset that was acknowledged. */
  last: Published | undefined
  /** What the first one that was refused was refused for. */
  failure: string | undefined

  constructor(channel: Channel, type: string) {
    this.#channel = channel
    this.#type = type
  }

  get seconds(): number {
    return (performance.now() - this.#started) / 1000
  }

  /** Waits for a place in the window. False once one was refused: nothing is sent any more. */
  async publish(payload: JsonObject, label: string): Promise<boolean> {
    while (this.#waiting >= WINDOW) await this.#change()
    if (this.failure !== undefined) return false
    this.accepted += 1
    this.#waiting += 1
    this.#channel
      .publish(this.#type, payload)
      .then(
        (published) => this.#acknowledge(published),
        (error: unknown) => this.stop(`${label}${sentence(error)}`),
      )
      .finally(() => {
        this.#waiting -= 1
        this.#wake?.()
      })
    return true
  }

  /** Nothing is sent any more, for this reason or an earlier one. */
  stop(reason: string): void {
    this.failure ??= reason
  }

  /** Resolves when every publication was acknowledged or refused. */
  async settled(): Promise<void> {
    while (this.#waiting > 0) await this.#change()
  }

  #acknowledge(published: Published): void {
    this.acknowledged += 1
    if (published.duplicate) this.duplicates += 1
    if ((published.offset ?? 0) >= (this.last?.offset ?? 0)) this.last = published
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}
