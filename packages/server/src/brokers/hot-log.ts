import type { Publication } from '@tidewire/protocol'
import type { Range } from '../core/ports/broker.ts'

/** The newest publications of one channel, in a ring that grows and shrinks with what it holds. */
export class HotLog {
  /** Lowest offset held; `newest` + 1 when nothing is. */
  oldest = 1
  newest = 0
  // The publication with offset n lies at n & mask: offsets have no holes and the length is a power of two.
  #slots: (Publication | undefined)[] = []
  #times: number[] = []
  #mask = -1

  get size(): number {
    return this.newest - this.oldest + 1
  }

  /** Gives the publication the next offset and keeps it. `at`: milliseconds since 1970. */
  append(publication: Publication, at: number): number {
    if (this.size === this.#slots.length) this.#resize(Math.max(16, this.size * 2))
    const offset = ++this.newest
    publication.metadata.offset = offset
    this.#slots[offset & this.#mask] = publication
    this.#times[offset & this.#mask] = at
    return offset
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
    const from = down ? Math.max(bottom, top - limit + 1) : bottom
    const to = down ? top : Math.min(top, bottom + limit - 1)
    const publications: Publication[] = []
    for (let offset = from; offset <= to; offset++) {
      publications.push(this.#slots[offset & this.#mask]!)
    }
    return { publications, more: down ? from > bottom : to < top }
  }

  #resize(length: number): void {
    const slots: (Publication | undefined)[] = Array.from({ length })
    const times: number[] = Array.from({ length }, () => 0)
    for (let offset = this.oldest; offset <= this.newest; offset++) {
      slots[offset & (length - 1)] = this.#slots[offset & this.#mask]
      times[offset & (length - 1)] = this.#times[offset & this.#mask]!
    }
    this.#slots = slots
    this.#times = times
    this.#mask = length - 1
  }
}
