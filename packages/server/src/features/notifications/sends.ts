import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { sql, type Transaction } from 'kysely'
import type { Database, Tables } from './tables.ts'
import { trim } from './trim.ts'
import type { Notification } from './types.ts'

/** Sends that wait for the store; more are refused. */
const MAX_WAITING = 10_000
/** What shares a transaction, all others of which wait meanwhile. */
const MAX_GROUP = 200
const MAX_GROUP_USERS = 10_000

export interface Content {
  kind: string
  title: string
  body: string | undefined
  data: JsonObject | undefined
}

/** What is to be told whom. */
export interface Send {
  id: string
  /** Whether the application chose the id, so that it may come again. */
  repeatable: boolean
  at: number
  content: Content
  /** Whether users brought it about: it leaves a full inbox before what the application sent (trim.ts). */
  expendable?: boolean
  /** Each once. */
  users: readonly string[]
  /** Who is not pushed, because it is quiet around them. */
  quiet: ReadonlySet<string>
}

export interface Recipient {
  user: string
  /** How many unread ones the user has with this one. */
  unread: number
}

export interface Stored {
  notification: Notification
  recipients: readonly Recipient[]
}

export interface SendsOptions {
  database: Database
  /** How many notifications of a user are kept. */
  keep: number
  /** Milliseconds since 1970 when the user is pushed; undefined when nobody is. */
  pushAt: (user: string, at: number) => number | undefined
  /** Called in the order of the commits, in the turn of each. */
  onStored: (stored: Stored) => void
}

interface Waiting {
  send: Send
  resolve: (stored: Stored) => void
  reject: (error: unknown) => void
}

type Outcome = Stored | ProtocolError

/** Writes notifications into inboxes. Those that wait at the same time share a transaction. */
export class Sends {
  readonly #options: SendsOptions
  readonly #waiting: Waiting[] = []
  #running: Promise<void> | undefined
  /** The transaction of now, and telling of it. */
  #writing: Promise<void> | undefined

  constructor(options: SendsOptions) {
    this.#options = options
  }

  /** Resolves when all inboxes have it. Rejects with `conflict`, `unavailable` or `storage_full`: then none has. */
  add(send: Send): Promise<Stored> {
    if (this.#waiting.length >= MAX_WAITING) {
      const message = 'Too many notifications are on their way. Try again a little later.'
      return Promise.reject(new ProtocolError('unavailable', message, { retryAfterMs: 250 }))
    }
    return new Promise((resolve, reject) => {
      this.#waiting.push({ send, resolve, reject })
      this.#running ??= this.#run()
    })
  }

  /** Resolves when nothing waits. */
  async idle(): Promise<void> {
    await this.#running
  }

  /** Resolves when `onStored` was called for everything that is stored by now. */
  async told(): Promise<void> {
    await this.#writing
  }

  async #run(): Promise<void> {
    // What is sent in the same turn comes along.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      this.#writing = this.#write(this.#takeGroup())
      await this.#writing
    }
    this.#running = undefined
  }

  #takeGroup(): Waiting[] {
    const ids = new Set<string>()
    let users = 0
    const end = this.#waiting.findIndex(({ send }, i) => {
      users += send.users.length
      const full = i >= MAX_GROUP || users > MAX_GROUP_USERS
      return i > 0 && (full || ids.has(send.id)) ? true : (ids.add(send.id), false)
    })
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end)
  }

  async #write(group: readonly Waiting[]): Promise<void> {
    try {
      const outcomes = await this.#options.database.transaction().execute((tx) =>
        this.#store(
          tx,
          group.map(({ send }) => send),
        ),
      )
      for (const [i, { resolve, reject }] of group.entries()) {
        const outcome = outcomes[i]!
        if (outcome instanceof ProtocolError) {
          reject(outcome)
          continue
        }
        this.#options.onStored(outcome)
        resolve(outcome)
      }
    } catch (error) {
      for (const { reject } of group) reject(error)
    }
  }

  async #store(tx: Transaction<Tables>, sends: readonly Send[]): Promise<Outcome[]> {
    const outcomes: Outcome[] = []
    const full = new Set<string>()
    for (const send of sends) {
      const known = send.repeatable ? await sameAs(tx, send) : undefined
      if (known instanceof ProtocolError) {
        outcomes.push(known)
        continue
      }
      const at = known?.at ?? send.at
      const users = known === undefined ? send.users : await without(tx, send.users, known.seq)
      const rows = users.length === 0 ? [] : await insert(tx, { ...send, at, users })
      for (const { user, entries } of rows) if (entries > this.#options.keep) full.add(user)
      await this.#insertPushes(tx, send, users)
      const recipients = rows.map(({ user, unread }) => ({ user, unread }))
      outcomes.push({ notification: toNotification({ ...send, at }), recipients })
    }
    return full.size === 0
      ? outcomes
      : corrected(outcomes, await trim(tx, [...full], this.#options.keep))
  }

  async #insertPushes(
    tx: Transaction<Tables>,
    send: Send,
    users: readonly string[],
  ): Promise<void> {
    const due = users.flatMap((user) => {
      const at = send.quiet.has(user) ? undefined : this.#options.pushAt(user, send.at)
      return at === undefined ? [] : [[user, at]]
    })
    if (due.length === 0) return
    await sql`
      INSERT INTO notifications_pushes (subscription, user, message, attempts, due_at)
      SELECT s.id, s.user, m.seq, 0, json_extract(j.value, '$[1]')
      FROM json_each(${JSON.stringify(due)}) j
      CROSS JOIN notifications_subscriptions s ON s.user = json_extract(j.value, '$[0]')
      CROSS JOIN notifications_messages m ON m.id = ${send.id}
      WHERE (SELECT count(*) FROM notifications_pushes p WHERE p.subscription = s.id) < ${MAX_PUSHES}
    `.execute(tx)
  }
}

