import type { Envelope, Publication } from '@tidewire/protocol'

/** How one transport turns envelopes into bytes. Its identity is the cache key: share one instance between sessions. */
export interface Encoding {
  encode(envelopes: readonly Envelope[]): Uint8Array
}

/** Frames that leave together. Each encoding of them is made once, however many sessions share the batch. */
export class Batch {
  readonly envelopes: readonly Envelope[]
  #encoding: Encoding | undefined
  #bytes: Uint8Array | undefined
  #others: Map<Encoding, Uint8Array> | undefined

  constructor(envelopes: readonly Envelope[]) {
    this.envelopes = envelopes
  }

  bytes(encoding: Encoding): Uint8Array {
    // Nearly always all sessions of a channel share one encoding: the first one has a place of its own.
    if (this.#encoding === encoding && this.#bytes !== undefined) return this.#bytes
    const known = this.#others?.get(encoding)
    if (known !== undefined) return known
    const bytes = encoding.encode(this.envelopes)
    if (this.#encoding === undefined) {
      this.#encoding = encoding
      this.#bytes = bytes
    } else {
      this.#others ??= new Map()
      this.#others.set(encoding, bytes)
    }
    return bytes
  }
}

/** Publications of one channel and epoch, ascending; with offsets they are without holes. */
export class ChannelBatch extends Batch {
  readonly channel: string
  readonly epoch: string | undefined
  /** Offsets of the first and the last publication; 0 in channels without a log. */
  readonly first: number
  readonly last: number
  readonly publications: readonly Publication[]

  constructor(channel: string, epoch: string | undefined, publications: readonly Publication[]) {
    super(publications)
    this.publications = publications
    this.channel = channel
    this.epoch = epoch
    this.first = publications[0]?.metadata.offset ?? 0
    this.last = publications.at(-1)?.metadata.offset ?? 0
  }

  /** The part of the batch that lies above `offset`. */
  after(offset: number): ChannelBatch {
    const rest = this.publications.slice(offset + 1 - this.first)
    return new ChannelBatch(this.channel, this.epoch, rest)
  }
}
