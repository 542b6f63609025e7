import type { Envelope, Publication } from '@tidewire/protocol'

/** How one transport turns envelopes into bytes. Its identity is the cache key: share one instance between sessions. */
export interface Encoding {
  encode(batch: Batch): Uint8Array
}

/** Frames that leave together. Each encoding of them is made once, however many sessions share the batch. */
export class Batch {
  readonly envelopes: readonly Envelope[]
  #texts: readonly string[] | undefined
  #encoding: Encoding | undefined
  #bytes: Uint8Array | undefined
  #others: Map<Encoding, Uint8Array> | undefined

  /** `texts`: as the property, where they are known. */
  constructor(envelopes: readonly Envelope[], texts?: readonly string[]) {
    this.envelopes = envelopes
    this.#texts = texts
  }

  /** Each envelope as JSON. */
  get texts(): readonly string[] {
    return (this.#texts ??= this.envelopes.map((envelope) => JSON.stringify(envelope)))
  }

  protected get knownTexts(): readonly string[] | undefined {
    return this.#texts
  }

  bytes(encoding: Encoding): Uint8Array {
    // Nearly always all sessions of a channel share one encoding: the first one has a place of its own.
    if (this.#encoding === encoding && this.#bytes !== undefined) return this.#bytes
    const known = this.#others?.get(encoding)
    if (known !== undefined) return known
    const bytes = encoding.encode(this)
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

  constructor(
    channel: string,
    epoch: string | undefined,
    publications: readonly Publication[],
    texts?: readonly string[],
  ) {
    super(publications, texts)
    this.publications = publications
    this.channel = channel
    this.epoch = epoch
    this.first = publications[0]?.metadata.offset ?? 0
    this.last = publications.at(-1)?.metadata.offset ?? 0
  }

  /** The part of the batch that lies above `offset`. */
  after(offset: number): ChannelBatch {
    const from = offset + 1 - this.first
    const rest = this.publications.slice(from)
    return new ChannelBatch(this.channel, this.epoch, rest, this.knownTexts?.slice(from))
  }
}
