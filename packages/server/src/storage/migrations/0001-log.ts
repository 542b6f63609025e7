/**
 * The durable log. `publications` only ever grows at its end, so a commit touches few pages of it; its one index is
 * small. An index of `message_id` beside it halves the rows a second (see id-window.ts for what stands in for it).
 *
 * `trimmed`: offsets up to here are no longer part of the log. `deleted`: their rows are gone too, at most `trimmed`;
 * rows stay for five minutes at least, because their `message_id` must be known. Times are milliseconds since 1970.
 */
export const log = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
  CREATE TABLE channels (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    trimmed INTEGER NOT NULL DEFAULT 0,
    deleted INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE publications (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    at INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    type TEXT NOT NULL,
    payload TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    client_id TEXT,
    user TEXT
  ) STRICT;
  CREATE UNIQUE INDEX publications_by_offset ON publications (channel, offset);
`
