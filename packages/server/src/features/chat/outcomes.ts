import {
  type FrameLimits,
  type JsonObject,
  ProtocolError,
  type Publication,
} from '@tidewire/protocol'
import { sql } from 'kysely'
import type { Server } from '../../server.ts'
import { attachmentsOf } from './apply.ts'
import { clearNotice } from './notices.ts'
import type { ChatDatabase } from './tables.ts'

/** Publications that are rewritten together. */
const AT_ONCE = 50

interface Pending {
  /** Of `chat_channels`. */
  id: number
  channel: string
  epoch: string | null
  offset: number
}

const START = { id: 0, offset: 0 }

/**
 * Writes into the log what became of its messages, so that history brings it: the newest text, the reactions, or that they
 * were deleted. Nothing is lost when this is interrupted: what is pending stays in the tables.
 */
export class Outcomes {
  readonly #server: Server
  readonly #database: ChatDatabase
  /** The last one of this pass: one that cannot be written now holds up no other. */
  #after = START
  #failure: unknown

  constructor(server: Server, database: ChatDatabase) {
    this.#server = server
    this.#database = database
  }

  /** Some of them; true when there may be more to do. Rejects at the end of a pass in which one failed, which stays. */
  async writeSome(): Promise<boolean> {
    const began = this.#after
    const pending = await this.#next()
    const written = await Promise.allSettled(
      pending.map((row) => writeOutcome(this.#server, this.#database, row)),
    )
    await this.#forget(pending.filter((_, i) => written[i]!.status === 'fulfilled'))
    this.#failure ??= written.find((outcome) => outcome.status === 'rejected')?.reason
    this.#after = pending.length === AT_ONCE ? pending.at(-1)! : START
    if (this.#after !== START) return true
    const failure = this.#failure
    this.#failure = undefined
    if (failure !== undefined) throw failure
    // What came meanwhile may stand before where this one began.
    return began !== START
  }

  #next(): Promise<Pending[]> {
    const { id, offset } = this.#after
    return this.#database
      .selectFrom('chat_pending as pending')
      .innerJoin('chat_channels as talk', 'talk.id', 'pending.channel')
      .select(['talk.id', 'talk.channel', 'talk.epoch', 'pending.offset'])
      .where(sql<boolean>`(pending.channel, pending.offset) > (${id}, ${offset})`)
      .orderBy('pending.channel')
      .orderBy('pending.offset')
      .limit(AT_ONCE)
      .execute()
  }

  /** One sync for all of them. */
  async #forget(rows: readonly Pending[]): Promise<void> {
    await Promise.all(
      rows.map(({ id, offset }) =>
        this.#database
          .deleteFrom('chat_pending')
          .where('channel', '=', id)
          .where('offset', '=', offset)
          .execute(),
      ),
    )
  }
}

async function writeOutcome(server: Server, database: ChatDatabase, row: Pending): Promise<void> {
  const publication = await publicationAt(server, row, row.offset)
  if (publication === undefined) return
  if (publication.type === 'message_edit') return writeEdit(server, database, row, publication)
  const message = await database
    .selectFrom('chat_messages')
    .select(['message_id', 'deleted', 'edit'])
    .where('channel', '=', row.id)
    .where('offset', '=', row.offset)
    .executeTakeFirst()
  if (message === undefined) return takeBackRepeat(server, database, row, publication)
  if (message.deleted === 1) {
    await takeBack(server, row, publication)
    await releaseFiles(server, database, row)
    await clearNotice(server, row.channel, message.message_id)
    return
  }
  const { payload } = publication
  const edit = message.edit === null ? undefined : await publicationAt(server, row, message.edit)
  // An edit that is new here: what the inboxes have is from before it.
  if (edit !== undefined && payload['edited_at'] !== edit.metadata.timestamp) {
    await clearNotice(server, row.channel, message.message_id)
  }
  const { reactions: _, ...said } = edit === undefined ? payload : edited(payload, edit)
  const reactions = await reactionsTo(database, row)
  const shorter = edit === undefined ? [] : shortened(said)
  await write(server, row, publication, [{ ...said, ...reactions }, said, ...shorter])
}

/** An edit is only ever rewritten because its message was edited again, or deleted: its text is to go. */
async function writeEdit(
  server: Server,
  database: ChatDatabase,
  row: Pending,
  publication: Publication,
): Promise<void> {
  const { message_id } = publication.payload
  if (typeof message_id !== 'string') return
  const message = await database
    .selectFrom('chat_messages')
    .select('deleted')
    .where('channel', '=', row.id)
    .where('message_id', '=', message_id)
    .executeTakeFirst()
  const outcome = message?.deleted === 0 ? { message_id } : { message_id, deleted: true }
  await write(server, row, publication, [outcome])
}

/** What came under the id of an earlier message says nothing, and nobody could delete it. */
async function takeBackRepeat(
  server: Server,
  database: ChatDatabase,
  row: Pending,
  publication: Publication,
): Promise<void> {
  const first = await database
    .selectFrom('chat_messages')
    .select('offset')
    .where('channel', '=', row.id)
    .where('message_id', '=', publication.metadata.message_id)
    .executeTakeFirst()
  if (first === undefined || first.offset >= row.offset) return
  await keepFiles(database, row, publication)
  await takeBack(server, row, publication)
  await releaseFiles(server, database, row)
}

/** Once: when this is tried again, it may be for its files alone. */
async function takeBack(server: Server, row: Pending, publication: Publication): Promise<void> {
  if (publication.payload['deleted'] === true) return
  await write(server, row, publication, [{ deleted: true }])
}

/** What carries them is about to be gone from the log, and they may have to be released later. */
async function keepFiles(
  database: ChatDatabase,
  { id, offset }: Pending,
  { payload, metadata }: Publication,
): Promise<void> {
  const files = attachmentsOf(payload)
  if (files.length === 0) return
  await database
    .insertInto('chat_attachments')
    .values(files.map((file) => ({ file, user: metadata.user ?? null, channel: id, offset })))
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

/** The first of these that a frame can carry: what came to a message may be more than one has room for. */
async function write(
  server: Server,
  { channel, epoch, offset }: Pending,
  { type, metadata }: Publication,
  payloads: readonly JsonObject[],
): Promise<void> {
  let refusal: unknown
  for (const payload of payloads) {
    try {
      boundBytes({ type, payload, metadata }, server.limits)
      await server.replace(channel, { epoch: epoch!, offset }, payload)
      return
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.temporary) throw error
      refusal = error
    }
  }
  // Nothing mends it: to try again would go on for ever.
  server.failed('chat.outcomes', refusal)
}

function boundBytes(frame: Publication, { max_frame_bytes }: FrameLimits): void {
  if (Buffer.byteLength(JSON.stringify(frame)) <= max_frame_bytes) return
  throw new ProtocolError('message_too_large', `It takes more than ${max_frame_bytes} bytes.`)
}

/** The message without what the application added, and as it was edited alone. */
function shortened(message: JsonObject): JsonObject[] {
  const keep = (fields: readonly string[]): JsonObject =>
    Object.fromEntries(Object.entries(message).filter(([field]) => fields.includes(field)))
  const text = ['content', 'mentions', 'edited_at']
  return [keep([...text, 'attachments', 'reply_to']), keep(text), keep(['content', 'edited_at'])]
}

/** The files of a message that is taken back go with it, unless another message of who sent it carries them as well. */
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
