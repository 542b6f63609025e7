import type { JsonObject, Publication } from '@tidewire/protocol'
import { sql } from 'kysely'
import { isUser } from './channels.ts'
import { MAX_MENTIONS } from './mentions.ts'
import type { ChatDatabase } from './tables.ts'
import { wordsIn } from './words.ts'

/** Rows of one statement: few numbers, so that few statements are prepared. */
const ROWS = [64, 16, 4, 1]

/**
 * Enters publications of one channel, which follow what was entered before, into the tables. What clients do with the same
 * publications must come to the same: the first message with an id counts; an edit counts when its user is the message's,
 * and when nothing deleted it before; what is deleted stays deleted. True when some of the log may be to rewrite.
 */
export async function apply(
  database: ChatDatabase,
  channel: number,
  publications: readonly Publication[],
  notices: NoticeTerms | undefined,
): Promise<boolean> {
  let messages: Publication[] = []
  let isRewritten = false
  for (const publication of publications) {
    if (publication.type === 'message') {
      messages.push(publication)
      continue
    }
    const event = EVENTS[publication.type]
    if (event === undefined) continue
    await addMessages(database, channel, messages, notices)
    messages = []
    await event(database, channel, publication)
    isRewritten = true
  }
  const repeats = await addMessages(database, channel, messages, notices)
  return isRewritten || repeats
}

/** Of which messages inboxes are to be told. */
export interface NoticeTerms {
  /** All of them, or those that mention somebody. */
  all: boolean
  /** In ISO 8601: of none before. */
  since: string
}

/** Whether a publication may change what was said before it. */
export function isEvent({ type }: Publication): boolean {
  return Object.hasOwn(EVENTS, type)
}

type Enter = (database: ChatDatabase, channel: number, publication: Publication) => Promise<void>

/** Without prototype: a type may have any name. */
const EVENTS: Readonly<Record<string, Enter>> = Object.assign(
  Object.create(null) as Record<string, Enter>,
  { message_edit: edit, message_delete: remove, reaction: react },
)

/** True when some of them came under the id of an earlier one. */
async function addMessages(
  database: ChatDatabase,
  channel: number,
  messages: readonly Publication[],
  notices: NoticeTerms | undefined,
): Promise<boolean> {
  const rows = messages.map(({ payload, metadata }) => {
    const deleted = payload['deleted'] === true
    const content = typeof payload['content'] === 'string' ? payload['content'] : ''
    return {
      channel,
      offset: metadata.offset!,
      message_id: metadata.message_id,
      user: metadata.user ?? null,
      at: metadata.timestamp,
      content: deleted ? null : content,
      words: deleted ? '' : wordsOf(content),
      deleted: deleted ? 1 : 0,
    }
  })
  let inserted = 0n
  for (let from = 0; from < rows.length;) {
    const size = ROWS.find((size) => size <= rows.length - from)!
    const { numInsertedOrUpdatedRows = 0n } = await database
      .insertInto('chat_messages')
      .values(rows.slice(from, from + size))
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    inserted += numInsertedOrUpdatedRows
    from += size
  }
  const repeats = inserted < rows.length
  if (repeats) await takeBackRepeats(database, channel, rows)
  await addMentions(
    database,
    channel,
    messages.flatMap(({ payload, metadata }) =>
      mentionsOf(payload, metadata.user).map((user) => [metadata.offset!, user] as const),
    ),
  )
  await addAttachments(database, channel, messages)
  if (notices !== undefined) await addNotices(database, channel, messages, notices)
  return repeats
}

/** Nobody could delete them, and clients show the first one: what they say is to go from the log. */
async function takeBackRepeats(
  database: ChatDatabase,
  channel: number,
  rows: readonly { offset: number; message_id: string }[],
): Promise<void> {
  const ids = JSON.stringify(rows.map(({ offset, message_id }) => [offset, message_id]))
  await sql`
    INSERT OR REPLACE INTO chat_pending (channel, offset)
    SELECT first.channel, json_each.value ->> 0
    FROM json_each(${ids}) CROSS JOIN chat_messages AS first
    WHERE first.channel = ${channel} AND first.message_id = json_each.value ->> 1
    AND first.offset < json_each.value ->> 0`.execute(database)
}

async function addAttachments(
  database: ChatDatabase,
  channel: number,
  messages: readonly Publication[],
): Promise<void> {
  const files = messages.flatMap(({ payload, metadata }) =>
    attachmentsOf(payload).map((file) => [metadata.offset!, file] as const),
  )
  if (files.length === 0) return
  await sql`
    INSERT OR IGNORE INTO chat_attachments (channel, offset, file, user)
    SELECT message.channel, message.offset, json_each.value ->> 1, message.user
    FROM json_each(${JSON.stringify(files)}) CROSS JOIN chat_messages AS message
    WHERE message.channel = ${channel} AND message.offset = json_each.value ->> 0`.execute(database)
}

async function addNotices(
  database: ChatDatabase,
  channel: number,
  messages: readonly Publication[],
  { all, since }: NoticeTerms,
): Promise<void> {
  const offsets = messages
    .filter(({ payload, metadata }) => {
      const told = all || mentionsOf(payload, metadata.user).length > 0
      return told && metadata.user !== undefined && metadata.timestamp >= since
    })
    .map(({ metadata }) => metadata.offset!)
  if (offsets.length === 0) return
  await sql`
    INSERT OR IGNORE INTO chat_notices (channel, offset)
    SELECT message.channel, message.offset
    FROM json_each(${JSON.stringify(offsets)}) CROSS JOIN chat_messages AS message
    WHERE message.channel = ${channel} AND message.offset = json_each.value`.execute(database)
}

