/**
 * `places` takes over from the index of offsets: one row for up to 64 publications of a channel, `rows` being the ids of
 * `first` … `last` as a JSON array. An index has a page of its own for nearly every publication where many channels are
 * busy at once, and each commit writes all of them; a place is written once in 64 (see places.ts).
 *
 * `meta.placed`: publications up to this id are in `places`. Those above may be, too.
 */
export const places = `
  CREATE TABLE places (
    channel INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    rows TEXT NOT NULL,
    PRIMARY KEY (channel, first)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO places
    SELECT channel, min(offset), max(offset), json_group_array(id ORDER BY offset)
    FROM publications GROUP BY channel, offset / 64;
  INSERT OR REPLACE INTO meta SELECT 'placed', coalesce(max(id), 0) FROM publications;
  DROP INDEX publications_by_offset;
`
