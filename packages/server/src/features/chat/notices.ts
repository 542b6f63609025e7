import { ProtocolError } from '@tidewire/protocol'
import type { Services } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { directUsers, roomOf } from './channels.ts'
import type { ChatDatabase } from './tables.ts'

/** Messages that are told of together. */
const AT_ONCE = 50
const RETRY_MS = 1_000
const MAX_BODY = 300
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
  #running: Promise<void> | undefined
  /** There is more than the pass under way may have seen. */
  #again = false
  #cancelRetry: () => void = () => undefined
  #closed = false

  constructor(server: Server, database: ChatDatabase) {
    this.#server = server
    this.#database = database
  }

  /** Messages from then on are told of, in ISO 8601; undefined where nobody keeps inboxes. */
  since(): string | undefined {
    if (this.#server.service('notify') === undefined) return undefined
    return new Date(this.#server.clock.now() - NEWS_MS).toISOString()
  }

  /** There may be something to tell. */
  kick(): void {
    const notify = this.#server.service('notify')
    if (this.#closed || notify === undefined) return
    this.#again = true
    this.#running ??= this.#run(notify)
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#cancelRetry()
    await this.#running
  }

  async #run(notify: Services['notify']): Promise<void> {
    this.#cancelRetry()
    try {
      while (this.#again && !this.#closed) {
        this.#again = false
        await this.#pass(notify)
      }
    } catch (error) {
      this.#server.failed('chat.notices', error)
      if (!this.#closed) {
        this.#cancelRetry = this.#server.clock.after(RETRY_MS, () => this.kick())
      }
    } finally {
      this.#running = undefined
    }
    // What came in the last turn.
    if (this.#again && !this.#closed) this.kick()
  }

  /** Everything that is to be told, once. Rejects when some of it has to wait. */
  async #pass(notify: Services['notify']): Promise<void> {
    let failure: unknown
    for (let after = { id: 0, offset: 0 }; !this.#closed;) {
      const notices = await this.#next(after)
      const last = notices.at(-1)
      if (last === undefined) break
      after = last
      const outcomes = await Promise.allSettled(notices.map((one) => this.#tell(one, notify)))
      const told = notices.filter((_, i) => outcomes[i]!.status === 'fulfilled')
      await this.#forget(told)
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

  async #tell(notice: Notice, notify: Services['notify']): Promise<void> {
    const { channel, message_id, user, content } = notice
    // Deleted by now, or of nobody in particular.
    if (user === null || content === null) return
    const others = (await this.#toldOf(notice)).filter((other) => other !== user)
    // What somebody may not read is not told to them, whoever mentions them.
    const permitted = await Promise.all(
      others.map((other) => this.#server.permits(other, 'history', channel)),
    )
    const readers = others.filter((_, i) => permitted[i])
    if (readers.length === 0) return
    const room = roomOf(channel)
    try {
      await notify(readers, {
        id: `message-${message_id}`,
        kind: room === undefined ? 'direct' : 'mention',
        title: room === undefined ? `${user} wrote to you` : `${user} mentioned you in #${room}`,
        // The cut may go through a character.
        body: content.slice(0, MAX_BODY).replaceAll(/\p{Surrogate}/gu, ''),
        data: { user, channel, message_id },
      })
    } catch (error) {
      if (!(error instanceof ProtocolError) || error.temporary) throw error
      // Nothing mends it. A `conflict` is what was told before an edit.
      if (error.reason !== 'conflict') this.#server.failed('chat.notices', error)
    }
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
