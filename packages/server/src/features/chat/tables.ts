import { type Generated, type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/**
 * What chat keeps beside the log. All but `chat_rooms` and `chat_reads` follows from the log and can be made from it again.
 * `channel` is the number of a row of `chat_channels`; `offset` is a place in that channel's log.
 */
export interface ChatTables {
  chat_rooms: {
    channel: string
    /** 0 or 1. */
    private: number
    name: string | null
    owner: string | null
    /** Milliseconds since 1970. */
    created_at: number
  }
  chat_channels: {
    id: Generated<number>
    channel: string
    /** Null when nothing of the log was seen. */
    epoch: string | null
    /** How far into the log everything here goes. */
    seen: number
    /** The lowest offset that the log held at the last look. */
    oldest: number
  }
  /** Which users have which direct talks. */
  chat_directs: { user: string; channel: number }
  chat_messages: {
    id: Generated<number>
    channel: number
    offset: number
    message_id: string
    user: string | null
    /** ISO 8601. */
    at: string
    /** Null when it was deleted. */
    content: string | null
    /** What search finds it by: the words of `content`, with blanks between. */
    words: string
    /** 0 or 1. */
    deleted: number
    /** The first `message_delete` of it; null also where that was entered by a server that kept none. */
    deletion: Generated<number | null>
    /** The newest `message_edit` of it. */
    edit: number | null
  }
  /** The `message_edit`s of the message at `message` whose text the log has. */
  chat_edits: { channel: number; message: number; offset: number }
  /** Whom messages mention, without their own authors. */
  chat_mentions: { channel: number; user: string; offset: number }
  chat_reactions: { channel: number; message: number; emoji: string; user: string; offset: number }
  chat_reads: { channel: number; user: string; last_read: number; at: number }
  /** Messages whose readers' inboxes are to be told. */
  chat_notices: { channel: number; offset: number }
  /** Files that messages carry, and who sent those. */
  chat_attachments: { file: string; user: string | null; channel: number; offset: number }
  /** Publications in the log that do not carry yet what became of them. */
  chat_pending: { channel: number; offset: number }
}

export type ChatDatabase = Kysely<ChatTables>

// Search: `room` is one word for the channel, so that a search walks the entries of that channel alone. The index keeps
// no text, and with `secure-delete` no word of what was deleted. In SQLite 3.53 that is true with `detail = column` alone:
// with `full` a long entry of a deleted row may stay, with `none` others are lost.
const TABLES = [
  `CREATE TABLE chat_rooms (
    channel TEXT PRIMARY KEY,
    private INTEGER NOT NULL,
    name TEXT,
    owner TEXT,
    created_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX chat_rooms_by_owner ON chat_rooms (owner)`,
  `CREATE TABLE chat_channels (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL UNIQUE,
    epoch TEXT,
    seen INTEGER NOT NULL DEFAULT 0,
    oldest INTEGER NOT NULL DEFAULT 1
  ) STRICT`,
  `CREATE TABLE chat_directs (
    user TEXT NOT NULL,
    channel INTEGER NOT NULL,
    PRIMARY KEY (user, channel)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE chat_messages (
    id INTEGER PRIMARY KEY,
    channel INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    message_id TEXT NOT NULL,
    user TEXT,
    at TEXT NOT NULL,
    content TEXT,
    words TEXT NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0,
    edit INTEGER
  ) STRICT`,
  `CREATE UNIQUE INDEX chat_messages_by_id ON chat_messages (channel, message_id)`,
  `CREATE UNIQUE INDEX chat_messages_by_offset ON chat_messages (channel, offset)`,
  `CREATE INDEX chat_messages_that_count ON chat_messages (channel, offset, user) WHERE deleted = 0`,
  `CREATE TABLE chat_edits (
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (channel, message, offset)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE chat_mentions (
    channel INTEGER NOT NULL,
    user TEXT NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (channel, user, offset)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX chat_mentions_by_offset ON chat_mentions (channel, offset)`,
  `CREATE TABLE chat_reactions (
    channel INTEGER NOT NULL,
    message INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user TEXT NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (channel, message, emoji, user)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE chat_reads (
    channel INTEGER NOT NULL,
    user TEXT NOT NULL,
    last_read INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (channel, user)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE chat_pending (
    channel INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (channel, offset)
  ) STRICT, WITHOUT ROWID`,
  `CREATE VIRTUAL TABLE chat_search USING fts5(
    room, words, content = '', columnsize = 0, detail = column, tokenize = 'ascii'
  )`,
  `INSERT INTO chat_search (chat_search, rank) VALUES ('secure-delete', 1)`,
]

const INDEXED = (row: string, how: string): string =>
  `INSERT INTO chat_search (${how === 'delete' ? 'chat_search, ' : ''}rowid, room, words)
   SELECT ${how === 'delete' ? "'delete', " : ''}${row}.id, 'c' || ${row}.channel, ${row}.words
   WHERE ${row}.words <> '';`

// What follows from a change of a message, so that no statement can forget it.
const TRIGGERS = [
  `CREATE TRIGGER chat_messages_insert AFTER INSERT ON chat_messages BEGIN
    ${INDEXED('NEW', 'insert')}
  END`,
  `CREATE TRIGGER chat_messages_update AFTER UPDATE OF words ON chat_messages BEGIN
    ${INDEXED('OLD', 'delete')}
    ${INDEXED('NEW', 'insert')}
  END`,
  `CREATE TRIGGER chat_messages_delete AFTER DELETE ON chat_messages BEGIN
    ${INDEXED('OLD', 'delete')}
    DELETE FROM chat_mentions WHERE channel = OLD.channel AND offset = OLD.offset;
    DELETE FROM chat_reactions WHERE channel = OLD.channel AND message = OLD.offset;
    DELETE FROM chat_edits WHERE channel = OLD.channel AND message = OLD.offset;
  END`,
  `CREATE TRIGGER chat_messages_deleted AFTER UPDATE OF deleted ON chat_messages
  WHEN NEW.deleted = 1 AND OLD.deleted = 0 BEGIN
    DELETE FROM chat_mentions WHERE channel = NEW.channel AND offset = NEW.offset;
    DELETE FROM chat_reactions WHERE channel = NEW.channel AND message = NEW.offset;
    INSERT OR REPLACE INTO chat_pending VALUES (NEW.channel, NEW.offset);
    INSERT OR REPLACE INTO chat_pending
      SELECT channel, offset FROM chat_edits WHERE channel = NEW.channel AND message = NEW.offset;
  END`,
  `CREATE TRIGGER chat_reactions_insert AFTER INSERT ON chat_reactions BEGIN
    INSERT OR REPLACE INTO chat_pending VALUES (NEW.channel, NEW.message);
  END`,
  `CREATE TRIGGER chat_reactions_delete AFTER DELETE ON chat_reactions BEGIN
    INSERT OR REPLACE INTO chat_pending VALUES (OLD.channel, OLD.message);
  END`,
]

const tables: Migration = {
  async up(database: Kysely<unknown>) {
    for (const statement of [...TABLES, ...TRIGGERS]) await sql.raw(statement).execute(database)
  },
}

/** What other features are told, until they have it. */
const HANDED_ON = [
  `CREATE TABLE chat_notices (
    channel INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    PRIMARY KEY (channel, offset)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE chat_attachments (
    channel INTEGER NOT NULL,
    offset INTEGER NOT NULL,
    file TEXT NOT NULL,
    user TEXT,
    PRIMARY KEY (channel, offset, file)
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX chat_attachments_by_file ON chat_attachments (file)`,
  `CREATE TRIGGER chat_messages_gone AFTER DELETE ON chat_messages BEGIN
    DELETE FROM chat_notices WHERE channel = OLD.channel AND offset = OLD.offset;
    DELETE FROM chat_attachments WHERE channel = OLD.channel AND offset = OLD.offset;
  END`,
]

const handedOn: Migration = {
  async up(database: Kysely<unknown>) {
    for (const statement of HANDED_ON) await sql.raw(statement).execute(database)
  },
}

/** Where messages were deleted: whoever deletes one again is told of it. */
const deletions: Migration = {
  async up(database: Kysely<unknown>) {
    await sql.raw('ALTER TABLE chat_messages ADD COLUMN deletion INTEGER').execute(database)
  },
}

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-chat': tables,
  '0002-handed-on': handedOn,
  '0003-deletions': deletions,
}
