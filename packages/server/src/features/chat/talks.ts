import { sql } from 'kysely'
import type { Followed } from './followed.ts'
import type { ChatDatabase } from './tables.ts'

/** Where a user stands in a talk. */
export interface Reading {
  /** Messages of others after `last_read`, without those that were deleted. */
  unread: number
  /** Those of them that mention the user. */
  mentions: number
  last_read: number
  /** Publications up to this one are in the counts. */
  offset: number
}

export interface Said {
  message_id: string
  offset: number
  user?: string
  content: string
  timestamp: string
}

/** A message as it was said, with what became of it. */
export interface Message {
  offset: number
  user: string | null
  deleted: boolean
  /** Where it was deleted, as far as that is known. */
  deletion: number | null
}

/** A user of a talk, and how far that user has read. */
export interface Reader {
  [key: string]: string | number
  user: string
  last_read: number
}

/** What is asked of the tables. Channels are given by their number. */
export class Talks {
  readonly #database: ChatDatabase

  constructor(database: ChatDatabase) {
    this.#database = database
  }

  async message(channel: number, messageId: string): Promise<Message | undefined> {
    const row = await this.#database
      .selectFrom('chat_messages')
      .select(['offset', 'user', 'deleted', 'deletion'])
      .where('channel', '=', channel)
      .where('message_id', '=', messageId)
      .executeTakeFirst()
    return row && { ...row, deleted: row.deleted === 1 }
  }

  /** How many reactions a message has, how many kinds of them, and whether this one is among them. */
  async reactionsOf(
    channel: number,
    message: number,
    emoji: string,
  ): Promise<{ count: number; kinds: number; isKnown: boolean }> {
    const { rows } = await sql<{ count: number; kinds: number; known: number }>`
      SELECT count(*) AS count, count(DISTINCT emoji) AS kinds, coalesce(max(emoji = ${emoji}), 0) AS known
      FROM chat_reactions WHERE channel = ${channel} AND message = ${message}`.execute(
      this.#database,
    )
    const { count, kinds, known } = rows[0]!
    return { count, kinds, isKnown: known === 1 }
  }

