import type { JsonObject, Publication } from '@tidewire/protocol'
import { PAGE_CHARACTERS, type Range } from '../core/ports/broker.ts'
import type { Holder, HotMemory } from './hot-memory.ts'
import type { Read } from './read-cache.ts'
import { TextQueue } from './text-queue.ts'

const LEAST_SLOTS = 16
/** Of a slot: 24 bytes. */
const NUMBERS = 3
const WORDS = 6

/**
 * The newest publications of one channel, as JSON outside of the heap, in a ring that grows and shrinks with what it
 * holds. Most of them are never read again; what is read is decoded then.
 *
 *   slot: time (8 bytes) | place of the text (8 bytes) | its bytes | characters of the payload
 */
export class HotLog implements Holder {
  /** Lowest offset held; `newest` + 1 when nothing is. */
  oldest = 1
  newest = 0
  readonly #memory: HotMemory
  readonly #held: { entries: number }
  readonly #texts: TextQueue
  /** What the memory knows that it takes. */
  #bytes = 0
  // The publication with offset n lies at n & mask: offsets have no holes and the slots are a power of two.
  #mask = -1
  #numbers = new Float64Array(0)
  /** The same memory. */
  #words = new Int32Array(0)
  /** Those that have another payload than the one they came with. */
  #replaced: Map<number, Read> | undefined
  #replacedBytes = 0

  /** `held`: how many entries all logs hold that count in it. */
  constructor(memory: HotMemory, held: { entries: number }) {
    this.#memory = memory
    this.#held = held
    this.#texts = new TextQueue(memory.spares)
  }

  get size(): number {
    return this.newest - this.oldest + 1
  }

  /**
   * Keeps the publication whose offset comes next. `text`: it as JSON; `length`: that of its payload in there; `at`:
   * milliseconds that never step.
   */
  append(text: string, length: number, at: number): void {
    if (this.size > this.#mask) this.#resize(Math.max(LEAST_SLOTS, this.size * 2))
    // First what may fail.
    const place = this.#texts.push(text)
    const slot = ++this.newest & this.#mask
    this.#numbers[slot * NUMBERS] = at
    this.#numbers[slot * NUMBERS + 1] = place
    this.#words[slot * WORDS + 4] = this.#texts.end - place
    this.#words[slot * WORDS + 5] = length
    this.#held.entries += 1
    this.#account()
  }

  /**
   * Gives the publication another payload, of this length as JSON, and returns the one that was there: others may be
   * about to send it, so it stays as it is. `undefined` when it is not held.
   */
  replace(offset: number, payload: JsonObject, length: number): Publication | undefined {
    if (offset < this.oldest || offset > this.newest) return undefined
    const { publication: old } = this.#at(offset)
    const publication = { ...old, payload }
    const slot = offset & this.#mask
    this.#replaced ??= new Map()
    if (this.#replaced.has(offset)) this.#replacedBytes -= this.#words[slot * WORDS + 5]!
    this.#replacedBytes += length
    this.#replaced.set(offset, { publication, text: JSON.stringify(publication) })
    this.#memory.reads.forget(this, offset)
    this.#texts.erase(this.#numbers[slot * NUMBERS + 1]!, this.#words[slot * WORDS + 4]!)
    this.#words[slot * WORDS + 5] = length
    this.#account()
    return old
  }

  dropOldest(): void {
    if (this.#replaced?.delete(this.oldest) === true) {
      this.#replacedBytes -= this.#words[(this.oldest & this.#mask) * WORDS + 5]!
    }
    this.oldest += 1
    this.#held.entries -= 1
    if (this.size === 0) this.#texts.clear()
    else this.#texts.dropBefore(this.#numbers[(this.oldest & this.#mask) * NUMBERS + 1]!)
    this.#account()
  }

  /** Nobody reads it any more. */
  clear(): void {
    this.#held.entries -= this.size
    this.oldest = this.newest + 1
    this.#replaced = undefined
    this.#replacedBytes = 0
    this.#texts.clear()
    this.#memory.reads.forgetLog(this)
    this.#account()
  }

  /** Drops what is older than `cutoff`. */
  expire(cutoff: number): void {
    while (this.size > 0 && this.#numbers[(this.oldest & this.#mask) * NUMBERS]! < cutoff) {
      this.dropOldest()
    }
  }

  /** Gives memory back that a quieter channel no longer needs. */
  shrink(): void {
    this.#memory.reads.forgetLog(this)
    const slots = this.#mask + 1
    if (this.size === 0) this.#resize(0)
    else if (slots > LEAST_SLOTS && this.size * 4 <= slots) {
      this.#resize(Math.max(LEAST_SLOTS, slots / 2))
    }
  }

  /** As `Page`, by the rules of `Range`. */
  read({ after, before, limit }: Range): {
    publications: Publication[]
    texts: string[]
    more: boolean
  } {
    const top = Math.min(this.newest, (before ?? Infinity) - 1)
    const bottom = Math.max(this.oldest, (after ?? 0) + 1)
    const down = before !== undefined && after === undefined
    const available = Math.max(0, top - bottom + 1)
    const publications: Publication[] = []
    const texts: string[] = []
    let room = PAGE_CHARACTERS
    for (let i = 0; i < Math.min(limit, available) && room > 0; i++) {
      const offset = down ? top - i : bottom + i
      const { publication, text } = this.#at(offset)
      publications.push(publication)
      texts.push(text)
      room -= this.#words[(offset & this.#mask) * WORDS + 5]!
    }
    if (down) {
      publications.reverse()
      texts.reverse()
    }
    return { publications, texts, more: publications.length < available }
  }

  #at(offset: number): Read {
    return (
      this.#replaced?.get(offset) ?? this.#memory.reads.get(this, offset) ?? this.#decode(offset)
    )
  }

  #decode(offset: number): Read {
    const slot = offset & this.#mask
    const place = this.#numbers[slot * NUMBERS + 1]!
    const bytes = this.#words[slot * WORDS + 4]!
    const text = this.#texts.read(place, bytes)
    const read = { publication: JSON.parse(text) as Publication, text }
    this.#memory.reads.add(this, offset, read, bytes)
    return read
  }

  #account(): void {
    const now = this.#texts.bytes + this.#replacedBytes
    if (now === this.#bytes) return
    const before = this.#bytes
    this.#bytes = now
    this.#memory.resized(this, before, now)
  }

  #resize(slots: number): void {
    const numbers = new Float64Array(slots * NUMBERS)
    for (let offset = this.oldest; offset <= this.newest; offset++) {
      const from = (offset & this.#mask) * NUMBERS
      const to = (offset & (slots - 1)) * NUMBERS
      for (let i = 0; i < NUMBERS; i++) numbers[to + i] = this.#numbers[from + i]!
    }
    this.#numbers = numbers
    this.#words = new Int32Array(numbers.buffer)
    this.#mask = slots - 1
  }
}
