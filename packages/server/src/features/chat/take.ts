import type { Publication } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import { apply, isEvent, type NoticeTerms } from './apply.ts'
import { type Followed, reject, unavailable, type Waiting } from './followed.ts'
import type { ChatDatabase } from './tables.ts'

/** Of one transaction, which holds up all others. */
const EVENTS_AT_ONCE = 100
const PAGE = 500

/** What one round does with a channel. */
export interface Take {
  channel: Followed
  publications: readonly Publication[]
  epoch: string | undefined
  seen: number
  oldest: number
  /** The log is another one, which ends here: nothing that is known of it counts. */
  restart: { newest: number } | undefined
  /** With these publications the tables have everything that there was when the round began. */
  complete: boolean
  waiting: Waiting[]
}

/** The next publications of a channel, `room` at most: those that came, or where some are missing those of the log. */
export async function take(channel: Followed, room: number, server: Server): Promise<Take> {
  if (channel.behind || !continues(channel)) return readLog(channel, server)
  const { epoch, oldest } = channel
  const publications = upToEvents(channel.queue, room)
  const seen = publications.at(-1)?.metadata.offset ?? channel.seen
  const complete = publications.length === channel.queue.length
  const waiting = channel.waiting.splice(0)
  return { channel, publications, epoch, seen, oldest, restart: undefined, complete, waiting }
}

export function changes({ channel, publications, restart, oldest }: Take): boolean {
  return publications.length > 0 || restart !== undefined || oldest !== channel.oldest
}

/** Enters it into the tables, with how far they are then. True when some of the log may be to rewrite. */
export async function enterTake(
  database: ChatDatabase,
  id: number,
  { channel, publications, epoch, seen, oldest, restart }: Take,
  notices: NoticeTerms | undefined,
): Promise<boolean> {
  if (restart !== undefined) {
    await forget(database, id, Number.MAX_SAFE_INTEGER)
    await database
      .updateTable('chat_reads')
      .set({ last_read: restart.newest })
      .where('channel', '=', id)
      .where('last_read', '>', restart.newest)
      .execute()
  } else if (oldest > channel.oldest) await forget(database, id, oldest)
  const isRewritten = await apply(database, id, publications, notices)
  await database
    .updateTable('chat_channels')
    .set({ epoch: epoch ?? null, seen, oldest })
    .where('id', '=', id)
    .execute()
  return isRewritten
}

/** What the log no longer holds below `end`. Of another log, these places are other messages. */
async function forget(database: ChatDatabase, channel: number, end: number): Promise<void> {
  for (const table of ['chat_messages', 'chat_attachments', 'chat_pending'] as const) {
    await database
      .deleteFrom(table)
      .where('channel', '=', channel)
      .where('offset', '<', end)
      .execute()
  }
}

async function readLog(channel: Followed, server: Server): Promise<Take> {
  const waiting = channel.waiting.splice(0)
  channel.behind = false
  try {
    let page = await server.history(channel.name, { after: channel.seen, limit: PAGE })
    const { epoch, newest } = page
    const isOther =
      newest < channel.seen || (channel.epoch !== undefined && epoch !== channel.epoch)
    if (isOther) page = await server.history(channel.name, { after: 0, limit: PAGE })
    const publications = upToEvents(page.publications, PAGE)
    const last = publications.at(-1)?.metadata.offset
    const complete = !page.more && publications.length === page.publications.length
    const oldest = isOther ? page.oldest : Math.max(page.oldest, channel.oldest)
    const seen = last ?? Math.max(isOther ? 0 : channel.seen, page.oldest - 1)
    const restart = isOther ? { newest } : undefined
    if (!complete) channel.behind = true
    return { channel, publications, epoch, seen, oldest, restart, complete, waiting }
  } catch (error) {
    reject(waiting, unavailable(error))
    throw error
  }
}

/** Whether the queue begins where the tables end. */
function continues({ queue, seen }: Followed): boolean {
  return queue.every(({ metadata }, i) => metadata.offset === seen + 1 + i)
}

/** At most `limit` publications, and not too many events, which cost more. */
function upToEvents(publications: readonly Publication[], limit: number): readonly Publication[] {
  let events = 0
  const end = publications.findIndex((publication, i) => {
    if (isEvent(publication)) events += 1
    return i >= limit || events > EVENTS_AT_ONCE
  })
  return end < 0 ? publications.slice() : publications.slice(0, end)
}
