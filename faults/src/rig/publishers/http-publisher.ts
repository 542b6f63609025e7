import { type Draft, type Outcome, Publisher } from './publisher.ts'

interface Receipt {
  epoch?: string
  offset?: number
  duplicate: boolean
}

/** `POST /v1/channels/{channel}/publications`. */
export class HttpPublisher extends Publisher {
  readonly #closing = new AbortController()

  protected get closed(): boolean {
    return this.#closing.signal.aborted
  }

  protected async attempt({ channel, key, payload }: Draft): Promise<Outcome> {
    const { url, token } = this.options
    const path = `${url}/v1/channels/${encodeURIComponent(channel)}/publications`
    try {
      const response = await fetch(path, {
        method: 'POST',
        signal: AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.options.answerMs)]),
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify({ type: 'message', payload, message_id: key }),
      })
      const body = (await response.json()) as Receipt & { code?: number }
      if (!response.ok) return this.outcomeOf(`publish ${response.status}`, body.code)
      const { epoch = '?', offset = -1, duplicate } = body
      return { name: 'acked', epoch, offset, duplicate }
    } catch (error) {
      // The connection broke, or the answer was cut off: nobody knows.
      if (error instanceof Error) return { name: 'unanswered' }
      throw error
    }
  }

  async close(): Promise<void> {
    this.#closing.abort()
  }
}
