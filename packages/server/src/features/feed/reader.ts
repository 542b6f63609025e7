import { sql } from 'kysely'
import { entriesOf, type FeedEntry } from './entries.ts'
import { KEPT, toActivity } from './journal.ts'
import type { Activity } from './schemas.ts'
import { type FeedDatabase, STATE } from './tables.ts'

export interface FeedPage {
  entries: FeedEntry[]
  /** The `before` of the next page; null when there is none. */
  next: string | null
}

type Row = Parameters<typeof toActivity>[0]

interface Star {
  author: string
  from_seq: number
  to_seq: number | null
  last_seq: number
}

/** Stars that one statement asks for. */
const CHUNK = 50

/** The newest activities of a feed, whichever way they reach it. */
export class Reader {
  readonly #database: FeedDatabase

  constructor(database: FeedDatabase) {
    this.#database = database
  }

  async page(
    user: string,
    { before, limit }: { before?: string | undefined; limit: number },
  ): Promise<FeedPage> {
    const all = entriesOf(await this.activities(user))
    const below = before === undefined ? all : all.filter(({ seq }) => seq < Number(before))
    const entries = below.slice(0, limit)
    const last = entries.at(-1)
    return { entries, next: below.length > limit && last ? String(last.seq) : null }
  }

  /** The newest 1,000, ascending. */
  async activities(user: string): Promise<Activity[]> {
    const { rows } = await sql<Row>`
      SELECT a.seq, a.id, a.author, a.at, a.input
      FROM feed_entries e JOIN feed_activities a ON a.seq = e.seq
      WHERE e.user = ${user} ORDER BY e.seq DESC LIMIT ${KEPT}`.execute(this.#database)
    const newest = await this.#withPulled(rows, await this.#stars(user))
    return newest.toReversed().map(toActivity)
  }

  /** Those whose activities were pulled while the user followed them; who was active last comes first. */
  async #stars(user: string): Promise<Star[]> {
    const { rows } = await sql<Star>`
      SELECT f.followee AS author, f.from_seq, f.to_seq, s.last_seq
      FROM feed_follows f JOIN feed_stars s ON s.user = f.followee
      WHERE f.follower = ${user} AND s.last_seq > f.from_seq
      ORDER BY s.last_seq DESC`.execute(this.#database)
    return rows
  }

  /** The rows, descending, and with them what is pulled, as long as that is new enough to be seen. */
  async #withPulled(rows: readonly Row[], stars: readonly Star[]): Promise<readonly Row[]> {
    let newest = rows
    for (let i = 0; i < stars.length; i += CHUNK) {
      const floor = newest.length < KEPT ? 0 : newest.at(-1)!.seq
      const chunk = stars.slice(i, i + CHUNK).filter(({ last_seq }) => last_seq > floor)
      // All that follow are older still.
      if (chunk.length === 0) break
      const parts = chunk.map((star) => ofStar(star, floor))
      const pulled = await sql<Row>`${sql.join(parts, sql` UNION ALL `)}`.execute(this.#database)
      newest = [...newest, ...pulled.rows].toSorted((a, b) => b.seq - a.seq).slice(0, KEPT)
    }
    return newest
  }
}

function ofStar({ author, from_seq, to_seq }: Star, floor: number) {
  return sql`SELECT * FROM (
    SELECT seq, id, author, at, input FROM feed_activities
    WHERE author = ${author} AND state = ${STATE.pulled}
      AND seq > ${Math.max(from_seq, floor)} AND seq <= ${to_seq ?? Number.MAX_SAFE_INTEGER}
    ORDER BY seq DESC LIMIT ${KEPT})`
}
