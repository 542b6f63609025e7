/** What an attacker did, and what it was told, by name. */
export type Counts = Readonly<Record<string, number>>

/** Counts, and keeps the largest of what is measured. */
export class Tally {
  readonly #counts = new Map<string, number>()

  add(name: string, count = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + count)
  }

  largest(name: string, value: number): void {
    this.#counts.set(name, Math.max(this.#counts.get(name) ?? 0, Math.round(value)))
  }

  get counts(): Counts {
    return Object.fromEntries(this.#counts)
  }
}

/** The sum of the counts whose names begin so. */
export function countOf(counts: Counts, prefix: string): number {
  return Object.entries(counts).reduce(
    (sum, [name, count]) => (name.startsWith(prefix) ? sum + count : sum),
    0,
  )
}
