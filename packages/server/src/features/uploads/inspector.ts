import { HEAD_BYTES, typeOf } from './sniff.ts'

/** Controls that no text has: all but tab, line feed, form feed, carriage return and escape. */
// eslint-disable-next-line no-control-regex
const NO_TEXT = /[\u0000-\u0008\u000b\u000e-\u001a\u001c-\u001f\u007f]/

/** Looks at the bytes of a file as they pass, and keeps only the first ones. */
export class Inspector {
  size = 0
  #head = Buffer.alloc(0)
  #isText = true
  readonly #decoder = new TextDecoder('utf-8', { fatal: true })

  take(chunk: Uint8Array): void {
    this.size += chunk.byteLength
    if (this.#head.length < HEAD_BYTES) {
      this.#head = Buffer.concat([this.#head, chunk.subarray(0, HEAD_BYTES - this.#head.length)])
    }
    if (this.#isText)
      this.#isText = this.#reads(() => this.#decoder.decode(chunk, { stream: true }))
  }

  /** After the last chunk. */
  type(): string {
    if (this.#isText) this.#isText = this.#reads(() => this.#decoder.decode())
    return typeOf(this.#head, this.#isText)
  }

  #reads(decode: () => string): boolean {
    try {
      return !NO_TEXT.test(decode())
    } catch {
      // No UTF-8: that is the answer.
      return false
    }
  }
}