  /** By the names of the channels; those without a number have nothing to read. All of one moment. */
  async readings(user: string, channels: readonly Followed[]): Promise<Map<string, Reading>> {
    const ids = channels.flatMap(({ id }) => (id === undefined ? [] : [id]))
    const { rows } = await sql<Reading & { channel: string }>`
      SELECT channel, seen AS offset, last_read,
        (SELECT count(*) FROM chat_messages AS message
          WHERE message.channel = talk.id AND message.offset > talk.last_read
          AND message.deleted = 0 AND message.user IS NOT ${user}) AS unread,
        (SELECT count(*) FROM chat_mentions AS mention
          WHERE mention.channel = talk.id AND mention.user = ${user}
          AND mention.offset > talk.last_read
        ) AS mentions
      FROM (
        SELECT chat_channels.*, coalesce(chat_reads.last_read, 0) AS last_read
        FROM json_each(${JSON.stringify(ids)})
        CROSS JOIN chat_channels ON chat_channels.id = json_each.value
        LEFT JOIN chat_reads ON chat_reads.channel = chat_channels.id AND chat_reads.user = ${user}
      ) AS talk`.execute(this.#database)
    const known = new Map(rows.map(({ channel, ...reading }) => [channel, reading]))
    return new Map(
      channels.map(({ name }) => [
        name,
        known.get(name) ?? { unread: 0, mentions: 0, last_read: 0, offset: 0 },
      ]),
    )
  }

  /** Where the user begins to count, unless that is known already. */
  async beginReading(channel: number, user: string, offset: number, at: number): Promise<void> {
    await this.#database
      .insertInto('chat_reads')
      .values({ channel, user, last_read: offset, at })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }

  /** Moves forward how far the user has read. Where that is now, and whether it moved. */
  async read(
    channel: number,
    user: string,
    offset: number,
    at: number,
  ): Promise<{ last_read: number; moved: boolean }> {
    const { rows } = await sql`
      INSERT INTO chat_reads (channel, user, last_read, at)
      SELECT ${channel}, ${user}, ${offset}, ${at} WHERE ${offset} > 0
      ON CONFLICT (channel, user) DO UPDATE SET last_read = excluded.last_read, at = excluded.at
      WHERE excluded.last_read > chat_reads.last_read
      RETURNING last_read`.execute(this.#database)
    if (rows.length > 0) return { last_read: offset, moved: true }
    const [row] = await this.readers(channel, [user])
    return { last_read: row!.last_read, moved: false }
  }

  /** How far these users have read. */
  async readers(channel: number | undefined, users: readonly string[]): Promise<Reader[]> {
    const rows = await this.#database
      .selectFrom('chat_reads')
      .select(['user', 'last_read'])
      .where('channel', '=', channel ?? 0)
      .where('user', 'in', sql<string>`(SELECT value FROM json_each(${JSON.stringify(users)}))`)
      .execute()
    const known = new Map(rows.map(({ user, last_read }) => [user, last_read]))
    return users.map((user) => ({ user, last_read: known.get(user) ?? 0 }))
  }

  /** The direct talks of a user, the latest first. */
  async directs(user: string, limit: number): Promise<string[]> {
    // What was never heard of is only just beginning.
    const { rows } = await sql<{ channel: string }>`
      SELECT chat_channels.channel FROM chat_directs
      JOIN chat_channels ON chat_channels.id = chat_directs.channel
      WHERE chat_directs.user = ${user}
      ORDER BY ifnull((
        SELECT id FROM chat_messages AS message WHERE message.channel = chat_channels.id
        ORDER BY message.offset DESC LIMIT 1
      ), ${Number.MAX_SAFE_INTEGER}) DESC LIMIT ${limit}`.execute(this.#database)
    return rows.map(({ channel }) => channel)
  }

  /** Of each channel the newest message that was not deleted, where it has one. */
  async lastMessages(channels: readonly number[]): Promise<Map<number, Said>> {
    const { rows } = await sql<Parameters<typeof toSaid>[0] & { channel: number }>`
      SELECT message.channel, message_id, message.offset, message.user, message.content, message.at
      FROM json_each(${JSON.stringify(channels)}) AS asked
      CROSS JOIN chat_messages AS message ON message.id = (
        SELECT id FROM chat_messages AS latest
        WHERE latest.channel = asked.value AND latest.deleted = 0
        ORDER BY latest.offset DESC LIMIT 1
      )`.execute(this.#database)
    return new Map(rows.map((row) => [row.channel, toSaid(row)]))
  }

  /** Messages that match (words.ts), the newest first. */
  async search(
    channel: number,
    matching: string,
    { before, limit }: { before: number; limit: number },
  ): Promise<Said[]> {
    const { rows } = await sql<Parameters<typeof toSaid>[0]>`
      SELECT message_id, message.offset, user, message.content, at
      FROM chat_search JOIN chat_messages AS message ON message.id = chat_search.rowid
      WHERE chat_search MATCH ${matching}
      AND chat_search.rowid <= (
        SELECT id FROM chat_messages AS earlier
        WHERE earlier.channel = ${channel} AND earlier.offset < ${before}
        ORDER BY earlier.offset DESC LIMIT 1
      )
      ORDER BY chat_search.rowid DESC LIMIT ${limit}`.execute(this.#database)
    return rows.map(toSaid)
  }
}

function toSaid(row: {
  message_id: string
  offset: number
  user: string | null
  content: string | null
  at: string
}): Said {
  const { message_id, offset, user, content, at } = row
  return {
    message_id,
    offset,
    ...(user === null ? {} : { user }),
    content: content ?? '',
    timestamp: at,
  }
}
