import type { DatabaseSync } from 'node:sqlite'

/**
 * The number of the row that was written last; the next one has the number above. `meta.rows` remembers it when rows
 * are deleted, so that it never goes back.
 */
export const LAST_ROW = `
  SELECT max(
    coalesce((SELECT max(id) FROM publications), 0),
    coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'rows'), 0)
  ) AS id`

export function lastRow(db: DatabaseSync): number {
  return db.prepare(LAST_ROW).get()!['id'] as number
}
