import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Who may come in, and who belongs where. */
export const trust: Migration = {
  async up(database: Kysely<unknown>) {
    for (const statement of TABLES) await sql.raw(statement).execute(database)
  },
}

const TABLES = [
  `CREATE TABLE server_keys (
    id TEXT PRIMARY KEY,
    sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    revoked_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE refresh_tokens (
    id TEXT PRIMARY KEY,
    session TEXT NOT NULL,
    user TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    channels TEXT,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    ended_at INTEGER
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX refresh_tokens_by_session ON refresh_tokens (session)`,
  `CREATE INDEX refresh_tokens_by_user ON refresh_tokens (user)`,
  `CREATE INDEX refresh_tokens_by_end ON refresh_tokens (expires_at)`,
  `CREATE TABLE revocations (
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (kind, value)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX revocations_by_time ON revocations (at)`,
  `CREATE TABLE members (
    channel TEXT NOT NULL,
    user TEXT NOT NULL,
    added_at INTEGER NOT NULL,
    PRIMARY KEY (channel, user)
  ) STRICT, WITHOUT ROWID`,
]
