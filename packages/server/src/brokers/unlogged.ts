import { ProtocolError, type Publication } from '@tidewire/protocol'
import type { Broker, OnPublications, Page, Receipt } from '../core/ports/broker.ts'
import type { Bus } from '../core/ports/bus.ts'
import { InFlight } from './in-flight.ts'
import { Joined } from './joined.ts'

/**
 * Durability `none`: a bus and nothing else. Nothing is kept, so there is no epoch, no offset and no history, and a
 * repeated `message_id` is one more publication.
 *
 * The bus may be shared with other brokers, so whoever made it stops it.
 */
export class UnloggedBroker implements Broker {
  readonly #bus: Bus
  readonly #joined = new Joined()
  readonly #publishing = new InFlight()

  constructor({ bus }: { bus: Bus }) {
    this.#bus = bus
  }

  start(onPublications: OnPublications): Promise<void> {
    return this.#bus.start((channel, epoch, publications) => {
      // The other brokers of the bus join channels too.
      if (this.#joined.has(channel)) onPublications(channel, epoch, publications)
    })
  }

  publish(draft: Publication): Promise<Receipt> {
    const broadcast = this.#bus.broadcast(draft.metadata.channel, undefined, [draft])
    return this.#publishing.track(broadcast.then(handedOver, notHandedOver))
  }

  history(): Promise<Page> {
    return Promise.reject(noHistory())
  }

  replace(): Promise<boolean> {
    return Promise.reject(noHistory())
  }

  join(channel: string): Promise<void> | undefined {
    this.#joined.add(channel)
    return this.#bus.join(channel)
  }

  leave(channel: string): Promise<void> {
    this.#joined.delete(channel)
    return this.#bus.leave(channel)
  }

  stop(): Promise<void> {
    return this.#publishing.idle()
  }
}

function noHistory(): ProtocolError {
  return new ProtocolError(
    'not_found',
    'The channel keeps no history: the durability of its namespace is `none`.',
  )
}

function handedOver(): Receipt {
  return { duplicate: false }
}

function notHandedOver(cause: unknown): never {
  throw new ProtocolError(
    'unavailable',
    'The publication could not be handed to the other nodes. Publish it again.',
    { cause },
  )
}
