const MOST = 300

/** People that were met, the latest last; the same array when all of them are known. */
export function met(known: readonly string[], users: readonly string[]): readonly string[] {
  const there = new Set(known)
  const met = users.filter((user) => !there.has(user))
  return met.length === 0 ? known : [...known, ...new Set(met)].slice(-MOST)
}

export const isUsers = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((user) => typeof user === 'string')
