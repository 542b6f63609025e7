import type { RevocationListener, RouteContext } from '../../../handlers.ts'
import type { Database } from '../tables.ts'
import type { PushSubscription } from './provider.ts'

const MAX_PER_USER = 10

/** Who subscribes, and what they show. */
export type Subscriber = RouteContext['actor'] & { user: string }

type Column = 'user' | 'session' | 'token_id' | 'key_id'
type Target = Parameters<RevocationListener>[0]['target']

/** Who is reached where. */
export class Subscriptions {
  readonly #database: Database
  /** Whether there are any: without them nothing needs to be looked up. */
  any = false

  constructor(database: Database) {
    this.#database = database
  }

  async load(): Promise<void> {
    const row = await this.#database
      .selectFrom('notifications_subscriptions')
      .select('id')
      .limit(1)
      .executeTakeFirst()
    this.any = row !== undefined
  }

  /**
   * Adds one, or brings it up to date. One that was another user's becomes this one's: whoever sits at that browser now.
   * Beyond ten the oldest go. Whose credential does not say when it was issued had it `at` then.
   */
  async add(
    { user, session, token_id, key_id, issued_at }: Subscriber,
    { provider, endpoint, keys }: PushSubscription,
    at: number,
  ): Promise<void> {
    const values = {
      user,
      provider,
      keys: JSON.stringify(keys),
      created_at: at,
      session: session ?? null,
      token_id: token_id ?? null,
      key_id: key_id ?? null,
      issued_at: issued_at ?? at,
    }
    await this.#database.transaction().execute(async (tx) => {
      const before = await tx
        .selectFrom('notifications_subscriptions')
        .select(['id', 'user'])
        .where('endpoint', '=', endpoint)
        .executeTakeFirst()
      if (before !== undefined && before.user !== user) {
        await tx.deleteFrom('notifications_pushes').where('subscription', '=', before.id).execute()
      }
      await tx
        .insertInto('notifications_subscriptions')
        .values({ endpoint, ...values } as never)
        .onConflict((conflict) => conflict.column('endpoint').doUpdateSet(values))
        .execute()
      const beyond = await tx
        .selectFrom('notifications_subscriptions')
        .select('id')
        .where('user', '=', user)
        .orderBy('created_at', 'desc')
        .orderBy('id', 'desc')
        .limit(1000)
        .offset(MAX_PER_USER)
        .execute()
      const ids = beyond.map(({ id }) => id)
      if (ids.length === 0) return
      await tx.deleteFrom('notifications_pushes').where('subscription', 'in', ids).execute()
      await tx.deleteFrom('notifications_subscriptions').where('id', 'in', ids).execute()
    })
    this.any = true
  }

  /** True when the user had it. */
  async remove(user: string, endpoint: string): Promise<boolean> {
    const row = await this.#database
      .selectFrom('notifications_subscriptions')
      .select('id')
      .where('user', '=', user)
      .where('endpoint', '=', endpoint)
      .executeTakeFirst()
    if (row !== undefined) await this.end(row.id)
    return row !== undefined
  }

  /** Ends those of a user, or that were made with a login, a token or a server key. */
  async endOf(target: Target): Promise<void> {
    const [column, value] = Object.entries(target)[0] as [Column, string]
    const its = this.#database
      .selectFrom('notifications_subscriptions')
      .select('id')
      .where(column, '=', value)
    await this.#database.transaction().execute(async (tx) => {
      await tx.deleteFrom('notifications_pushes').where('subscription', 'in', its).execute()
      await tx.deleteFrom('notifications_subscriptions').where(column, '=', value).execute()
    })
  }

  /** With everything that waits to be pushed to it. */
  async end(id: number): Promise<void> {
    await Promise.all([
      this.#database.deleteFrom('notifications_subscriptions').where('id', '=', id).execute(),
      this.#database.deleteFrom('notifications_pushes').where('subscription', '=', id).execute(),
    ])
  }
}
