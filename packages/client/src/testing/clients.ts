import type { Position, Publication } from '@tidewire/protocol'
import { WebSocket } from 'ws'
import type { Channel } from '../channel.ts'
import { Tidewire } from '../client.ts'
import type { ConnectionState, Reset, TidewireOptions } from '../types.ts'
import type { FakeServer } from './fake-server.ts'

/** Clients of one test, which end with it. Their waits between attempts are short. */
export class Clients {
  readonly #clients: Tidewire[] = []

  make(server: FakeServer, options: TidewireOptions = {}): Tidewire {
    const client = new Tidewire({
      url: server.url,
      WebSocket,
      backoff: { minMs: 1, maxMs: 20 },
      ...options,
    })
    this.#clients.push(client)
    return client
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.splice(0).map((client) => client.close()))
  }
}

/** What an app is told of one channel, checked as it comes: every offset once, in order, or a reset. */
export class Reader {
  readonly publications: Publication[] = []
  readonly resets: Reset[] = []
  /** What should not have happened. */
  readonly faults: string[] = []
  #at: Position | undefined

  constructor(channel: Channel) {
    channel.on('*', (publication) => {
      const { offset } = publication.metadata
      if (offset !== undefined && this.#at !== undefined && offset !== this.#at.offset + 1) {
        this.faults.push(`${offset} after ${this.#at.offset}`)
      }
      if (offset !== undefined && channel.position !== undefined) this.#at = channel.position
      this.publications.push(publication)
    })
    channel.onReset((reset) => {
      this.#at = reset
      this.resets.push(reset)
    })
  }

  get numbers(): unknown[] {
    return this.publications.map(({ payload }) => payload['n'])
  }
}

/** The names of the states that a client goes through from now on. */
export function statesOf(client: Tidewire): ConnectionState[] {
  const states: ConnectionState[] = []
  client.on('state', ({ to }) => states.push(to))
  return states
}
