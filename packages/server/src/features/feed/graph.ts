import { ProtocolError } from '@tidewire/protocol'
import { sql, type Transaction } from 'kysely'
import type { FeedDatabase, FeedTables } from './tables.ts'

export interface UsersPage {
  users: string[]
  count: number
  more: boolean
}

/** Who follows whom, and since which activity. */
export class Graph {
  readonly #database: FeedDatabase
  readonly #maxFollowing: number

  constructor(database: FeedDatabase, maxFollowing: number) {
    this.#database = database
    this.#maxFollowing = maxFollowing
  }

  /** True when the user was not followed before. What is said from now on is seen. */
  async follow(follower: string, followee: string): Promise<boolean> {
    if (follower === followee) {
      throw new ProtocolError('bad_envelope', 'You cannot follow yourself: name somebody else.')
    }
    return this.#database.transaction().execute(async (transaction) => {
      if ((await openOf(transaction, follower, followee)) !== undefined) return false
      const { count } = await countOf(transaction, 'follower', follower)
      if (count >= this.#maxFollowing) {
        const message = `You follow ${count} users, which is as many as you may. Unfollow some.`
        throw new ProtocolError('conflict', message)
      }
      await forgetOld(transaction, follower, followee)
      const last = await transaction
        .selectFrom('feed_follows')
        .selectAll()
        .where('followee', '=', followee)
        .where('follower', '=', follower)
        .orderBy('from_seq', 'desc')
        .executeTakeFirst()
      if (last?.to_seq != null && !(await saidSince(transaction, followee, last.to_seq))) {
        await setEnd(transaction, last, null)
      } else {
        const from_seq = await topOf(transaction)
        const row = { followee, follower, from_seq, to_seq: null }
        await transaction.insertInto('feed_follows').values(row).execute()
      }
      return true
    })
  }

  /** True when the user was followed. What was said until now stays. */
  async unfollow(follower: string, followee: string): Promise<boolean> {
    return this.#database.transaction().execute(async (transaction) => {
      const open = await openOf(transaction, follower, followee)
      if (open === undefined) return false
      if (await saidSince(transaction, followee, open.from_seq)) {
        await setEnd(transaction, open, await topOf(transaction))
      } else {
        await transaction
          .deleteFrom('feed_follows')
          .where('followee', '=', followee)
          .where('follower', '=', follower)
          .where('from_seq', '=', open.from_seq)
          .execute()
      }
      return true
    })
  }

  /** In the order of their ids. */
  async list(
    who: 'followers' | 'following',
    user: string,
    { after = '', limit }: { after?: string | undefined; limit: number },
  ): Promise<UsersPage> {
    const [mine, theirs] =
      who === 'followers'
        ? (['followee', 'follower'] as const)
        : (['follower', 'followee'] as const)
    const [rows, { count }] = await Promise.all([
      this.#database
        .selectFrom('feed_follows')
        .select(`${theirs} as user`)
        .where(mine, '=', user)
        .where('to_seq', 'is', null)
        .where(theirs, '>', after)
        .orderBy(theirs)
        .limit(limit + 1)
        .execute(),
      countOf(this.#database, mine, user),
    ])
    const users = rows.slice(0, limit).map((row) => row.user)
    return { users, count, more: rows.length > limit }
  }

  /** Those of the users that follow the followee and were to see what has the place `seq`. */
  async seers(followee: string, seq: number, users: readonly string[]): Promise<string[]> {
    const rows = await this.#database
      .selectFrom('feed_follows')
      .select('follower')
      .where('followee', '=', followee)
      .where('follower', 'in', users)
      .where('from_seq', '<', seq)
      .where((eb) => eb.or([eb('to_seq', 'is', null), eb('to_seq', '>=', seq)]))
      .execute()
    return rows.map(({ follower }) => follower)
  }
}

type Follow = FeedTables['feed_follows']

function openOf(
  transaction: Transaction<FeedTables>,
  follower: string,
  followee: string,
): Promise<Follow | undefined> {
  return transaction
    .selectFrom('feed_follows')
    .selectAll()
    .where('followee', '=', followee)
    .where('follower', '=', follower)
    .where('to_seq', 'is', null)
    .executeTakeFirst()
}

async function countOf(
  database: FeedDatabase,
  side: 'follower' | 'followee',
  user: string,
): Promise<{ count: number }> {
  return database
    .selectFrom('feed_follows')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where(side, '=', user)
    .where('to_seq', 'is', null)
    .executeTakeFirstOrThrow()
}

async function saidSince(
  transaction: Transaction<FeedTables>,
  author: string,
  seq: number,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('feed_activities')
    .select('seq')
    .where('author', '=', author)
    .where('seq', '>', seq)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

async function topOf(transaction: Transaction<FeedTables>): Promise<number> {
  const { top } = await transaction
    .selectFrom('feed_activities')
    .select((eb) => eb.fn.max('seq').as('top'))
    .executeTakeFirstOrThrow()
  return top ?? 0
}

async function setEnd(
  transaction: Transaction<FeedTables>,
  { followee, follower, from_seq }: Follow,
  to_seq: number | null,
): Promise<void> {
  await transaction
    .updateTable('feed_follows')
    .set({ to_seq })
    .where('followee', '=', followee)
    .where('follower', '=', follower)
    .where('from_seq', '=', from_seq)
    .execute()
}

/** Times of following of which nothing is kept any more: so many as are kept, activities are. */
async function forgetOld(
  transaction: Transaction<FeedTables>,
  follower: string,
  followee: string,
): Promise<void> {
  await transaction
    .deleteFrom('feed_follows')
    .where('followee', '=', followee)
    .where('follower', '=', follower)
    .where(
      'to_seq',
      '<',
      sql<number>`(SELECT coalesce(min(seq), 0) FROM feed_activities WHERE author = ${followee})`,
    )
    .execute()
}
