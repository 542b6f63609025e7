/** Below this a table is copied no sooner: it would cost more than it saves. */
const FEW = 16

/**
 * A set whose members come and go by the thousand. The tables that a `Set` of V8 outgrows lead to the next one, and keep
 * who was in them: when one of them has become old, so does everything that comes after it, and waits for a collection
 * of the whole heap. A copy has a table that nothing leads to.
 */
export class ChurnedSet<T> {
  #members = new Set<T>()
  #left = 0

  get size(): number {
    return this.#members.size
  }

  has(member: T): boolean {
    return this.#members.has(member)
  }

  add(member: T): void {
    this.#members.add(member)
  }

  /** False when it was no member. A loop over the members that is under way may still come by it. */
  delete(member: T): boolean {
    if (!this.#members.delete(member)) return false
    this.#left += 1
    if (this.#left > this.#members.size + FEW) {
      this.#members = new Set(this.#members)
      this.#left = 0
    }
    return true
  }

  /** In the order in which they came. */
  [Symbol.iterator](): Iterator<T> {
    return this.#members.values()
  }
}

/** The same of a `Map`. */
export class ChurnedMap<Key, Value> {
  #entries = new Map<Key, Value>()
  #left = 0

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    this.#entries.set(key, value)
  }

  delete(key: Key): void {
    if (!this.#entries.delete(key)) return
    this.#left += 1
    if (this.#left <= this.#entries.size + FEW) return
    this.#entries = new Map(this.#entries)
    this.#left = 0
  }
}
