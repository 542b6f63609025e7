import type { Publication } from '@tidewire/protocol'
import type { OnPublications } from '../core/ports/broker.ts'
import type { Bus } from '../core/ports/bus.ts'
import { Joined } from './joined.ts'

/** The bus of a server that is alone: what is broadcast is handed to the listeners before `broadcast` returns. */
export class LocalBus implements Bus {
  readonly #listeners: OnPublications[] = []
  readonly #joined = new Joined()

  start(onPublications: OnPublications): Promise<void> {
    this.#listeners.push(onPublications)
    return Promise.resolve()
  }

  broadcast(
    channel: string,
    epoch: string | undefined,
    publications: readonly Publication[],
  ): Promise<void> {
    if (this.#joined.has(channel)) {
      for (const onPublications of this.#listeners) onPublications(channel, epoch, publications)
    }
    return DONE
  }

  join(channel: string): undefined {
    this.#joined.add(channel)
  }

  leave(channel: string): Promise<void> {
    this.#joined.delete(channel)
    return DONE
  }

  stop(): Promise<void> {
    this.#listeners.length = 0
    this.#joined.clear()
    return DONE
  }
}

const DONE = Promise.resolve()
