/** Ids in ascending order, by UTF-16 units. Adding and removing cost a binary search and the move of what lies behind. */
export class SortedIds {
  readonly #ids: string[] = []

  /** Only what is not in it. */
  add(id: string): void {
    this.#ids.splice(this.#placeOf(id), 0, id)
  }

  /** Only what is in it. */
  delete(id: string): void {
    this.#ids.splice(this.#placeOf(id), 1)
  }

  /** At most `limit` of them, behind `after`. */
  page(after: string | undefined, limit: number): readonly string[] {
    if (after === undefined) return this.#ids.slice(0, limit)
    const place = this.#placeOf(after)
    const start = this.#ids[place] === after ? place + 1 : place
    return this.#ids.slice(start, start + limit)
  }

  /** Of the first that does not come before `id`. */
  #placeOf(id: string): number {
    let low = 0
    let high = this.#ids.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ids[middle]! < id) low = middle + 1
      else high = middle
    }
    return low
  }
}
