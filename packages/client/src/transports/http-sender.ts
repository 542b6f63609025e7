import type { Envelope, JsonObject } from '@tidewire/protocol'
import { errorEnvelope, TidewireError } from '../errors.ts'
import { channelPath, type Http, type HttpAnswer } from './http.ts'

const INBOX = '/v1/notifications'

/** What a client says over HTTP besides its subscriptions: one request each, answered by an envelope. */
export class HttpSender {
  readonly #http: Http
  readonly #emit: (envelope: Envelope) => void
  readonly #signal: AbortSignal
  /**
   * Channel → its last request: publications of a channel go one after the other, so that they keep their order. It
   * resolves with what it was refused for, where that passes.
   */
  readonly #last = new Map<string, Promise<TidewireError | undefined>>()
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
    const before = this.#last.get(channel) ?? Promise.resolve(undefined)
    const sent = before.then(async (held) => {
      // What waits behind one that has to be sent again waits with it: nothing passes it.
      const answer = held === undefined ? await this.#send(envelope, channel, id) : held
      // Forgotten before it is told: the app may publish the same id again at once.
      this.#underWay.delete(id)
      if (this.#last.get(channel) === sent) this.#last.delete(channel)
      const failed = answer instanceof TidewireError ? answer : undefined
      this.#tell(failed === undefined ? (answer as Envelope) : errorEnvelope(failed, id))
      return failed?.temporary ? failed : undefined
    })
    this.#last.set(channel, sent)
  }

  history(envelope: Envelope): void {
    const { channel, ...range } = envelope.payload
    this.#answer(envelope, this.#get(channelPath(channel as string), range))
  }

  /** Some commands are requests over HTTP as well; all others only a WebSocket can carry. */
  command(envelope: Envelope): void {
    const { type, payload } = envelope
    if (type === 'notifications_list') return this.#answer(envelope, this.#get(INBOX, payload))
    if (type === 'notifications_mark_read') {
      return this.#answer(envelope, this.#http.post(`${INBOX}/read`, payload, this.#signal))
    }
    const message = `A frame of type ${type} needs the WebSocket transport.`
    this.#answer(envelope, Promise.reject(new TidewireError('unavailable', message)))
  }

  async #post(envelope: Envelope, channel: string, id: string): Promise<Envelope> {
    const { type, payload } = envelope
    const body = { type, payload, message_id: id }
    const answer = await this.#http.post(channelPath(channel), body, this.#signal)
    const { message_id: _, ...receipt } = answer.body as JsonObject
    return { type: 'ack', payload: { channel, ...receipt }, metadata: { correlation_id: id } }
  }

  #get(path: string, query: JsonObject): Promise<HttpAnswer> {
    const texts = new URLSearchParams(query as Record<string, string>)
    return this.#http.get(`${path}?${texts}`, this.#signal)
  }

  #answer({ type, metadata }: Envelope, answered: Promise<HttpAnswer>): void {
    const correlation_id = metadata.message_id ?? ''
    answered.then(
      ({ body }) => this.#tell({ type, payload: body as JsonObject, metadata: { correlation_id } }),
      (error: unknown) => this.#tell(errorEnvelope(toTidewireError(error), correlation_id)),
    )
  }

  /** The `ack`, or what it was refused for. No answer means unknown: it is temporary, and the same id settles it. */
  async #send(envelope: Envelope, channel: string, id: string): Promise<Envelope | TidewireError> {
    try {
      return await this.#post(envelope, channel, id)
    } catch (error) {
      return toTidewireError(error)
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
