import { ProtocolError } from '@tidewire/protocol'
import { sql, type Transaction } from 'kysely'
import type { Activity, ActivityInput } from './schemas.ts'
import { type FeedDatabase, type FeedTables, STATE } from './tables.ts'

/** An entry on its way into the channel of its feed. */
export interface Delivery {
  n: number
  user: string
  /** Undefined when there is nothing to publish. */
  activity: Activity | undefined
}

/** What an author said, and where it stands in the order of all. */
export interface Intent {
  author: string
  message_id: string
  /** Milliseconds since 1970. */
  at: number
  input: ActivityInput
}

/** What a feed, and an author, keep. */
export const KEPT = 1_000

type Row = Pick<FeedTables['feed_activities'], 'id' | 'author' | 'at' | 'input'> & { seq: number }

type Maybe<T> = { [K in keyof T]: T[K] | null }

/**
 * Activities from before the log has them until every channel has them. An activity gets its place before it is published,
 * so that a crash in between leaves a trace; what is `intended` was published or was not, and the log knows.
 */
export class Journal {
  readonly #database: FeedDatabase
  readonly #threshold: number
  readonly #newId: () => string

  constructor(database: FeedDatabase, threshold: number, newId: () => string) {
    this.#database = database
    this.#threshold = threshold
    this.#newId = newId
  }

  /** The same activity for the same message. Rejects with `conflict` when the message said something else before. */
  async intend({ author, message_id, at, input }: Intent): Promise<Activity> {
    const text = JSON.stringify(input)
    // Of one turn, and so of one commit.
    const [, row] = await Promise.all([
      this.#database
        .insertInto('feed_activities')
        .values({ id: this.#newId(), author, message_id, at, input: text, state: STATE.intended })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
      this.#database
        .selectFrom('feed_activities')
        .select(['seq', 'id', 'author', 'at', 'input'])
        .where('author', '=', author)
        .where('message_id', '=', message_id)
        .executeTakeFirstOrThrow(),
    ])
    if (row.input !== text) {
      const message = 'You said something else with this `message_id`. Use a new one.'
      throw new ProtocolError('conflict', message)
    }
    return toActivity(row)
  }

  /** The log has them: who follows their authors gets them. Those that are pulled, which nobody was handed. */
  async confirm(
    activities: readonly { activity: Activity; message_id: string }[],
  ): Promise<Activity[]> {
    return this.#database.transaction().execute(async (transaction) => {
      const states = await Promise.all(
        activities.map(({ activity, message_id }) =>
          this.#settle(transaction, activity, message_id),
        ),
      )
      await Promise.all(
        activities.flatMap(({ activity }, i) => {
          if (states[i] === undefined) return []
          const isPushed = states[i] === STATE.pushed
          const handOut = isPushed ? push(transaction, activity) : shine(transaction, activity)
          return [handOut, enter(transaction, activity)]
        }),
      )
      return activities.map(({ activity }) => activity).filter((_, i) => states[i] === STATE.pulled)
    })
  }

  /** Entries that their channels may not have, in their order. */
  async undelivered(limit: number): Promise<Delivery[]> {
    const { rows } = await sql<Maybe<Row> & { n: number; user: string }>`
      SELECT e.n, e.user, a.seq, a.id, a.author, a.at, a.input
      FROM feed_entries e LEFT JOIN feed_activities a ON a.seq = e.seq
      WHERE e.n > (SELECT n FROM feed_delivered)
      ORDER BY e.n LIMIT ${limit}`.execute(this.#database)
    // Authors have published it themselves; and what is pruned nobody is told any more.
    return rows.map(({ n, user, ...row }) => {
      const isDue = isWhole(row) && row.author !== user
      return { n, user, activity: isDue ? toActivity(row) : undefined }
    })
  }

  async delivered(n: number): Promise<void> {
    await this.#database.updateTable('feed_delivered').set({ n }).execute()
  }

  /** What was written down before `at` and may or may not be in the log. */
  async intended(at: number, limit: number): Promise<{ activity: Activity; message_id: string }[]> {
    const rows = await this.#database
      .selectFrom('feed_activities')
      .select(['seq', 'id', 'author', 'at', 'input', 'message_id'])
      .where('state', '=', STATE.intended)
      .where('at', '<', at)
      .orderBy('seq')
      .limit(limit)
      .execute()
    return rows.map(({ message_id, ...row }) => ({ activity: toActivity(row), message_id }))
  }

  async forget(id: string): Promise<void> {
    await this.#database
      .deleteFrom('feed_activities')
      .where('id', '=', id)
      .where('state', '=', STATE.intended)
      .execute()
  }

  /** Deletes what the feed of the user, and the user as an author, keep no longer. */
  async prune(user: string): Promise<void> {
    await Promise.all([
      sql`DELETE FROM feed_entries WHERE user = ${user} AND seq < (
        SELECT seq FROM feed_entries WHERE user = ${user} ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT - 1}
      )`.execute(this.#database),
      sql`DELETE FROM feed_activities WHERE author = ${user} AND state <> ${STATE.intended} AND seq < (
        SELECT seq FROM feed_activities WHERE author = ${user} ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT - 1}
      )`.execute(this.#database),
    ])
  }

  /** How the followers get it; undefined when that was settled before. */
  async #settle(
    transaction: Transaction<FeedTables>,
    { id, seq, at, actor, ...input }: Activity,
    message_id: string,
  ): Promise<number | undefined> {
    const row = { id, seq, author: actor, message_id, at: Date.parse(at), state: STATE.intended }
    // It is there, unless it was taken for one that never reached the log.
    const [, updated] = await Promise.all([
      transaction
        .insertInto('feed_activities')
        .values({ ...row, input: JSON.stringify(input) })
        .onConflict((conflict) => conflict.doNothing())
        .execute(),
      transaction
        .updateTable('feed_activities')
        .set({
          state: sql<number>`CASE WHEN (SELECT count(*) FROM (
            SELECT 1 FROM feed_follows WHERE followee = ${actor} AND to_seq IS NULL
            LIMIT ${this.#threshold + 1}
          )) > ${this.#threshold} THEN ${STATE.pulled} ELSE ${STATE.pushed} END`,
        })
        .where('id', '=', id)
        .where('state', '=', STATE.intended)
        .returning('state')
        .executeTakeFirst(),
    ])
    return updated?.state
  }
}

/** Of an outer join. */
function isWhole(row: Maybe<Row>): row is Row {
  return row.id !== null
}

export function toActivity({ seq, id, author, at, input }: Row): Activity {
  const said = JSON.parse(input) as ActivityInput
  return { id, seq, at: new Date(at).toISOString(), actor: author, ...said }
}

async function enter(
  transaction: Transaction<FeedTables>,
  { actor, seq }: Activity,
): Promise<void> {
  await transaction
    .insertInto('feed_entries')
    .values({ user: actor, seq })
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

async function push(transaction: Transaction<FeedTables>, { actor, seq }: Activity): Promise<void> {
  await sql`
    INSERT INTO feed_entries (user, seq)
    SELECT follower, ${seq} FROM feed_follows
    WHERE followee = ${actor} AND from_seq < ${seq} AND (to_seq IS NULL OR to_seq >= ${seq})
    ON CONFLICT DO NOTHING`.execute(transaction)
}

async function shine(
  transaction: Transaction<FeedTables>,
  { actor, seq }: Activity,
): Promise<void> {
  await sql`
    INSERT INTO feed_stars (user, last_seq) VALUES (${actor}, ${seq})
    ON CONFLICT (user) DO UPDATE SET last_seq = max(last_seq, excluded.last_seq)`.execute(
    transaction,
  )
}
