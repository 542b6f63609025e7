import { encodeCursor } from '@tidewire/protocol'
import { ChannelBatch } from '../core/ports/batch.ts'
import type { JsonTexts } from './json-texts.ts'

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
 * Deliveries as a reader of one channel gets them. Their ids depend on nothing but the publication, so the bytes of a
 * batch are made once and shared by all such readers.
 */
export class SingleChannelEvents {
  readonly #texts: JsonTexts
  readonly #bytes = new WeakMap<ChannelBatch, Uint8Array>()

  constructor(texts: JsonTexts) {
    this.#texts = texts
  }

  bytes(batch: ChannelBatch): Uint8Array {
    let bytes = this.#bytes.get(batch)
    if (bytes === undefined) this.#bytes.set(batch, (bytes = this.#render(batch)))
    return bytes
  }

  #render({ channel, epoch, publications }: ChannelBatch): Uint8Array {
    let events = ''
    for (const publication of publications) {
      const { offset } = publication.metadata
      const id =
        epoch === undefined || offset === undefined
          ? undefined
          : encodeCursor([[channel, { epoch, offset }]])
      events += sseEvent(publication.type, id, this.#texts.of(publication))
    }
    return Buffer.from(events)
  }
}
