/**
 * `replaced`: the payload is not the one that was appended, so that one can no longer be compared with. The rest of the
 * row is as it was.
 */
export const replace = `
  ALTER TABLE publications ADD COLUMN replaced INTEGER NOT NULL DEFAULT 0;
`
