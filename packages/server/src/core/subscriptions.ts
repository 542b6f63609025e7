import type { Subscription } from './subscription.ts'

/** The subscriptions of one session by channel, in the order they came. Most sessions have one, which needs no map. */
export class Subscriptions {
  #only: Subscription | undefined
  #many: Map<string, Subscription> | undefined

  get size(): number {
    return this.#many?.size ?? (this.#only === undefined ? 0 : 1)
  }

  get(channel: string): Subscription | undefined {
    if (this.#many !== undefined) return this.#many.get(channel)
    return this.#only?.channel === channel ? this.#only : undefined
  }

  set(subscription: Subscription): void {
    const { channel } = subscription
    if (this.#many !== undefined) this.#many.set(channel, subscription)
    else if (this.#only === undefined || this.#only.channel === channel) this.#only = subscription
    else {
      this.#many = new Map([this.#only, subscription].map((each) => [each.channel, each]))
      this.#only = undefined
    }
  }

  /** Nothing when another one took its place. */
  delete(subscription: Subscription): void {
    if (this.get(subscription.channel) !== subscription) return
    this.#only = undefined
    this.#many?.delete(subscription.channel)
  }

  /** Those that are deleted meanwhile are left out. */
  values(): Iterable<Subscription> {
    if (this.#many !== undefined) return this.#many.values()
    return this.#only === undefined ? [] : [this.#only]
  }
}
