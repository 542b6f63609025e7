import { decodeCursor, type Down, type Envelope, type Publication } from '@tidewire/protocol'
import { eventsOf, type StreamEvent } from './event-stream.ts'
import { RawReader } from './reader.ts'
import { refusalOf } from './refusal.ts'

/** `GET /v1/sse`. It comes back with the last `id`, as an `EventSource` does, and holds nothing else. */
export class SseReader extends RawReader {
  #lastEventId: string | undefined
  /** While it is set nothing is read. */
  #gate: Promise<void> | undefined
  #open: () => void = () => undefined

  /** Reads nothing more, whatever waits, until `resume`. */
  pause(): void {
    this.#gate ??= new Promise((resolve) => (this.#open = resolve))
  }

  resume(): void {
    this.#gate = undefined
    this.#open()
  }

  override stop(): Promise<void> {
    this.resume()
    return super.stop()
  }

  protected async connection(signal: AbortSignal): Promise<void> {
    const { url, token, answers } = this.options
    const query = new URLSearchParams([...this.tapes.keys()].map((name) => ['channel', name]))
    const since = this.#lastEventId === undefined ? undefined : decodeCursor(this.#lastEventId)
    for (const [channel, tape] of this.tapes) tape.asks(since?.get(channel))
    const response = await fetch(`${url}/v1/sse?${query}`, {
      signal,
      headers: {
        authorization: `Bearer ${token}`,
        ...(this.#lastEventId === undefined ? {} : { 'last-event-id': this.#lastEventId }),
      },
    })
    if (response.status !== 200) throw await refusalOf('sse', response, answers)
    for await (const event of eventsOf(response.body!)) {
      await this.#gate
      if (signal.aborted) return
      this.#event(event)
    }
    throw new Error('The stream ended.')
  }

  #event({ type, id, data }: StreamEvent): void {
    if (id !== undefined) this.#lastEventId = id
    const { payload, metadata } = JSON.parse(data) as Envelope
    if (metadata.channel !== undefined) {
      const publication = { type, payload, metadata } as Publication
      const epoch = id === undefined ? undefined : decodeCursor(id).get(metadata.channel)?.epoch
      this.tapes.get(metadata.channel)?.received(publication, epoch)
    } else if (type === 'subscribed') {
      const { channel, epoch = '?', offset, recovered, reason } = payload as Down['subscribed']
      this.tapes.get(channel)?.subscribed({ epoch, offset, recovered, reason })
    } else if (type === 'reset') {
      const { channel, epoch, offset, reason } = payload as Down['reset']
      this.tapes.get(channel)?.reset({ epoch, offset, reason })
    } else if (type === 'server_shutdown') {
      this.options.answers.shutdown(this.name, payload as Down['server_shutdown'])
    } else if (type === 'error') {
      this.options.answers.error('sse', payload['code'])
    }
  }
}
