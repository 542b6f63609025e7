import { type FrameLimits, ProtocolError } from '@tidewire/protocol'
import type { Client } from '../../client.ts'
import type { Server } from '../../server.ts'
import { batchOf, Delivery } from './delivery.ts'
import { countThatFit, fits } from './fit.ts'
import { Inbox, type Marked } from './inbox.ts'
import { PreferenceStore } from './preferences.ts'
import { Push, type PushOptions } from './push/push.ts'
import { check, checkData, Content, Users } from './schemas.ts'
import { Sends, type Stored } from './sends.ts'
import { MIGRATIONS, type Tables } from './tables.ts'
import type { NotificationInput, Page, Sent } from './types.ts'
import { UserLogs } from './user-logs.ts'

export interface NotificationsOptions extends PushOptions {
  /** Notifications that are kept of a user, the newest. Default 1,000. */
  keep?: number | undefined
  /** Days that a notification is kept. Default 90. */
  keepDays?: number | undefined
  /** After a frame, what comes within `windowMs` (1,000) is one frame, or sooner when it is `max` (50). */
  burst?: { windowMs?: number; max?: number } | undefined
}

const KEEP = 1000
const KEEP_DAYS = 90
const DAY_MS = 24 * 3_600_000
const PRUNE_MS = 3_600_000
const PAGE = 50
/** Unread ones that a client is told of when it comes. */
const MAX_UNREAD = 50
/** Users that may wait to be told; then senders have to wait. */
const MAX_UNTOLD = 200_000

/** Where notifications are sent, kept, read and marked: one for each server. */
export class Desk {
  readonly preferences: PreferenceStore
  readonly push: Push
  readonly #server: Server
  readonly #options: NotificationsOptions
  readonly #inbox: Inbox
  readonly #sends: Sends
  readonly #delivery: Delivery
  readonly #logs: UserLogs
  #cancelPrune: (() => void) | undefined

  static async open(server: Server, options: NotificationsOptions): Promise<Desk> {
    const database = await server.tables<Tables>('notifications', MIGRATIONS)
    const preferences = new PreferenceStore(database)
    const push = await Push.start(server, database, preferences, options)
    const inbox = new Inbox(database)
    const delivery = deliveryOf(server, options)
    const sends = new Sends({
      database,
      keep: options.keep ?? KEEP,
      pushAt: (user, at) => push.at(user, at),
      onStored: (stored) => deliver(stored, delivery, push),
    })
    return new Desk(server, options, { preferences, push, inbox, delivery, sends })
  }

  private constructor(
    server: Server,
    options: NotificationsOptions,
    parts: {
      preferences: PreferenceStore
      push: Push
      inbox: Inbox
      delivery: Delivery
      sends: Sends
    },
  ) {
    this.#server = server
    this.#options = options
    this.preferences = parts.preferences
    this.push = parts.push
    this.#inbox = parts.inbox
    this.#delivery = parts.delivery
    this.#logs = new UserLogs(server)
    this.#sends = parts.sends
    this.#pruneLater()
  }

  /** Resolves when the inboxes have it and who listens was told. `expendable`: users brought it about. */
  async send(
    users: readonly string[],
    input: unknown,
    { expendable = false }: { expendable?: boolean } = {},
  ): Promise<Sent> {
    const all = [...new Set(check(Users, users))]
    const { id: given, kind, title, body, data: unchecked } = check(Content, input)
    const content = { kind, title, body, data: checkData(unchecked) }
    const id = given ?? this.#server.newId()
    const at = this.#server.clock.now()
    this.#refuseTooLarge({ id, ...content })
    if (this.#delivery.waiting > MAX_UNTOLD) throw busy()
    const audience = await this.preferences.audience(all, kind, at)
    if (audience.users.length === 0) return { id, users: 0 }
    const repeatable = given !== undefined
    const send = { id, repeatable, at, content, expendable, ...audience }
    const { recipients } = await this.#sends.add(send)
    await this.#delivery.drained()
    return { id, users: recipients.length }
  }

  async list(
    user: string,
    { before, limit = PAGE }: { before?: string | undefined; limit?: number | undefined },
  ): Promise<Page> {
    const [found, unread] = await Promise.all([
      this.#inbox.list(user, { before, limit: limit + 1 }),
      this.#inbox.countUnread(user),
    ])
    const notifications = found.slice(0, Math.min(limit, countThatFit(found, this.#limits)))
    return { notifications, more: found.length > notifications.length, unread }
  }

  async markRead(user: string, ids: readonly string[] | 'all'): Promise<Marked> {
    const marked = await this.#inbox.markRead(user, ids)
    if (marked.marked > 0) this.#delivery.count(user, marked.unread, ids)
    return marked
  }

  /** Keeps of the notification that it was there, and nothing of what it said: in the inboxes and in the logs. */
  async clear(id: string): Promise<void> {
    const cleared = await this.#inbox.clear(id)
    if (cleared === undefined) return
    // What was stored with its text is with the delivery then, and after that in the logs.
    await this.#sends.told()
    await this.#delivery.clear(id, cleared.users)
    await this.#logs.clear(id, cleared.users, cleared.at)
  }

  /** Tells a client that begins to listen what its user has not read. */
  async welcome(client: Client, user: string): Promise<void> {
    const [found, count] = await Promise.all([
      this.#inbox.unread(user, MAX_UNREAD),
      this.#inbox.countUnread(user),
    ])
    const newest = found.slice(0, countThatFit(found, this.#limits))
    if (newest.length > 0) client.send(batchOf(newest.toReversed(), count))
    client.send({ type: 'unread_count', payload: { count } })
  }

  /** Tells what is gathered, and ends the pushes. */
  async close(): Promise<void> {
    this.#cancelPrune?.()
    await this.#sends.idle()
    await Promise.all([this.#delivery.close(), this.push.close()])
  }

  get #limits(): FrameLimits {
    return this.#server.limits
  }

  #refuseTooLarge(content: Omit<NotificationInput, 'id'> & { id: string }): void {
    const notification = { ...content, created_at: new Date(0).toISOString(), read: false }
    if (fits(JSON.parse(JSON.stringify(notification)) as never, this.#limits)) return
    throw new ProtocolError(
      'message_too_large',
      'The notification fits in no frame of this server. Send less of `body` and `data`.',
    )
  }

  #pruneLater(): void {
    const { keepDays = KEEP_DAYS } = this.#options
    const { clock } = this.#server
    this.#cancelPrune = clock.after(PRUNE_MS, () => {
      this.#inbox
        .prune(clock.now() - keepDays * DAY_MS)
        .catch((error: unknown) => this.#server.failed('notifications.prune', error))
      this.#pruneLater()
    })
  }
}

function deliveryOf(server: Server, { burst = {} }: NotificationsOptions): Delivery {
  const { windowMs = 1000, max = 50 } = burst
  return new Delivery({
    clock: server.clock,
    limits: server.limits,
    windowMs,
    max,
    publish: (user, frame) => server.publish(`user:${user}`, frame),
    onError: (error) => server.failed('notifications.delivery', error),
  })
}

function deliver({ notification, recipients }: Stored, delivery: Delivery, push: Push): void {
  for (const { user, unread } of recipients) delivery.notify(user, notification, unread)
  push.wake()
}

function busy(): ProtocolError {
  const message = 'Too many notifications are on their way. Try again a little later.'
  return new ProtocolError('unavailable', message, { retryAfterMs: 1000 })
}
