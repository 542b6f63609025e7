import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Times are milliseconds since 1970. */
export interface Tables {
  /** What was said, once for all who got it. */
  notifications_messages: {
    seq: number
    id: string
    kind: string
    title: string
    body: string | null
    /** JSON. */
    data: string | null
    created_at: number
  }
  /** Who got it, in the order of `n`. `expendable`: users brought it about, so it leaves a full inbox first. */
  notifications_inbox: {
    user: string
    n: number
    message: number
    read: number
    expendable: number
  }
  /** `unread`, `entries` and `expendable` always equal a recount of the inbox; `newest` is the highest `n` that it had. */
  notifications_users: {
    user: string
    newest: number
    unread: number
    entries: number
    expendable: number
  }
  /** JSON. */
  notifications_preferences: { user: string; value: string }
  notifications_subscriptions: {
    id: number
    user: string
    provider: string
    endpoint: string
    /** JSON. */
    keys: string
    created_at: number
    /** What it was made with, each where there was one: the login, the token, the server key, and when the token was issued. */
    session: string | null
    token_id: string | null
    key_id: string | null
    issued_at: number | null
  }
  /** Pushes that are still to be made. */
  notifications_pushes: {
    id: number
    subscription: number
    user: string
    message: number
    attempts: number
    due_at: number
  }
  /** JSON by name. */
  notifications_settings: { name: string; value: string }
}

export type Database = Kysely<Tables>

const TABLES = [
  `CREATE TABLE notifications_messages (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    body TEXT,
    data TEXT,
    created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX notifications_messages_by_time ON notifications_messages (created_at)`,
  `CREATE TABLE notifications_inbox (
    user TEXT NOT NULL,
    n INTEGER NOT NULL,
    message INTEGER NOT NULL,
    read INTEGER NOT NULL,
    PRIMARY KEY (user, n)
  ) STRICT, WITHOUT ROWID`,
  `CREATE UNIQUE INDEX notifications_inbox_by_message ON notifications_inbox (message, user)`,
  `CREATE INDEX notifications_inbox_unread ON notifications_inbox (user, n) WHERE read = 0`,
  `CREATE TABLE notifications_users (
    user TEXT PRIMARY KEY,
    newest INTEGER NOT NULL,
    unread INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE notifications_preferences (
    user TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE notifications_subscriptions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user TEXT NOT NULL,
    provider TEXT NOT NULL,
    endpoint TEXT NOT NULL UNIQUE,
    keys TEXT NOT NULL,
    created_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX notifications_subscriptions_by_user ON notifications_subscriptions (user)`,
  `CREATE TABLE notifications_pushes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    subscription INTEGER NOT NULL,
    user TEXT NOT NULL,
    message INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    due_at INTEGER NOT NULL
  ) STRICT`,
  `CREATE INDEX notifications_pushes_by_time ON notifications_pushes (due_at)`,
  `CREATE INDEX notifications_pushes_by_subscription ON notifications_pushes (subscription)`,
  `CREATE INDEX notifications_pushes_by_user ON notifications_pushes (user, message)`,
  `CREATE TABLE notifications_settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
]

/** With them go those of whose login, token or key is revoked. */
const CREDENTIALS = [
  ...['session', 'token_id', 'key_id'].flatMap((column) => [
    `ALTER TABLE notifications_subscriptions ADD COLUMN ${column} TEXT`,
    `CREATE INDEX notifications_subscriptions_by_${column} ON notifications_subscriptions (${column})
      WHERE ${column} IS NOT NULL`,
  ]),
  `ALTER TABLE notifications_subscriptions ADD COLUMN issued_at INTEGER`,
  // What they were made with was good then.
  `UPDATE notifications_subscriptions SET issued_at = created_at`,
]

/** What chat sent until then is known by its kinds. */
const EXPENDABLE = [
  `ALTER TABLE notifications_inbox ADD COLUMN expendable INTEGER NOT NULL DEFAULT 0`,
  `UPDATE notifications_inbox SET expendable = 1 WHERE message IN (
    SELECT seq FROM notifications_messages WHERE kind IN ('mention', 'direct')
  )`,
  `CREATE INDEX notifications_inbox_expendable ON notifications_inbox (user, n)
    WHERE expendable = 1`,
  `ALTER TABLE notifications_users ADD COLUMN entries INTEGER NOT NULL DEFAULT 0`,
  `ALTER TABLE notifications_users ADD COLUMN expendable INTEGER NOT NULL DEFAULT 0`,
  `UPDATE notifications_users SET (entries, expendable) = (
    SELECT count(*), coalesce(sum(i.expendable), 0) FROM notifications_inbox i
    WHERE i.user = notifications_users.user
  )`,
]

/** By name, whose order is the order that they run in. Published ones never change. */
export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-inbox': {
    async up(database: Kysely<unknown>) {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
  '0002-credentials-of-subscriptions': {
    async up(database: Kysely<unknown>) {
      for (const statement of CREDENTIALS) await sql.raw(statement).execute(database)
    },
  },
  '0003-expendable': {
    async up(database: Kysely<unknown>) {
      for (const statement of EXPENDABLE) await sql.raw(statement).execute(database)
    },
  },
}
