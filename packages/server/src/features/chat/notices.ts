import { createHash } from 'node:crypto'
import { ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import { directUsers, roomOf } from './channels.ts'
import { NoticeBounds } from './notice-bounds.ts'
import type { ChatDatabase } from './tables.ts'

/** Messages that are told of together. */
const AT_ONCE = 50
const MAX_BODY = 300
/** What a notification takes. The longest names of users and rooms come to more. */
const MAX_TITLE = 200
/** What is older is told to nobody: a log that is followed for the first time is full of it. */
const NEWS_MS = 7 * 24 * 3_600_000

interface Notice {
  /** Of `chat_channels`. */
  id: number
  channel: string
  offset: number
  message_id: string
  user: string | null
  content: string | null
}

/**
 * Tells the inboxes of those who are mentioned in a room, or written to in a direct talk. Whom to tell is entered into the
 * tables together with the message, and taken out when the inbox has it: a crash in between tells it again, and the inbox
 * knows it by its id.
 */
export class Notices {
  readonly #server: Server
  readonly #database: ChatDatabase
  readonly #rounds: ReturnType<Server['rounds']>
  readonly #bounds: NoticeBounds
  #closed = false

  constructor(server: Server, database: ChatDatabase) {
    this.#server = server
    this.#database = database
    this.#bounds = new NoticeBounds(server.clock)
    this.#rounds = server.rounds('chat.notices', () => this.#tellAll())
  }

  /** Messages from then on are told of, in ISO 8601; undefined where nobody keeps inboxes. */
  since(): string | undefined {
    if (this.#server.service('notify') === undefined) return undefined
    return new Date(this.#server.clock.now() - NEWS_MS).toISOString()
  }

  /** There may be something to tell. */
  kick(): void {
    if (this.#server.service('notify') !== undefined) this.#rounds.kick()
  }

  close(): Promise<void> {
    this.#closed = true
    return this.#rounds.close()
  }

  /** Everything that is to be told, once. Rejects when some of it has to wait. */
  async #tellAll(): Promise<void> {
    let failure: unknown
    for (let after = { id: 0, offset: 0 }; !this.#closed;) {
      const notices = await this.#next(after)
      const last = notices.at(-1)
      if (last === undefined) break
      after = last
      const outcomes = await Promise.allSettled(notices.map((one) => this.#tell(one)))
      await this.#forget(notices.filter((_, i) => outcomes[i]!.status === 'fulfilled'))
      failure ??= outcomes.find((outcome) => outcome.status === 'rejected')?.reason
    }
    if (failure !== undefined) throw failure
  }

  #next({ id, offset }: { id: number; offset: number }): Promise<Notice[]> {
    return this.#database
      .selectFrom('chat_notices as notice')
      .innerJoin('chat_channels as talk', 'talk.id', 'notice.channel')
      .innerJoin('chat_messages as message', (join) =>
        join
          .onRef('message.channel', '=', 'notice.channel')
          .onRef('message.offset', '=', 'notice.offset'),
      )
      .select(['talk.id', 'talk.channel', 'notice.offset', 'message_id', 'user', 'content'])
      .where((row) =>
        row.or([
          row('notice.channel', '>', id),
          row.and([row('notice.channel', '=', id), row('notice.offset', '>', offset)]),
        ]),
      )
      .orderBy('notice.channel')
      .orderBy('notice.offset')
      .limit(AT_ONCE)
      .execute()
  }

  async #tell(notice: Notice): Promise<void> {
    const { channel, message_id, user, content } = notice
    // Of nobody in particular.
    if (user === null) return
    // Deleted by now. What failed before that may have told it all the same.
    if (content === null) return clearNotice(this.#server, channel, message_id)
    const others = (await this.#toldOf(notice)).filter((other) => other !== user)
    // What somebody may not read is not told to them, whoever mentions them.
    const permitted = await Promise.all(
      others.map((other) => this.#server.permits(other, 'history', channel)),
    )
    const readers = others.filter((_, i) => permitted[i])
    const told = this.#bounds.take(user, readers)
    // All others find it in what is unread.
    if (told.length === 0) return
    const room = roomOf(channel)
    const title = room === undefined ? `${user} wrote to you` : `${user} mentioned you in #${room}`
    try {
      await this.#server.service('notify')?.(told, {
        id: noticeId(channel, message_id),
        kind: room === undefined ? 'direct' : 'mention',
        title: cut(title, MAX_TITLE),
        body: cut(content, MAX_BODY),
        data: { user, channel, message_id },
      })
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.temporary) {
        this.#bounds.giveBack(user, told)
        throw error
      }
      // What was told says something else: that was before an edit.
      if (error.reason === 'conflict') return clearNotice(this.#server, channel, message_id)
      // Nothing mends it.
      return this.#server.failed('chat.notices', error)
    }
    // It may have been changed while it was told: whoever comes second, this or the change, finds the other.
    if (await this.#isChanged(notice)) await clearNotice(this.#server, channel, message_id)
  }

  async #isChanged({ id, offset, content }: Notice): Promise<boolean> {
    const row = await this.#database
      .selectFrom('chat_messages')
      .select('content')
      .where('channel', '=', id)
      .where('offset', '=', offset)
      .executeTakeFirst()
    return row !== undefined && row.content !== content
  }

  async #toldOf({ id, channel, offset }: Notice): Promise<readonly string[]> {
    const direct = directUsers(channel)
    if (direct !== undefined) return direct
    const rows = await this.#database
      .selectFrom('chat_mentions')
      .select('user')
      .where('channel', '=', id)
      .where('offset', '=', offset)
      .execute()
    return rows.map(({ user }) => user)
  }

  async #forget(notices: readonly Notice[]): Promise<void> {
    await Promise.all(
      notices.map(({ id, offset }) =>
        this.#database
          .deleteFrom('chat_notices')
          .where('channel', '=', id)
          .where('offset', '=', offset)
          .execute(),
      ),
    )
  }
}

/** Takes the text of a message that is deleted, or says something else now, out of the inboxes. */
export async function clearNotice(
  server: Server,
  channel: string,
  messageId: string,
): Promise<void> {
  await server.service('clearNotification')?.(noticeId(channel, messageId))
}

/** Without half of a character at its end. */
function cut(text: string, length: number): string {
  return text.slice(0, length).replaceAll(/\p{Surrogate}/gu, '')
}

/** Told twice, it is one. Ids of messages are their senders' to choose, and one in each channel. */
function noticeId(channel: string, messageId: string): string {
  const digest = createHash('sha256').update(`${channel} ${messageId}`).digest('base64url')
  return `message-${digest}`
}
