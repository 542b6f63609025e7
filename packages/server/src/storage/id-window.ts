/** How long a `message_id` identifies a publication (PROTOCOL.md §4). */
export const WINDOW_MS = 5 * 60_000

/** Ids of one generation. Two of them take at most 200 MB, and are exact up to 14,000 publications a second. */
const MAX_IDS = 4_000_000

/**
 * Where the publications of the last five minutes are, by a hash of channel and `message_id`: candidates, which the
 * caller compares with the row itself. Two generations, one that fills and one that fades; at `MAX_IDS` a generation
 * ends before its time, so beyond that the window is shorter instead of the memory larger.
 */
export class IdWindow {
  readonly #maxIds: number
  #young = new RowsByHash()
  #old = new RowsByHash()
  #youngSince = -Infinity

  constructor(maxIds: number = MAX_IDS) {
    this.#maxIds = maxIds
  }

  /** Remembers a row of the time `at`, in milliseconds since 1970. */
  add(hash: number, row: number, at: number): void {
    if (at - this.#youngSince > WINDOW_MS || this.#young.size >= this.#maxIds) {
      this.#old = this.#young
      this.#young = new RowsByHash()
      this.#youngSince = at
    }
    this.#young.add(hash, row)
  }

  /** The first row with this hash that `matches`. */
  find(hash: number, matches: (row: number) => boolean): number | undefined {
    return this.#young.find(hash, matches) ?? this.#old.find(hash, matches)
  }
}

/** FNV-1a over the channel's number and the text. */
export function hashId(channel: number, messageId: string): number {
  let hash = Math.imul(0x811c9dc5 ^ channel, 0x01000193)
  for (let i = 0; i < messageId.length; i++) {
    hash = Math.imul(hash ^ messageId.charCodeAt(i), 0x01000193)
  }
  return hash >>> 0
}

/** A hash table with open addressing in two typed arrays: 12 bytes a slot, nothing for the garbage collector. */
class RowsByHash {
  size = 0
  #hashes = new Uint32Array(1024)
  // 0 is an empty slot: rows count from 1.
  #rows = new Float64Array(1024)

  add(hash: number, row: number): void {
    if ((this.size + 1) * 3 > this.#rows.length * 2) this.#grow()
    this.#put(hash, row)
    this.size += 1
  }

  find(hash: number, matches: (row: number) => boolean): number | undefined {
    const mask = this.#rows.length - 1
    for (let slot = hash & mask; this.#rows[slot] !== 0; slot = (slot + 1) & mask) {
      if (this.#hashes[slot] === hash && matches(this.#rows[slot]!)) return this.#rows[slot]
    }
    return undefined
  }

  #put(hash: number, row: number): void {
    const mask = this.#rows.length - 1
    let slot = hash & mask
    while (this.#rows[slot] !== 0) slot = (slot + 1) & mask
    this.#hashes[slot] = hash
    this.#rows[slot] = row
  }

  #grow(): void {
    const [hashes, rows] = [this.#hashes, this.#rows]
    this.#hashes = new Uint32Array(rows.length * 2)
    this.#rows = new Float64Array(rows.length * 2)
    for (let slot = 0; slot < rows.length; slot++) {
      if (rows[slot] !== 0) this.#put(hashes[slot]!, rows[slot]!)
    }
  }
}
