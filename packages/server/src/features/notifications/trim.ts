import { sql, type Transaction } from 'kysely'
import type { Tables } from './tables.ts'

interface Evicted {
  user: string
  message: number
  read: number
  expendable: number
}

/**
 * Takes what is beyond `keep` out of the inboxes, oldest first: of what users brought about as long as that is more than
 * half of an inbox, so that nobody pushes out what the application said. The unread counts of the users after that.
 */
export async function trim(
  tx: Transaction<Tables>,
  users: readonly string[],
  keep: number,
): Promise<ReadonlyMap<string, number>> {
  const unread = new Map<string, number>()
  const messages = new Set<number>()
  for (let full = users; full.length > 0;) {
    const evicted = await evictOne(tx, full, keep)
    for (const { message } of evicted) messages.add(message)
    for (const left of await countOut(tx, evicted)) unread.set(left.user, left.unread)
    full = evicted.map(({ user }) => user)
  }
  await forget(tx, messages)
  return unread
}

/** One entry of each inbox that has too many. */
async function evictOne(
  tx: Transaction<Tables>,
  users: readonly string[],
  keep: number,
): Promise<Evicted[]> {
  const { rows } = await sql<Evicted>`
    DELETE FROM notifications_inbox WHERE (user, n) IN (
      SELECT u.user, CASE WHEN u.expendable * 2 > ${keep}
        THEN (SELECT min(n) FROM notifications_inbox i WHERE i.user = u.user AND i.expendable = 1)
        ELSE (SELECT min(n) FROM notifications_inbox i WHERE i.user = u.user) END
      FROM json_each(${JSON.stringify(users)}) j
      CROSS JOIN notifications_users u ON u.user = j.value
      WHERE u.entries > ${keep}
    )
    RETURNING user, message, read, expendable
  `.execute(tx)
  return rows
}

async function countOut(
  tx: Transaction<Tables>,
  evicted: readonly Evicted[],
): Promise<{ user: string; unread: number }[]> {
  if (evicted.length === 0) return []
  const left = evicted.map(({ user, read, expendable }) => [user, 1 - read, expendable])
  const { rows } = await sql<{ user: string; unread: number }>`
    UPDATE notifications_users
    SET entries = entries - 1, unread = unread - (j.value ->> 1), expendable = expendable - (j.value ->> 2)
    FROM json_each(${JSON.stringify(left)}) j WHERE user = j.value ->> 0
    RETURNING user, unread
  `.execute(tx)
  return rows
}

/** Deletes those of the messages that are in no inbox any more. */
export async function forget(
  tx: Transaction<Tables>,
  messages: ReadonlySet<number>,
): Promise<void> {
  if (messages.size === 0) return
  await sql`
    DELETE FROM notifications_messages
    WHERE seq IN (SELECT value FROM json_each(${JSON.stringify([...messages])}))
      AND NOT EXISTS (SELECT 1 FROM notifications_inbox i WHERE i.message = seq)
  `.execute(tx)
}

/** Counts the inboxes of the users again. */
export async function recount(tx: Transaction<Tables>, users: readonly string[]): Promise<void> {
  await sql`
    UPDATE notifications_users SET
      unread = (
        SELECT count(*) FROM notifications_inbox i
        WHERE i.user = notifications_users.user AND i.read = 0
      ),
      entries = (
        SELECT count(*) FROM notifications_inbox i WHERE i.user = notifications_users.user
      ),
      expendable = (
        SELECT count(*) FROM notifications_inbox i
        WHERE i.user = notifications_users.user AND i.expendable = 1
      )
    WHERE user IN (SELECT value FROM json_each(${JSON.stringify(users)}))
  `.execute(tx)
}
