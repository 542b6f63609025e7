import { type Generated, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Written before the log has it; then handed to each follower; or left for followers to fetch when they read. */
export const STATE = { intended: 0, pushed: 1, pulled: 2 } as const

export interface FeedTables {
  feed_activities: {
    seq: Generated<number>
    id: string
    author: string
    message_id: string
    /** Milliseconds since 1970. */
    at: number
    /** What the author said, as JSON. */
    input: string
    state: number
  }
  /** Follower sees of followee what is above `from_seq` and not above `to_seq`; who follows now has none. */
  feed_follows: { followee: string; follower: string; from_seq: number; to_seq: number | null }
  /** Who has activities that are pulled, and the last of them. */
  feed_stars: { user: string; last_seq: number }
  /** What each feed holds beside what is pulled. `n` is the order in which the channels get it. */
  feed_entries: { n: Generated<number>; user: string; seq: number }
  /** The last entry that its channel has for sure. */
  feed_delivered: { one: number; n: number }
}

export type FeedDatabase = Kysely<FeedTables>

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-feed': {
    async up(database: Kysely<unknown>) {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

const TABLES = [
  `CREATE TABLE feed_activities (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    author TEXT NOT NULL,
    message_id TEXT NOT NULL,
    at INTEGER NOT NULL,
    input TEXT NOT NULL,
    state INTEGER NOT NULL,
    UNIQUE (author, message_id)
  ) STRICT`,
  `CREATE INDEX feed_activities_by_author ON feed_activities (author, seq)`,
  `CREATE INDEX feed_activities_intended ON feed_activities (seq) WHERE state = 0`,
  `CREATE TABLE feed_follows (
    followee TEXT NOT NULL,
    follower TEXT NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq INTEGER,
    PRIMARY KEY (followee, follower, from_seq)
  ) STRICT, WITHOUT ROWID`,
  `CREATE UNIQUE INDEX feed_followers ON feed_follows (followee, follower) WHERE to_seq IS NULL`,
  `CREATE INDEX feed_following ON feed_follows (follower, followee)`,
  `CREATE TABLE feed_stars (
    user TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE feed_entries (
    n INTEGER PRIMARY KEY AUTOINCREMENT,
    user TEXT NOT NULL,
    seq INTEGER NOT NULL,
    UNIQUE (user, seq)
  ) STRICT`,
  `CREATE TABLE feed_delivered (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    n INTEGER NOT NULL
  ) STRICT`,
  `INSERT INTO feed_delivered (one, n) VALUES (1, 0)`,
]
