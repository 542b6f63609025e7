import type { Envelope } from '@tidewire/protocol'
import { type Backoff, toldDelay } from './backoff.ts'
import { TidewireError } from './errors.ts'
import { abortError, Wait, type WaitOptions } from './wait.ts'

/** Requests that may wait for their answer. */
const MAX_REQUESTS = 100

interface Request {
  readonly envelope: Envelope
  readonly wait: Wait<Envelope>
  /** Temporary refusals in a row. */
  refusals: number
  timer?: ReturnType<typeof setTimeout>
}

/**
 * Frames that are answered by one frame and may be asked again: `history`. They wait for the connection, and as long as
 * the server says when it refuses them for a moment.
 */
export class Requests {
  readonly #pending = new Map<string, Request>()
  readonly #send: (envelope: Envelope) => void
  readonly #backoff: Backoff

  /** `send` drops what it is given while there is no connection. */
  constructor(send: (envelope: Envelope) => void, backoff: Backoff) {
    this.#send = send
    this.#backoff = backoff
  }

  request(envelope: Envelope, options: WaitOptions): Promise<Envelope> {
    const { message_id: id = '' } = envelope.metadata
    if (options.signal?.aborted) return Promise.reject(abortError('The request', options.signal))
    if (this.#pending.size >= MAX_REQUESTS) {
      const message = `${MAX_REQUESTS} requests wait for their answer already.`
      return Promise.reject(new TidewireError('queue_full', message, { temporary: true }))
    }
    const wait = new Wait<Envelope>('The request', options, () => this.#take(id))
    this.#pending.set(id, { envelope, wait, refusals: 0 })
    this.#send(envelope)
    return wait.promise
  }

  answered(id: string, envelope: Envelope): void {
    this.#take(id)?.resolve(envelope)
  }

  /** Whether `id` was one of these. */
  refused(id: string, error: TidewireError): boolean {
    const request = this.#pending.get(id)
    if (request === undefined) return false
    if (error.retryAfterMs === undefined) this.#take(id)?.reject(error)
    else {
      request.refusals += 1
      const ms = toldDelay(this.#backoff, request.refusals, Math.random(), error.retryAfterMs)
      clearTimeout(request.timer)
      request.timer = setTimeout(() => this.#send(request.envelope), ms)
    }
    return true
  }

  /** The connection carries frames: asks again. */
  online(): void {
    for (const { envelope, timer } of this.#pending.values()) {
      clearTimeout(timer)
      this.#send(envelope)
    }
  }

  fail(error: TidewireError): void {
    for (const id of this.#pending.keys()) this.#take(id)?.reject(error)
  }

  #take(id: string): Wait<Envelope> | undefined {
    const request = this.#pending.get(id)
    clearTimeout(request?.timer)
    this.#pending.delete(id)
    return request?.wait
  }
}
