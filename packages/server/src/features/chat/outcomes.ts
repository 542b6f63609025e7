import type { JsonObject, Publication } from '@tidewire/protocol'
import { sql } from 'kysely'
import type { Server } from '../../server.ts'
import { clearNotice } from './notices.ts'
import type { ChatDatabase } from './tables.ts'

/** Publications that are rewritten together. */
const AT_ONCE = 50

interface Pending {
  /** Of `chat_channels`. */
  id: number
  channel: string
  epoch: string
  offset: number
}

/**
 * Writes into the log what became of its messages, so that history brings it: the newest text, the reactions, or that they
 * were deleted. True when there is more to do. Nothing is lost when this is interrupted: what is pending stays in the tables.
 */
export async function writeOutcomes(server: Server, database: ChatDatabase): Promise<boolean> {
  const pending = await database
    .selectFrom('chat_pending')
    .innerJoin('chat_channels', 'chat_channels.id', 'chat_pending.channel')
    .select(['chat_channels.id', 'chat_channels.channel', 'chat_channels.epoch', 'offset'])
    .limit(AT_ONCE)
    .execute()
  const known = pending.flatMap(({ epoch, ...row }) => (epoch === null ? [] : [{ ...row, epoch }]))
  await Promise.all(known.map((row) => writeOutcome(server, database, row)))
  // One sync for all of them.
  await Promise.all(
    pending.map(({ id, offset }) =>
      database
        .deleteFrom('chat_pending')
        .where('channel', '=', id)
        .where('offset', '=', offset)
        .execute(),
    ),
  )
  return pending.length === AT_ONCE
}

async function writeOutcome(server: Server, database: ChatDatabase, row: Pending): Promise<void> {
  const publication = await publicationAt(server, row, row.offset)
  if (publication === undefined) return
  const payload = await outcomeOf(server, database, row, publication)
  if (payload === undefined) return
  await server.replace(row.channel, { epoch: row.epoch, offset: row.offset }, payload)
}

async function outcomeOf(
  server: Server,
  database: ChatDatabase,
  row: Pending,
  { type, payload }: Publication,
): Promise<JsonObject | undefined> {
  // An edit is only ever rewritten because its message was deleted.
  if (type === 'message_edit') return { message_id: payload['message_id'] ?? '', deleted: true }
  const message = await database
    .selectFrom('chat_messages')
    .select(['message_id', 'deleted', 'edit'])
    .where('channel', '=', row.id)
    .where('offset', '=', row.offset)
    .executeTakeFirst()
  if (message === undefined) return undefined
  if (message.deleted === 1) {
    await releaseFiles(server, database, row)
    await clearNotice(server, row.channel, message.message_id)
    return { deleted: true }
  }
  const edit = message.edit === null ? undefined : await publicationAt(server, row, message.edit)
  // An edit that is new here: what the inboxes have is from before it.
  if (edit !== undefined && payload['edited_at'] !== edit.metadata.timestamp) {
    await clearNotice(server, row.channel, message.message_id)
  }
  const { reactions: _, ...said } = edit === undefined ? payload : edited(payload, edit)
  return { ...said, ...(await reactionsTo(database, row)) }
}

/** The files of a deleted message go with it, unless another message of who sent it carries them as well. */
async function releaseFiles(
  server: Server,
  database: ChatDatabase,
  { id, offset }: Pending,
): Promise<void> {
  const { rows } = await sql<{ file: string; user: string | null; carried: number }>`
    SELECT file, user, EXISTS (
      SELECT 1 FROM chat_attachments AS other JOIN chat_messages AS message
      ON message.channel = other.channel AND message.offset = other.offset
      WHERE other.file = mine.file AND other.user IS mine.user AND message.deleted = 0
    ) AS carried
    FROM chat_attachments AS mine WHERE channel = ${id} AND offset = ${offset}`.execute(database)
  if (rows.length === 0) return
  const free = rows.filter(({ carried }) => carried === 0).map(({ file }) => file)
  const release = server.service('releaseFiles')
  if (free.length > 0) await release?.(free, rows[0]?.user ?? undefined)
  await database
    .deleteFrom('chat_attachments')
    .where('channel', '=', id)
    .where('offset', '=', offset)
    .execute()
}

/** The message as its newest edit says. That one has no text when the message is deleted by now, as this will be soon. */
function edited(message: JsonObject, { payload, metadata }: Publication): JsonObject {
  const { content, mentions } = payload
  if (content === undefined) return message
  const { mentions: _, ...rest } = message
  return {
    ...rest,
    content,
    ...(mentions === undefined ? {} : { mentions }),
    edited_at: metadata.timestamp,
  }
}

async function reactionsTo(database: ChatDatabase, { id, offset }: Pending): Promise<JsonObject> {
  const rows = await database
    .selectFrom('chat_reactions')
    .select(['emoji', 'user'])
    .where('channel', '=', id)
    .where('message', '=', offset)
    .orderBy('offset')
    .execute()
  if (rows.length === 0) return {}
  const reactions = new Map<string, string[]>()
  for (const { emoji, user } of rows) {
    const users = reactions.get(emoji)
    if (users === undefined) reactions.set(emoji, [user])
    else users.push(user)
  }
  return { reactions: Object.fromEntries(reactions) }
}

async function publicationAt(
  server: Server,
  { channel, epoch }: Pending,
  offset: number,
): Promise<Publication | undefined> {
  const page = await server.history(channel, { after: offset - 1, limit: 1 })
  const [publication] = page.publications
  return page.epoch === epoch && publication?.metadata.offset === offset ? publication : undefined
}
