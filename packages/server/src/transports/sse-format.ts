import { encodeCursor } from '@tidewire/protocol'
import { ChannelBatch } from '../core/ports/batch.ts'

// A line of an event stream ends at CR LF, LF or CR. Whoever gets one of them into a field writes the fields after it,
// so `event` and `id` lose them and `data` becomes several lines, which the reader joins again.
const LINE_END = /\r\n|\r|\n/g
const NOT_IN_FIELDS = /[\r\n\0]/g

/** One event of an event stream (WHATWG HTML, §9.2). */
export function sseEvent(type: string, id: string | undefined, data: string): string {
  const idLine = id === undefined ? '' : `id: ${id.replace(NOT_IN_FIELDS, '')}\n`
  const lines = data.replace(LINE_END, '\ndata: ')
  return `event: ${type.replace(NOT_IN_FIELDS, '')}\n${idLine}data: ${lines}\n\n`
}

/**
 * Events as a chunk of an HTTP/1.1 response (RFC 9112 §7.1). Framed here, once for all who get them, they need not pass
 * Node's response again for each: that costs more than the rest of a delivery.
 */
export function chunkOf(events: string): Uint8Array {
  // An empty chunk would end the response.
  if (events === '') return NOTHING
  const length = Buffer.byteLength(events)
  return Buffer.from(`${length.toString(16)}\r\n${events}\r\n`)
}

/** What is in a chunk, for a response that is framed in another way. */
export function contentOf(chunk: Uint8Array): Uint8Array {
  return chunk.subarray(chunk.indexOf(LF) + 1, -CRLF_LENGTH)
}

const NOTHING = new Uint8Array(0)
const LF = 10
const CRLF_LENGTH = 2

/**
 * Deliveries as a reader of one channel gets them. Their ids depend on nothing but the publication, so the chunk of a
 * batch is made once and shared by all such readers.
 */
export class SingleChannelEvents {
  readonly #chunks = new WeakMap<ChannelBatch, Uint8Array>()

  chunk(batch: ChannelBatch): Uint8Array {
    let chunk = this.#chunks.get(batch)
    if (chunk === undefined) this.#chunks.set(batch, (chunk = this.#render(batch)))
    return chunk
  }

  #render({ channel, epoch, publications, texts }: ChannelBatch): Uint8Array {
    let events = ''
    for (const [i, publication] of publications.entries()) {
      const { offset } = publication.metadata
      const id =
        epoch === undefined || offset === undefined
          ? undefined
          : encodeCursor([[channel, { epoch, offset }]])
      events += sseEvent(publication.type, id, texts[i]!)
    }
    return chunkOf(events)
  }
}
