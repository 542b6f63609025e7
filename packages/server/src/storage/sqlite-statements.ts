import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LAST_ROW } from './rows.ts'

/** The statements of the log, prepared. */
export type Statements = Record<keyof typeof SQL, StatementSync>

export function prepareAll(db: DatabaseSync): Statements {
  const statements = Object.entries(SQL).map(([name, sql]) => [name, db.prepare(sql)])
  return Object.fromEntries(statements) as Statements
}

const SQL = {
  begin: 'BEGIN IMMEDIATE',
  commit: 'COMMIT',
  append: `INSERT INTO publications
    (id, channel, offset, at, message_id, type, payload, timestamp, client_id, user)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  readRow: `SELECT channel, offset, at, message_id, type, payload, replaced
    FROM publications WHERE id = ?`,
  replace: 'UPDATE publications SET payload = ?, replaced = 1 WHERE id = ?',
  sizeOf: 'SELECT octet_length(payload) AS bytes FROM publications WHERE id = ?',
  read: `SELECT message_id, type, payload, timestamp, client_id, user FROM publications
    WHERE id = ?`,
  lastRow: LAST_ROW,
  keepRows: "INSERT OR REPLACE INTO meta (key, value) VALUES ('rows', ?)",
  lastRowBefore: 'SELECT id FROM publications WHERE at < ? ORDER BY id DESC LIMIT 1',
  rowsFrom: 'SELECT id, channel, at, message_id FROM publications WHERE id >= ? ORDER BY id',
  findChannel: 'SELECT id, trimmed, deleted FROM channels WHERE name = ?',
  createChannel: 'INSERT INTO channels (name) VALUES (?)',
  place: 'INSERT INTO places (channel, first, last, rows) VALUES (?, ?, ?, ?)',
  placesBetween: `SELECT first, rows FROM places
    WHERE channel = ?
      AND first >= coalesce((SELECT max(first) FROM places WHERE channel = ? AND first <= ?), 0)
      AND first <= ?
    ORDER BY first`,
  lastPlace: 'SELECT last FROM places WHERE channel = ? ORDER BY first DESC LIMIT 1',
  deletePlaces: 'DELETE FROM places WHERE channel = ? AND first <= ? AND last <= ?',
  placed: "SELECT value FROM meta WHERE key = 'placed'",
  markPlaced: "INSERT OR REPLACE INTO meta (key, value) VALUES ('placed', ?)",
  placesOfRows: 'SELECT id, channel, offset FROM publications WHERE id > ? ORDER BY id',
  namesBetween: 'SELECT name FROM channels WHERE name > ? AND name < ? ORDER BY name LIMIT ?',
  atOf: 'SELECT at FROM publications WHERE id = ?',
  deleteRows: 'DELETE FROM publications WHERE id IN (SELECT value FROM json_each(?))',
  setTrimmed: 'UPDATE channels SET trimmed = ?, deleted = ? WHERE id = ?',
} as const
