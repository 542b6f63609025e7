import type { Envelope, JsonObject } from '@tidewire/protocol'
import { type Backoff, toldDelay } from './backoff.ts'
import { TidewireError } from './errors.ts'
import { newMessageId } from './message-id.ts'
import { abortError, Wait, type WaitOptions } from './wait.ts'

/** Requests that may wait for their answer. */
const MAX_REQUESTS = 100
const TIMEOUT_MS = 30_000

interface Request {
  readonly envelope: Envelope
  readonly wait: Wait<JsonObject>
  /** Temporary refusals in a row. */
  refusals: number
  timer?: ReturnType<typeof setTimeout>
}

/**
 * Frames that are answered by one frame and may be asked again: `history`, and the commands of features. They wait for
 * the connection, and as long as the server says when it refuses them for a moment.
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

  /** Resolves with the payload of the answer. */
  async request(
    type: string,
    payload: JsonObject,
    { signal, timeout = TIMEOUT_MS }: WaitOptions,
  ): Promise<JsonObject> {
    if (signal?.aborted) throw abortError('The request', signal)
    if (this.#pending.size >= MAX_REQUESTS) {
      const message = `${MAX_REQUESTS} requests wait for their answer already.`
      throw new TidewireError('queue_full', message, { temporary: true })
    }
    const message_id = newMessageId()
    // A copy, and nothing waits for an answer where it cannot be made.
    const copy = JSON.parse(JSON.stringify(payload)) as JsonObject
    const envelope = { type, payload: copy, metadata: { message_id } }
    const wait = new Wait<JsonObject>('The request', { signal, timeout }, () =>
      this.#take(message_id),
    )
    this.#pending.set(message_id, { envelope, wait, refusals: 0 })
    this.#send(envelope)
    return wait.promise
  }

  /** Whether `id` was one of these. */
  answered(id: string, payload: JsonObject): boolean {
    const wait = this.#take(id)
    wait?.resolve(payload)
    return wait !== undefined
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

  #take(id: string): Wait<JsonObject> | undefined {
    const request = this.#pending.get(id)
    clearTimeout(request?.timer)
    this.#pending.delete(id)
    return request?.wait
  }
}
