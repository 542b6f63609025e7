import type { Envelope } from '@tidewire/protocol'
import { errorFromPayload, TidewireError } from '../errors.ts'
import { Heartbeat } from './heartbeat.ts'
import { type Fetch, Http, isAboutChannels } from './http.ts'
import { toTidewireError } from './http-sender.ts'
import { HttpTransport } from './http-transport.ts'
import { readEnvelope } from './read-envelope.ts'
import { sseParser } from './sse-parser.ts'
import type { OpenTransport, TransportOptions } from './transport.ts'

/** The server comments every 15 s: after more than two of them were missed, it is gone. */
const SILENCE_MS = 40_000
const COMMENT_MS = 15_000
/** A stream that brings nothing for this long from its start is held up by something in between. */
const START_MS = 10_000

export function sseTransport(fetch: Fetch): OpenTransport {
  return (options) => new SseTransport(new Http(fetch, options.url, options.token), options)
}

/** An event stream for all channels, and POST. `fetch` instead of `EventSource`, which cannot carry a token. */
class SseTransport extends HttpTransport {
  #heardAt = 0
  /** The current stream brought something. */
  #begun = false

  constructor(http: Http, options: TransportOptions) {
    super(http, options)
    this.start()
  }

  /** A stream cannot be asked. One that missed a comment is opened anew, from the same positions. */
  override probe(): void {
    if (this.channels.size > 0 && Date.now() - this.#heardAt > COMMENT_MS + 1000) this.restart()
  }

  protected override async run(signal: AbortSignal): Promise<void> {
    // `last` is a parameter of the whole stream, so each channel that has one is asked for alone before.
    await this.joinAll(
      this.channels.pending.filter(({ last }) => last !== undefined),
      signal,
    )
    while (this.channels.size > 0 && !signal.aborted) {
      try {
        return await this.#stream(signal)
      } catch (cause) {
        const error = toTidewireError(cause)
        if (signal.aborted) return
        // A stream that had begun and ends for a moment: the server goes away, or cannot say which channel it is about.
        if (!isAboutChannels(error) || (this.#begun && error.temporary)) {
          return await this.#failed(error, signal)
        }
        // The stream is refused for one of them. Asked for alone, each tells; then the others get their stream.
        await this.winnow(error, signal)
      }
    }
  }

  async #stream(signal: AbortSignal): Promise<void> {
    this.#begun = false
    const overdue = setTimeout(() => void this.#held(signal), START_MS)
    let heartbeat: Heartbeat | undefined
    try {
      const path = `/v1/sse?${this.channels.query()}`
      const response = await this.http.open(path, { Accept: 'text/event-stream' }, signal)
      heartbeat = new Heartbeat({
        idleMs: SILENCE_MS,
        graceMs: 1000,
        onIdle: () => undefined,
        onDead: () => this.lose('heartbeat_timeout'),
      })
      await this.#read(response, signal, () => {
        clearTimeout(overdue)
        heartbeat?.heard()
      })
    } finally {
      clearTimeout(overdue)
      heartbeat?.stop()
    }
  }

  async #read(response: Response, signal: AbortSignal, heard: () => void): Promise<void> {
    let told: TidewireError | undefined
    const parse = sseParser(({ data }) => {
      if (signal.aborted) return
      const envelope = readEnvelope(data)
      if (envelope.type === 'error') told = errorFromPayload(envelope.payload)
      else this.#event(envelope)
    })
    const reader = response.body?.getReader()
    const decoder = new TextDecoder()
    for (;;) {
      const piece = await reader?.read().catch(ended)
      if (signal.aborted) return
      if (piece === undefined || piece.done) break
      this.#heardAt = Date.now()
      this.#begun = true
      heard()
      parse(decoder.decode(piece.value, { stream: true }))
    }
    throw told ?? ended()
  }

  #event(envelope: Envelope): void {
    switch (envelope.type) {
      // One for each stream; the client was told once.
      case 'connection_established':
        return
      case 'subscribed':
        return this.channels.subscribed(envelope.payload)
      case 'reset':
        return this.channels.reset(envelope.payload)
      default:
        if (envelope.metadata.channel === undefined) this.emit(envelope)
        else this.channels.publication(envelope)
    }
  }

  /** A stream that never began, on a server that answers otherwise: streams do not get through here. */
  async #failed(error: TidewireError, signal: AbortSignal): Promise<void> {
    const foreign = typeof error.code !== 'number' && !this.#begun
    const reached = foreign && (await this.reached(signal))
    if (signal.aborted) return
    if (reached) this.lose('transport_unusable', error)
    else throw error
  }

  async #held(signal: AbortSignal): Promise<void> {
    const reached = await this.reached(signal)
    if (!signal.aborted) this.lose(reached ? 'transport_unusable' : 'timeout')
  }
}

function ended(): never {
  throw new TidewireError('connection_failed', 'The event stream ended.', { temporary: true })
}
