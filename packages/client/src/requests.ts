import type { Envelope } from '@tidewire/protocol'
import { TidewireError } from './errors.ts'
import { abortError, Wait, type WaitOptions } from './wait.ts'

/** Requests that may wait for their answer. */
const MAX_REQUESTS = 100

interface Request {
  readonly envelope: Envelope
  readonly wait: Wait<Envelope>
}

/** Frames that are answered by one frame and may be asked again: `history`. They wait for the connection. */
export class Requests {
  readonly #pending = new Map<string, Request>()
  readonly #send: (envelope: Envelope) => void

  /** `send` drops what it is given while there is no connection. */
  constructor(send: (envelope: Envelope) => void) {
    this.#send = send
  }

  request(envelope: Envelope, options: WaitOptions): Promise<Envelope> {
    const { message_id: id = '' } = envelope.metadata
    if (options.signal?.aborted) return Promise.reject(abortError('The request', options.signal))
    if (this.#pending.size >= MAX_REQUESTS) {
      const message = `${MAX_REQUESTS} requests wait for their answer already.`
      return Promise.reject(new TidewireError('queue_full', message, { temporary: true }))
    }
    const wait = new Wait<Envelope>('The request', options, () => this.#pending.delete(id))
    this.#pending.set(id, { envelope, wait })
    this.#send(envelope)
    return wait.promise
  }

  /** Whether it answered one of these. */
  answered(envelope: Envelope): boolean {
    return this.#take(envelope.metadata.correlation_id, (wait) => wait.resolve(envelope))
  }

  refused(id: string, error: TidewireError): boolean {
    return this.#take(id, (wait) => wait.reject(error))
  }

  /** The connection carries frames: asks again. */
  online(): void {
    for (const { envelope } of this.#pending.values()) this.#send(envelope)
  }

  fail(error: TidewireError): void {
    const pending = [...this.#pending.values()]
    this.#pending.clear()
    for (const { wait } of pending) wait.reject(error)
  }

  #take(id: string | undefined, settle: (wait: Wait<Envelope>) => void): boolean {
    const request = id === undefined ? undefined : this.#pending.get(id)
    if (id === undefined || request === undefined) return false
    this.#pending.delete(id)
    settle(request.wait)
    return true
  }
}
