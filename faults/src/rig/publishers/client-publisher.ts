import { Tidewire, TidewireError, type TransportName } from '@tidewire/client'
import { type Draft, type Outcome, Publisher, type PublisherOptions } from './publisher.ts'

/** An application on `@tidewire/client`, which repeats by itself: one attempt here is as many as it takes there. */
export class ClientPublisher extends Publisher {
  readonly #client: Tidewire
  #closed = false

  constructor(options: PublisherOptions, transport: TransportName) {
    super(options)
    const { url, token } = options
    const backoff = { minMs: 50, maxMs: 400 }
    this.#client = new Tidewire({ url, token, transports: [transport], backoff, maxQueue: 10_000 })
  }

  protected get closed(): boolean {
    return this.#closed
  }

  protected async attempt({ channel, key, payload }: Draft): Promise<Outcome> {
    try {
      const answer = await this.#client
        .channel(channel)
        .publish('message', payload, { messageId: key })
      const { epoch = '?', offset = -1, duplicate } = answer
      return { name: 'acked', epoch, offset, duplicate }
    } catch (error) {
      if (!(error instanceof TidewireError)) throw error
      // Errors of the client itself, such as its end, say nothing of what was sent.
      if (typeof error.code !== 'number') return { name: 'unanswered' }
      return this.outcomeOf('publish', error.code)
    }
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#client.close()
  }
}
