import type { JsonObject, Publication } from '@tidewire/protocol'
import { PAGE_CHARACTERS, type Range } from '../core/ports/broker.ts'

/** The newest publications of one channel, in a ring that grows and shrinks with what it holds. */
export class HotLog {
  /** Lowest offset held; `newest` + 1 when nothing is. */
  oldest = 1
  newest = 0
  // The publication with offset n lies at n & mask: offsets have no holes and the length is a power of two.
  #slots: (Publication | undefined)[] = []
  #times: number[] = []
  #lengths: number[] = []
  #mask = -1

  get size(): number {
    return this.newest - this.oldest + 1
  }

  /** Gives the publication the next offset and keeps it. `length`: of its payload as JSON; `at`: milliseconds since 1970. */
  append(publication: Publication, length: number, at: number): number {
    if (this.size === this.#slots.length) this.#resize(Math.max(16, this.size * 2))
    const offset = ++this.newest
    publication.metadata.offset = offset
    this.#slots[offset & this.#mask] = publication
    this.#times[offset & this.#mask] = at
    this.#lengths[offset & this.#mask] = length
    return offset
  }

  /**
   * Puts another in the place of the publication, with this payload, and returns the one that was there: others may be
   * about to send it, so it stays as it is. `undefined` when it is not held.
   */
  replace(offset: number, payload: JsonObject, length: number): Publication | undefined {
    if (offset < this.oldest || offset > this.newest) return undefined
    const slot = offset & this.#mask
    const old = this.#slots[slot]!
    this.#slots[slot] = { ...old, payload }
    this.#lengths[slot] = length
    return old
  }

  dropOldest(): void {
    this.#slots[this.oldest & this.#mask] = undefined
    this.oldest += 1
  }

  /** Drops what is older than `cutoff`; returns how many. */
  expire(cutoff: number): number {
    const before = this.size
    while (this.size > 0 && this.#times[this.oldest & this.#mask]! < cutoff) this.dropOldest()
    return before - this.size
  }

  /** Gives memory back that a quieter channel no longer needs. */
  shrink(): void {
    if (this.size === 0) this.#resize(0)
    else if (this.#slots.length > 16 && this.size * 4 <= this.#slots.length) {
      this.#resize(Math.max(16, this.#slots.length / 2))
    }
  }

  /** As `Page`, by the rules of `Range`. */
  read({ after, before, limit }: Range): { publications: Publication[]; more: boolean } {
    const top = Math.min(this.newest, (before ?? Infinity) - 1)
    const bottom = Math.max(this.oldest, (after ?? 0) + 1)
    const down = before !== undefined && after === undefined
    const available = Math.max(0, top - bottom + 1)
    const publications: Publication[] = []
    let room = PAGE_CHARACTERS
    for (let i = 0; i < Math.min(limit, available) && room > 0; i++) {
      const slot = (down ? top - i : bottom + i) & this.#mask
      publications.push(this.#slots[slot]!)
      room -= this.#lengths[slot]!
    }
    if (down) publications.reverse()
    return { publications, more: publications.length < available }
  }

  #resize(length: number): void {
    const slots: (Publication | undefined)[] = Array.from({ length })
    const times: number[] = Array.from({ length }, () => 0)
    const lengths: number[] = Array.from({ length }, () => 0)
    for (let offset = this.oldest; offset <= this.newest; offset++) {
      slots[offset & (length - 1)] = this.#slots[offset & this.#mask]
      times[offset & (length - 1)] = this.#times[offset & this.#mask]!
      lengths[offset & (length - 1)] = this.#lengths[offset & this.#mask]!
    }
    this.#slots = slots
    this.#times = times
    this.#lengths = lengths
    this.#mask = length - 1
  }
}
