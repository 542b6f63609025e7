import type { JsonObject } from '@tidewire/protocol'
import { sql } from 'kysely'
import type { PreferenceStore } from '../preferences.ts'
import type { Database } from '../tables.ts'
import { backOffMs, MAX_ATTEMPTS } from './back-off.ts'
import type { PushMessage, PushOutcome, PushProvider } from './provider.ts'
import type { Subscriber, Subscriptions } from './subscriptions.ts'

/** Pushes that are made at the same time. */
const MAX_UNDER_WAY = 20
/** What one look takes from the table. */
const BATCH = 100
/** After the store failed. */
const LOOK_AGAIN_MS = 5_000
const MAX_TIMER_MS = 60 * 60_000

export interface PushQueueOptions {
  database: Database
  subscriptions: Subscriptions
  preferences: PreferenceStore
  providers: ReadonlyMap<string, PushProvider>
  clock: { now(): number; after(ms: number, fn: () => void): () => void }
  random: () => number
  isRevoked: (subscriber: Subscriber) => boolean
  /** Of the first wait after a failure. */
  firstBackOffMs?: number | undefined
  onError: (error: unknown) => void
}

interface Push {
  id: number
  subscription: number
  user: string
  attempts: number
  /** Null: the notification is kept no longer. */
  read: number | null
  /** Null: the subscription has ended. */
  provider: string | null
  endpoint: string
  keys: string
  session: string | null
  token_id: string | null
  key_id: string | null
  issued_at: number | null
  message: string
  kind: string
  title: string
  body: string | null
  data: string | null
  created_at: number
}

/**
 * Makes the pushes that the table holds when they are due. One leaves the table when its provider has it, so that a crash
 * loses none.
 */
export class PushQueue {
  readonly #options: PushQueueOptions
  readonly #underWay = new Map<number, Promise<void>>()
  readonly #held = new Set<number>()
  #cancel: (() => void) | undefined
  #looking: Promise<void> | undefined
  /** Something came up while the table was read. */
  #lookAgain = false
  #closed = false

  constructor(options: PushQueueOptions) {
    this.#options = options
  }

  /** Something may have come into the table. */
  wake(): void {
    if (this.#closed) return
    if (this.#looking !== undefined) {
      this.#lookAgain = true
      return
    }
    this.#cancel?.()
    this.#looking = this.#look()
      .catch((error: unknown) => {
        if (this.#closed) return
        this.#options.onError(error)
        this.#after(LOOK_AGAIN_MS)
      })
      .finally(() => {
        this.#looking = undefined
        if (!this.#lookAgain) return
        this.#lookAgain = false
        this.wake()
      })
  }

  /** Begins no more pushes, and waits for those under way. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#looking
    await Promise.all(this.#underWay.values())
  }

  async #look(): Promise<void> {
    const now = this.#options.clock.now()
    const free = MAX_UNDER_WAY - this.#underWay.size
    const due = free > 0 ? await this.#due(now) : []
    for (const push of due.slice(0, free)) this.#begin(push)
    // Whichever ends first wakes it.
    if (this.#underWay.size >= MAX_UNDER_WAY) return
    const next = await this.#next()
    if (next !== undefined) this.#after(Math.max(1, next - now))
  }

  #after(ms: number): void {
    if (this.#closed) return
    this.#cancel?.()
    this.#cancel = this.#options.clock.after(Math.min(ms, MAX_TIMER_MS), () => this.wake())
  }

  async #due(now: number): Promise<Push[]> {
    const { rows } = await sql<Push>`
      SELECT p.id, p.subscription, p.user, p.attempts, i.read, s.provider, s.endpoint, s.keys,
        s.session, s.token_id, s.key_id, s.issued_at,
        m.id AS message, m.kind, m.title, m.body, m.data, m.created_at
      FROM notifications_pushes p
      LEFT JOIN notifications_subscriptions s ON s.id = p.subscription
      LEFT JOIN notifications_messages m ON m.seq = p.message
      LEFT JOIN notifications_inbox i ON i.message = p.message AND i.user = p.user
      WHERE p.due_at <= ${now} AND p.id NOT IN (SELECT value FROM json_each(${this.#ids()}))
      ORDER BY p.due_at LIMIT ${BATCH}
    `.execute(this.#options.database)
    return rows
  }

  async #next(): Promise<number | undefined> {
    const { rows } = await sql<{ due_at: number }>`
      SELECT due_at FROM notifications_pushes
      WHERE id NOT IN (SELECT value FROM json_each(${this.#ids()}))
      ORDER BY due_at LIMIT 1
    `.execute(this.#options.database)
    return rows[0]?.due_at
  }

  #ids(): string {
    return JSON.stringify([...this.#underWay.keys(), ...this.#held])
  }

  #begin(push: Push): void {
    const done = this.#push(push)
      .catch((error: unknown) => {
        this.#options.onError(error)
        this.#hold(push.id)
      })
      .finally(() => {
        this.#underWay.delete(push.id)
        this.wake()
      })
    this.#underWay.set(push.id, done)
  }

  /** It may have been made already, and cannot be taken out of the table: not again at once. */
  #hold(id: number): void {
    this.#held.add(id)
    this.#options.clock.after(LOOK_AGAIN_MS, () => {
      this.#held.delete(id)
      this.wake()
    })
  }

