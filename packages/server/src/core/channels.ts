import type { Envelope, Publication } from '@tidewire/protocol'
import { Hub } from './hub.ts'
import { type Namespace, Namespaces } from './namespaces.ts'
import { Batch } from './ports/batch.ts'
import type { Receipt } from './ports/broker.ts'
import type { Clock } from './ports/clock.ts'
import type { Observer } from './ports/observer.ts'
import type { Session } from './session.ts'
import type { Subscription } from './subscription.ts'
import { type Listener, Taps } from './taps.ts'
import type { Turn } from './turn.ts'

/** A publication that the bus lost is missed after one to two of these, also when no other follows it. */
const LOOK_FOR_GAPS_MS = 2_000

/** The channels, as this node sees them: their namespaces, and who listens here to what. Nobody is asked for permission. */
export class Channels {
  readonly namespaces = new Namespaces()
  readonly #clock: Clock
  readonly #observer: Observer
  readonly #hub: Hub
  readonly #taps: Taps
  #cancelLook: (() => void) | undefined

  constructor(clock: Clock, observer: Observer, turn: Turn) {
    this.#clock = clock
    this.#observer = observer
    this.#hub = new Hub(turn, clock)
    this.#taps = new Taps(observer)
    this.#lookForGaps()
  }

  /** Starts the broker of the namespace; its channels exist from then on. */
  async add(namespace: Namespace): Promise<void> {
    await namespace.broker.start((channel, epoch, publications, texts) => {
      this.#hub.deliver(channel, epoch, publications, texts)
      if (this.#taps.wants(namespace.name)) this.#taps.deliver(channel, publications)
    })
    this.namespaces.add(namespace)
    if (this.#taps.wants(namespace.name)) await namespace.broker.join(`${namespace.name}:*`)
  }

  /** Resolves when every accepted publish was answered. */
  async stop(): Promise<void> {
    await Promise.all(this.namespaces.all().map(({ broker }) => broker.stop()))
    this.#hub.flush()
    this.#cancelLook?.()
  }

  /** As `Broker.publish`. */
  publish(namespace: Namespace, draft: Publication): Promise<Receipt> | Receipt {
    const { channel } = draft.metadata
    const receipt = namespace.broker.publish(draft)
    return receipt instanceof Promise
      ? receipt.then((it) => this.#published(namespace, channel, it))
      : this.#published(namespace, channel, receipt)
  }

  #published({ policy }: Namespace, channel: string, receipt: Receipt): Receipt {
    this.#observer.published(policy.durability, receipt.duplicate)
    const { epoch, offset } = receipt
    if (epoch !== undefined && offset !== undefined) this.#hub.expect(channel, { epoch, offset })
    return receipt
  }

  /** As `Broker.join`: undefined when what is published from now on reaches the subscription. */
  join(subscription: Subscription): Promise<void> | undefined {
    const { channel } = subscription
    const { policy, broker } = this.namespaces.of(channel)
    this.#hub.join(channel, subscription, policy.min_flush_interval_ms)
    return broker.join(channel)
  }

  /** Hands frames that are no publications to who listens to the channel now. They have no place in its log. */
  signal(channel: string, envelope: Envelope, except: readonly Session[] = []): void {
    this.#hub.signal(channel, new Batch([envelope]), new Set(except))
  }

  /** How many subscriptions of this node listen to the channel. */
  listeners(channel: string): number {
    return this.#hub.size(channel)
  }

  leave(subscription: Subscription): void {
    const { channel } = subscription
    subscription.end()
    if (!this.#hub.leave(channel, subscription)) return
    this.namespaces
      .of(channel)
      .broker.leave(channel)
      .catch((error: unknown) => this.#observer.failed('broker.leave', error))
  }

  /** Publications of all channels that match `namespace:rest` or `namespace:prefix*`, as they happen. */
  tap(pattern: string, listener: Listener): () => void {
    const name = pattern.slice(0, pattern.indexOf(':'))
    const joinOrLeave = (action: 'join' | 'leave'): void => {
      const broker = this.namespaces.get(name)?.broker
      broker?.[action](`${name}:*`)?.catch((error: unknown) => {
        this.#observer.failed(`broker.${action}`, error)
      })
    }
    const wanted = this.#taps.wants(name)
    const remove = this.#taps.add(pattern, listener)
    if (!wanted) joinOrLeave('join')
    return () => {
      remove()
      if (!this.#taps.wants(name)) joinOrLeave('leave')
    }
  }

  #lookForGaps(): void {
    this.#cancelLook = this.#clock.after(LOOK_FOR_GAPS_MS, () => {
      this.#hub.look()
      this.#lookForGaps()
    })
  }
}
