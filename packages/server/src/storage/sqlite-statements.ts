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
  replace: 'UPDATE publications SET payload = ?, replaced = 1 WHERE channel = ? AND offset = ?',
  sizes: `SELECT offset, octet_length(payload) AS bytes FROM publications
    WHERE channel = ? AND offset BETWEEN ? AND ? ORDER BY offset`,
  readUp: `SELECT message_id, type, payload, timestamp, client_id, user FROM publications
    WHERE channel = ? AND offset BETWEEN ? AND ? ORDER BY offset LIMIT ?`,
  readDown: `SELECT message_id, type, payload, timestamp, client_id, user FROM publications
    WHERE channel = ? AND offset BETWEEN ? AND ? ORDER BY offset DESC LIMIT ?`,
  lastRow: LAST_ROW,
  keepRows: "INSERT OR REPLACE INTO meta (key, value) VALUES ('rows', ?)",
  lastRowBefore: 'SELECT id FROM publications WHERE at < ? ORDER BY id DESC LIMIT 1',
  rowsFrom: 'SELECT id, channel, at, message_id FROM publications WHERE id >= ? ORDER BY id',
  findChannel: 'SELECT id, trimmed, deleted FROM channels WHERE name = ?',
  createChannel: 'INSERT INTO channels (name) VALUES (?)',
  topOf: 'SELECT max(offset) AS top FROM publications WHERE channel = ?',
  namesBetween: 'SELECT name FROM channels WHERE name > ? AND name < ? ORDER BY name LIMIT ?',
  firstSince: `SELECT offset FROM publications
    WHERE channel = ? AND offset BETWEEN ? AND ? AND at >= ? ORDER BY offset LIMIT 1`,
  deleteRange: 'DELETE FROM publications WHERE channel = ? AND offset BETWEEN ? AND ?',
  setTrimmed: 'UPDATE channels SET trimmed = ?, deleted = ? WHERE id = ?',
} as const
