import type { IncomingMessage, ServerResponse } from 'node:http'
import { ProtocolError } from '@tidewire/protocol'
import type { Visitor } from './door.ts'
import { answerError } from './http-errors.ts'
import { splitTarget, streamRequest } from './request.ts'
import { Comments } from './sse-comments.ts'
import { SseConnection } from './sse-connection.ts'
import { SingleChannelEvents } from './sse-format.ts'
import { openStream, type StreamOptions } from './stream.ts'

const GOING_AWAY = 1001

/** `GET /v1/sse`: Server-Sent Events. */
export class SseTransport {
  readonly #options: StreamOptions
  readonly #events: SingleChannelEvents
  readonly #comments: Comments

  constructor(options: StreamOptions) {
    this.#options = options
    this.#events = new SingleChannelEvents()
    this.#comments = new Comments(options.clock)
  }

  close(): void {
    this.#comments.close()
  }

  /** Answers the request, which is a GET. Never rejects. */
  handle(request: IncomingMessage, response: ServerResponse, { address }: Visitor): Promise<void> {
    const { clock } = this.#options
    const shared = { events: this.#events, comments: this.#comments, clock }
    const lastEventId = request.headers['last-event-id']
    return openStream(this.#options, {
      request,
      response,
      address,
      transport: 'sse',
      closeCode: GOING_AWAY,
      prepare: (target) => {
        const { query } = splitTarget(target)
        const asked = streamRequest(query, Array.isArray(lastEventId) ? undefined : lastEventId)
        if (asked.channels.length === 0) throw noChannel()
        const connect = (): SseConnection =>
          new SseConnection({ response, address, asked, ...shared })
        return { query, connect }
      },
      refuse: (error) => answerError(response, error),
    })
  }
}

function noChannel(): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    '`channel` is missing. Name at least one, such as `?channel=chat:general`.',
  )
}
