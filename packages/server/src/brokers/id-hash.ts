/**
 * 64 bits for each id, by HalfSipHash-1-3 over its UTF-16 units: with a secret key of its own, so that nobody can make
 * up ids that share theirs (https://www.aumasson.jp/siphash).
 */
export class IdHash {
  /** Of the id that was given to `of` last. */
  low = 0
  high = 0
  readonly #key: Int32Array
  #last: string | undefined

  /** `key`: two words that nobody else knows. */
  constructor(key: Int32Array = crypto.getRandomValues(new Int32Array(2))) {
    this.#key = key
  }

  /** Sets `low` and `high`. */
  of(id: string): void {
    if (id === this.#last) return
    this.#last = id
    const k0 = this.#key[0]!
    const k1 = this.#key[1]!
    let v0 = k0
    let v1 = k1 ^ 0xee
    let v2 = 0x6c796765 ^ k0
    let v3 = 0x74656462 ^ k1
    const { length } = id
    // Two units a word, and the length in the last one; then three rounds for each half of the result.
    const words = (length >> 1) + 1
    for (let i = 0; i < words + 6; i++) {
      let word = 0
      if (i < words - 1) word = id.charCodeAt(2 * i) | (id.charCodeAt(2 * i + 1) << 16)
      else if (i === words - 1) word = (length << 16) | (length & 1 && id.charCodeAt(length - 1))
      else if (i === words) v2 ^= 0xee
      else if (i === words + 3) {
        this.low = v1 ^ v3
        v1 ^= 0xdd
      }
      v3 ^= word
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
      v0 ^= word
    }
    this.high = v1 ^ v3
  }
}