/** Pushes that may wait for one subscription: whoever cannot be reached for long does not need all of them. */
const MAX_PUSHES = 100

interface Counted extends Recipient {
  entries: number
}

async function insert(
  tx: Transaction<Tables>,
  { id, at, content, users, expendable = false }: Send,
): Promise<Counted[]> {
  const { kind, title, body, data } = content
  const list = JSON.stringify(users)
  const counted = expendable ? 1 : 0
  await sql`
    INSERT INTO notifications_messages (id, kind, title, body, data, created_at)
    VALUES (${id}, ${kind}, ${title}, ${body}, ${data && JSON.stringify(data)}, ${at})
    ON CONFLICT (id) DO NOTHING
  `.execute(tx)
  const { rows } = await sql<Counted>`
    INSERT INTO notifications_users (user, newest, unread, entries, expendable)
    SELECT value, 1, 1, 1, ${counted} FROM json_each(${list}) WHERE true
    ON CONFLICT (user) DO UPDATE SET newest = newest + 1, unread = unread + 1,
      entries = entries + 1, expendable = expendable + ${counted}
    RETURNING user, unread, entries
  `.execute(tx)
  await sql`
    INSERT INTO notifications_inbox (user, n, message, read, expendable)
    SELECT u.user, u.newest, m.seq, 0, ${counted}
    FROM json_each(${list}) j
    CROSS JOIN notifications_users u ON u.user = j.value
    CROSS JOIN notifications_messages m ON m.id = ${id}
  `.execute(tx)
  return rows
}

/** The message of that id when it is the same one; `conflict` when it is another. */
async function sameAs(
  tx: Transaction<Tables>,
  { id, content }: Send,
): Promise<{ seq: number; at: number } | ProtocolError | undefined> {
  const row = await tx
    .selectFrom('notifications_messages')
    .selectAll()
    .where('id', '=', id)
    .executeTakeFirst()
  if (row === undefined) return undefined
  const { kind, title, body = null, data } = content
  const same =
    row.kind === kind &&
    row.title === title &&
    row.body === body &&
    row.data === (data === undefined ? null : JSON.stringify(data))
  if (same) return { seq: row.seq, at: row.created_at }
  return new ProtocolError(
    'conflict',
    'There is another notification of this `id`. Take a new one.',
  )
}

async function without(
  tx: Transaction<Tables>,
  users: readonly string[],
  message: number,
): Promise<readonly string[]> {
  const { rows } = await sql<{ user: string }>`
    SELECT i.user FROM json_each(${JSON.stringify(users)}) j
    CROSS JOIN notifications_inbox i ON i.message = ${message} AND i.user = j.value
  `.execute(tx)
  const held = new Set(rows.map(({ user }) => user))
  return users.filter((user) => !held.has(user))
}

function corrected(outcomes: readonly Outcome[], unread: ReadonlyMap<string, number>): Outcome[] {
  return outcomes.map((outcome) =>
    outcome instanceof ProtocolError
      ? outcome
      : {
          ...outcome,
          recipients: outcome.recipients.map((recipient) => ({
            ...recipient,
            unread: unread.get(recipient.user) ?? recipient.unread,
          })),
        },
  )
}

function toNotification({ id, at, content }: Pick<Send, 'id' | 'at' | 'content'>): Notification {
  const { kind, title, body, data } = content
  return {
    id,
    kind,
    title,
    ...(body === undefined ? {} : { body }),
    ...(data === undefined ? {} : { data }),
    created_at: new Date(at).toISOString(),
    read: false,
  }
}
