import type { Envelope, JsonObject } from '@tidewire/protocol'
import { errorEnvelope, TidewireError } from '../errors.ts'
import { channelPath, type Http, type HttpAnswer } from './http.ts'

/** What a client says over HTTP besides its subscriptions: one request each, answered by an envelope. */
export class HttpSender {
  readonly #http: Http
  readonly #emit: (envelope: Envelope) => void
  readonly #signal: AbortSignal
  /** Channel → its last request: publications of a channel go one after the other, so that they keep their order. */
  readonly #last = new Map<string, Promise<void>>()
  /** `message_id` of what is under way: sending it again would only wait behind itself. */
  readonly #underWay = new Set<string>()

  constructor(http: Http, emit: (envelope: Envelope) => void, signal: AbortSignal) {
    this.#http = http
    this.#emit = emit
    this.#signal = signal
  }

  publish(envelope: Envelope): void {
    const { message_id: id = '', channel = '' } = envelope.metadata
    if (this.#underWay.has(id)) return
    this.#underWay.add(id)
    const before = this.#last.get(channel) ?? Promise.resolve()
    const sent = before.then(async () => {
      const answer = await this.#outcome(id, this.#post(envelope, channel, id))
      // Forgotten before it is told: the app may publish the same id again at once.
      this.#underWay.delete(id)
      if (this.#last.get(channel) === sent) this.#last.delete(channel)
      this.#tell(answer)
    })
    this.#last.set(channel, sent)
  }

  history({ payload, metadata }: Envelope): void {
    const { channel, ...range } = payload as Record<string, string | number>
    const query = new URLSearchParams(
      Object.entries(range).map(([key, value]) => [key, String(value)]),
    )
    const path = `${channelPath(channel as string)}?${query}`
    const id = metadata.message_id ?? ''
    void this.#outcome(id, this.#page(path, id)).then((answer) => this.#tell(answer))
  }

  /** Frames that only a WebSocket can carry. */
  refuse({ type, metadata }: Envelope): void {
    const message = `A frame of type ${type} needs the WebSocket transport.`
    const error = new TidewireError('unknown_type', message)
    queueMicrotask(() => this.#emit(errorEnvelope(error, metadata.message_id)))
  }

  async #post(envelope: Envelope, channel: string, id: string): Promise<Envelope> {
    const { type, payload } = envelope
    const body = { type, payload, message_id: id }
    const answer = await this.#http.post(channelPath(channel), body, this.#signal)
    const { message_id: _, ...receipt } = answer.body as JsonObject
    return { type: 'ack', payload: { channel, ...receipt }, metadata: { correlation_id: id } }
  }

  async #page(path: string, id: string): Promise<Envelope> {
    const { body }: HttpAnswer = await this.#http.get(path, this.#signal)
    return { type: 'history', payload: body as JsonObject, metadata: { correlation_id: id } }
  }

  /** The answer, or the `error` that a WebSocket would have brought. Never rejects. */
  async #outcome(id: string, answer: Promise<Envelope>): Promise<Envelope> {
    try {
      return await answer
    } catch (error) {
      // No answer means unknown: it is temporary, and the same message id settles it.
      return errorEnvelope(toTidewireError(error), id)
    }
  }

  #tell(envelope: Envelope): void {
    if (!this.#signal.aborted) this.#emit(envelope)
  }
}

export function toTidewireError(error: unknown): TidewireError {
  if (error instanceof TidewireError) return error
  return new TidewireError('unknown_error', 'The answer of the server cannot be read.', {
    cause: error,
  })
}
