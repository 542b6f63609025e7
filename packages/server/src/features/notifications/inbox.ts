import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { sql, type Transaction } from 'kysely'
import type { Database, Tables } from './tables.ts'
import { forget, recount } from './trim.ts'
import type { Notification } from './types.ts'

/** Entries that one transaction of retention takes away. */
const PRUNE_ROWS = 500

interface Row {
  id: string
  kind: string
  title: string
  body: string | null
  data: string | null
  created_at: number
  read: number
}

export interface Marked {
  /** How many were unread. */
  marked: number
  /** How many are unread now. */
  unread: number
}

/** The inboxes, as they are read and marked. Rejects with `unavailable` or `storage_full`. */
export class Inbox {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Newest first: at most `limit` before that of the id `before`. Rejects with `not_found` when the user has no such one. */
  async list(
    user: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<Notification[]> {
    const top = before === undefined ? Number.MAX_SAFE_INTEGER : await this.#place(user, before)
    return this.#read(user, sql`i.n < ${top}`, limit)
  }

  /** The newest unread ones, newest first. */
  unread(user: string, limit: number): Promise<Notification[]> {
    return this.#read(user, sql`i.read = 0`, limit)
  }

  async countUnread(user: string): Promise<number> {
    const row = await this.#database
      .selectFrom('notifications_users')
      .select('unread')
      .where('user', '=', user)
      .executeTakeFirst()
    return row?.unread ?? 0
  }

  /** Marks those of the ids that the user has; what waits to be pushed of them is not. */
  markRead(user: string, ids: readonly string[] | 'all'): Promise<Marked> {
    return this.#database.transaction().execute(async (tx) => {
      const { rows } = await sql<{ message: number }>`
        UPDATE notifications_inbox SET read = 1 WHERE user = ${user} AND read = 0 ${among(ids)}
        RETURNING message
      `.execute(tx)
      const messages = JSON.stringify(rows.map(({ message }) => message))
      if (rows.length > 0) {
        await sql`
          DELETE FROM notifications_pushes WHERE user = ${user}
            AND message IN (SELECT value FROM json_each(${messages}))
        `.execute(tx)
      }
      const counted = await sql<{ unread: number }>`
        UPDATE notifications_users SET unread = unread - ${rows.length} WHERE user = ${user}
        RETURNING unread
      `.execute(tx)
      return { marked: rows.length, unread: counted.rows[0]?.unread ?? 0 }
    })
  }

  /** Takes the text out. Who has the notification, and when it was made; undefined when nobody has it. */
  async clear(id: string): Promise<{ users: string[]; at: number } | undefined> {
    const message = await this.#database
      .updateTable('notifications_messages')
      .set({ body: null })
      .where('id', '=', id)
      .returning(['seq', 'created_at'])
      .executeTakeFirst()
    if (message === undefined) return undefined
    const rows = await this.#database
      .selectFrom('notifications_inbox')
      .select('user')
      .where('message', '=', message.seq)
      .execute()
    return { users: rows.map(({ user }) => user), at: message.created_at }
  }

  /** Forgets what is older than `before`, a little at a time. */
  async prune(before: number): Promise<void> {
    const row = await this.#database
      .selectFrom('notifications_messages')
      .select(({ fn }) => fn.max('seq').as('seq'))
      .where('created_at', '<', before)
      .executeTakeFirst()
    const top = row?.seq
    if (typeof top !== 'number') return
    while (await this.#database.transaction().execute((tx) => pruneSome(tx, top)));
  }

  async #place(user: string, id: string): Promise<number> {
    const { rows } = await sql<{ n: number }>`
      SELECT i.n FROM notifications_messages m
      CROSS JOIN notifications_inbox i ON i.message = m.seq AND i.user = ${user}
      WHERE m.id = ${id}
    `.execute(this.#database)
    const [row] = rows
    if (row !== undefined) return row.n
    throw new ProtocolError(
      'not_found',
      'There is no notification `before`: it may be too old to be kept. Ask without it.',
    )
  }

  async #read(
    user: string,
    where: ReturnType<typeof sql<boolean>>,
    limit: number,
  ): Promise<Notification[]> {
    const { rows } = await sql<Row>`
      SELECT m.id, m.kind, m.title, m.body, m.data, m.created_at, i.read
      FROM notifications_inbox i CROSS JOIN notifications_messages m ON m.seq = i.message
      WHERE i.user = ${user} AND ${where}
      ORDER BY i.n DESC LIMIT ${limit}
    `.execute(this.#database)
    return rows.map(toNotification)
  }
}

function among(ids: readonly string[] | 'all') {
  if (ids === 'all') return sql``
  return sql`AND message IN (
    SELECT m.seq FROM json_each(${JSON.stringify(ids)}) j
    CROSS JOIN notifications_messages m ON m.id = j.value
  )`
}

/** True when there may be more. */
async function pruneSome(tx: Transaction<Tables>, top: number): Promise<boolean> {
  const { rows } = await sql<{ user: string; message: number }>`
    DELETE FROM notifications_inbox WHERE (message, user) IN (
      SELECT message, user FROM notifications_inbox WHERE message <= ${top}
      ORDER BY message LIMIT ${PRUNE_ROWS}
    )
    RETURNING user, message
  `.execute(tx)
  if (rows.length === 0) return false
  await forget(tx, new Set(rows.map(({ message }) => message)))
  await recount(tx, [...new Set(rows.map(({ user }) => user))])
  return true
}

function toNotification({ id, kind, title, body, data, created_at, read }: Row): Notification {
  return {
    id,
    kind,
    title,
    ...(body === null ? {} : { body }),
    ...(data === null ? {} : { data: JSON.parse(data) as JsonObject }),
    created_at: new Date(created_at).toISOString(),
    read: read === 1,
  }
}