  async #push(push: Push): Promise<void> {
    const { clock, preferences, providers, subscriptions } = this.#options
    const provider = providers.get(push.provider ?? '')
    const wanted = push.read === 0 && !(await preferences.isQuiet(push.user, clock.now()))
    if (!wanted || provider === undefined) return this.#forget(push)
    // It ends with the revocation, unless the server ended first.
    if (this.#options.isRevoked(subscriberOf(push))) return subscriptions.end(push.subscription)
    const outcome = await this.#send(provider, push)
    if (outcome === 'gone') return subscriptions.end(push.subscription)
    if (outcome === 'sent' || outcome === 'refused') return this.#forget(push)
    return this.#retry(push, outcome === 'retry' ? undefined : outcome.retryAfterMs)
  }

  async #send(provider: PushProvider, push: Push): Promise<PushOutcome> {
    const { endpoint, keys } = push
    const subscription = {
      provider: provider.name,
      endpoint,
      keys: JSON.parse(keys) as Record<string, string>,
    }
    try {
      return await provider.send(subscription, toMessage(push))
    } catch (error) {
      this.#options.onError(error)
      return 'retry'
    }
  }

  async #retry({ id, attempts: before }: Push, askedMs: number | undefined): Promise<void> {
    const { clock, database, random, firstBackOffMs } = this.#options
    const attempts = before + 1
    if (attempts >= MAX_ATTEMPTS) return this.#forget({ id })
    const due_at =
      clock.now() + Math.max(askedMs ?? 0, backOffMs(attempts, random(), firstBackOffMs))
    await database
      .updateTable('notifications_pushes')
      .set({ attempts, due_at })
      .where('id', '=', id)
      .execute()
  }

  async #forget({ id }: Pick<Push, 'id'>): Promise<void> {
    await this.#options.database.deleteFrom('notifications_pushes').where('id', '=', id).execute()
  }
}

function subscriberOf({ user, session, token_id, key_id, issued_at }: Push): Subscriber {
  return {
    kind: 'user',
    user,
    ...(session === null ? {} : { session }),
    ...(token_id === null ? {} : { token_id }),
    ...(key_id === null ? {} : { key_id }),
    ...(issued_at === null ? {} : { issued_at }),
  }
}

function toMessage({ message, kind, title, body, data, created_at }: Push): PushMessage {
  return {
    id: message,
    kind,
    title,
    ...(body === null ? {} : { body }),
    ...(data === null ? {} : { data: JSON.parse(data) as JsonObject }),
    created_at: new Date(created_at).toISOString(),
  }
}