async function addMentions(
  database: ChatDatabase,
  channel: number,
  mentions: readonly (readonly [offset: number, user: string])[],
): Promise<void> {
  if (mentions.length === 0) return
  // As it stands: the mentions first, and for each its message.
  await sql`
    INSERT OR IGNORE INTO chat_mentions (channel, user, offset)
    SELECT chat_messages.channel, json_each.value ->> 1, chat_messages.offset
    FROM json_each(${JSON.stringify(mentions)}) CROSS JOIN chat_messages
    WHERE chat_messages.channel = ${channel} AND chat_messages.offset = json_each.value ->> 0`.execute(
    database,
  )
}

async function edit(
  database: ChatDatabase,
  channel: number,
  { payload, metadata }: Publication,
): Promise<void> {
  const { message_id, content } = payload
  // Without content: its message was deleted.
  if (typeof message_id !== 'string' || typeof content !== 'string') return
  const { user = null, offset } = metadata
  await sql`
    INSERT OR IGNORE INTO chat_edits (channel, message, offset)
    SELECT channel, offset, ${offset} FROM chat_messages
    WHERE channel = ${channel} AND message_id = ${message_id}`.execute(database)
  const { rows } = await sql<{ offset: number }>`
    UPDATE chat_messages
    SET content = ${content}, words = ${wordsOf(content)}, edit = ${offset}
    WHERE channel = ${channel} AND message_id = ${message_id} AND user IS ${user} AND deleted = 0
    RETURNING offset`.execute(database)
  const edited = rows[0]?.offset
  if (edited === undefined) return forgetLateEdit(database, channel, message_id, offset!)
  await forgetEarlierEdits(database, { channel, message: edited, offset: offset! })
  await database
    .deleteFrom('chat_mentions')
    .where('channel', '=', channel)
    .where('offset', '=', edited)
    .execute()
  const mentions = mentionsOf(payload, metadata.user).map((user) => [edited, user] as const)
  await addMentions(database, channel, mentions)
  await sql`INSERT OR REPLACE INTO chat_pending VALUES (${channel}, ${edited})`.execute(database)
}

/** The message says something else now: what they said is to go as well. */
async function forgetEarlierEdits(
  database: ChatDatabase,
  { channel, message, offset }: { channel: number; message: number; offset: number },
): Promise<void> {
  const { rows } = await sql<{ offset: number }>`
    DELETE FROM chat_edits WHERE channel = ${channel} AND message = ${message} AND offset < ${offset}
    RETURNING offset`.execute(database)
  const values = rows.map(({ offset }) => ({ channel, offset }))
  if (values.length > 0) await database.replaceInto('chat_pending').values(values).execute()
}

/** It was on its way when its message was deleted: its text is to go as well. */
async function forgetLateEdit(
  database: ChatDatabase,
  channel: number,
  messageId: string,
  offset: number,
): Promise<void> {
  await sql`
    INSERT OR REPLACE INTO chat_pending
    SELECT channel, ${offset} FROM chat_messages
    WHERE channel = ${channel} AND message_id = ${messageId} AND deleted = 1`.execute(database)
}

async function remove(
  database: ChatDatabase,
  channel: number,
  { payload, metadata }: Publication,
): Promise<void> {
  const { message_id } = payload
  if (typeof message_id !== 'string') return
  await database
    .updateTable('chat_messages')
    .set({ deleted: 1, content: null, words: '', deletion: metadata.offset! })
    .where('channel', '=', channel)
    .where('message_id', '=', message_id)
    // A log that is read anew brings it deleted already.
    .where('deletion', 'is', null)
    .execute()
}

async function react(
  database: ChatDatabase,
  channel: number,
  { payload, metadata }: Publication,
): Promise<void> {
  const { message_id, emoji } = payload
  const { user, offset } = metadata
  if (typeof message_id !== 'string' || typeof emoji !== 'string' || user === undefined) return
  if (payload['remove'] === true) {
    await sql`
      DELETE FROM chat_reactions
      WHERE channel = ${channel} AND emoji = ${emoji} AND user = ${user} AND message = (
        SELECT offset FROM chat_messages
        WHERE channel = ${channel} AND message_id = ${message_id}
      )`.execute(database)
    return
  }
  await sql`
    INSERT OR IGNORE INTO chat_reactions (channel, message, emoji, user, offset)
    SELECT channel, offset, ${emoji}, ${user}, ${offset} FROM chat_messages
    WHERE channel = ${channel} AND message_id = ${message_id} AND deleted = 0`.execute(database)
}

function wordsOf(content: string): string {
  return wordsIn(content).join(' ')
}

/** The ids of the files that a message carries. */
export function attachmentsOf({ attachments }: JsonObject): string[] {
  if (!Array.isArray(attachments)) return []
  return attachments.flatMap((one) => {
    const id =
      typeof one === 'object' && one !== null && !Array.isArray(one) ? one['id'] : undefined
    return typeof id === 'string' ? [id] : []
  })
}

/** Whom a message mentions, apart from its author. */
function mentionsOf({ mentions }: JsonObject, author: string | undefined): string[] {
  if (!Array.isArray(mentions)) return []
  const users = mentions.slice(0, MAX_MENTIONS).filter(isUser)
  return [...new Set(users)].filter((user) => user !== author)
}
