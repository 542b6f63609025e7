/** Of a chunk, unless one text alone is longer. */
const CHUNK_BYTES = 16 * 1024
/** Of the first one: most channels are small. */
const LEAST_BYTES = 1024
const MAX_SPARES = 64

/** Chunks that nobody uses at the moment: queues that drop as much as they take allocate nothing. */
export class SpareChunks {
  readonly #chunks: Buffer[] = []

  take(): Buffer {
    return this.#chunks.pop() ?? Buffer.allocUnsafeSlow(CHUNK_BYTES)
  }

  give(chunk: Buffer): void {
    if (chunk.length === CHUNK_BYTES && this.#chunks.length < MAX_SPARES) this.#chunks.push(chunk)
  }
}

/**
 * Texts in the order in which they came, as UTF-8 in chunks beside the heap: a hundred thousand of them are nothing to
 * the garbage collector. What is dropped is dropped from the front. Lone surrogates do not survive: JSON has none.
 */
export class TextQueue {
  readonly #spares: SpareChunks
  #chunks: Buffer[] = []
  /** How many chunks were dropped before those that are here. */
  #dropped = 0
  /** Bytes of the last chunk that hold texts. */
  #used = 0
  #bytes = 0

  constructor(spares: SpareChunks) {
    this.#spares = spares
  }

  /** What its chunks take. */
  get bytes(): number {
    return this.#bytes
  }

  /** After a `push`: where its text ends. */
  get end(): number {
    return (this.#dropped + this.#chunks.length - 1) * CHUNK_BYTES + this.#used
  }

  /** Returns the place of the text: they ascend. */
  push(text: string): number {
    let chunk = this.#chunks.at(-1)
    const room = (chunk?.length ?? 0) - this.#used
    // A unit of UTF-16 is three bytes at most: mostly there is no need to count.
    if (chunk === undefined || (room < text.length * 3 && room < Buffer.byteLength(text))) {
      chunk = this.#add(Buffer.byteLength(text))
    }
    const start = this.#used
    this.#used += chunk.write(text, start)
    return (this.#dropped + this.#chunks.length - 1) * CHUNK_BYTES + start
  }

  read(place: number, bytes: number): string {
    const start = place % CHUNK_BYTES
    return this.#chunkOf(place).toString('utf8', start, start + bytes)
  }

  /** Overwrites the text with zeros. */
  erase(place: number, bytes: number): void {
    const start = place % CHUNK_BYTES
    this.#chunkOf(place).fill(0, start, start + bytes)
  }

  /** Lets go of the chunks that hold nothing but texts before this place. */
  dropBefore(place: number): void {
    for (let n = Math.floor(place / CHUNK_BYTES) - this.#dropped; n > 0; n--) this.#dropFirst()
  }

  clear(): void {
    while (this.#chunks.length > 0) this.#dropFirst()
    this.#used = 0
  }

  #dropFirst(): void {
    const chunk = this.#chunks.shift()!
    this.#bytes -= chunk.length
    this.#dropped += 1
    this.#spares.give(chunk)
  }

  #add(bytes: number): Buffer {
    const next = Math.min(
      CHUNK_BYTES,
      Math.max(LEAST_BYTES, 2 * (this.#chunks.at(-1)?.length ?? 0)),
    )
    const size = Math.max(next, bytes)
    const chunk = size === CHUNK_BYTES ? this.#spares.take() : Buffer.allocUnsafeSlow(size)
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    this.#used = 0
    return chunk
  }

  #chunkOf(place: number): Buffer {
    return this.#chunks[Math.floor(place / CHUNK_BYTES) - this.#dropped]!
  }
}
