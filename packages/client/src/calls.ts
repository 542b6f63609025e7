import type { Envelope, Json, JsonObject } from '@tidewire/protocol'
import { TidewireError } from './errors.ts'

export type CallHandler = (args: unknown) => unknown

/** The methods that the server may call on this client. */
export class Calls {
  readonly #handlers = new Map<string, CallHandler>()
  readonly #send: (envelope: Envelope) => void

  constructor(send: (envelope: Envelope) => void) {
    this.#send = send
  }

  handle(method: string, fn: CallHandler): () => void {
    if (this.#handlers.has(method)) {
      throw new TidewireError('invalid_argument', `The method ${method} has a handler already.`)
    }
    this.#handlers.set(method, fn)
    return () => {
      if (this.#handlers.get(method) === fn) this.#handlers.delete(method)
    }
  }

  /** Answers with what the handler returned, or with the message of what it threw. Never rejects. */
  async answer({ payload, metadata }: Envelope): Promise<void> {
    const result = await this.#run(payload)
    this.#send({
      type: 'result',
      payload: result,
      metadata: metadata.message_id === undefined ? {} : { correlation_id: metadata.message_id },
    })
  }

  async #run({ method, args }: JsonObject): Promise<JsonObject> {
    const handler = typeof method === 'string' ? this.#handlers.get(method) : undefined
    if (handler === undefined)
      return { error: `This client has no method ${JSON.stringify(method)}.` }
    try {
      const value = (await handler(args)) as Json | undefined
      return { value: value ?? null }
    } catch (error) {
      return { error: error instanceof Error ? error.message : String(error) }
    }
  }
}
