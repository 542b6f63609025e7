import { sql } from 'kysely'
import type { RefreshToken, RefreshTokenStore, UsedToken } from '../../core/ports/refresh-tokens.ts'
import type { StoreDatabase, Tables } from './tables.ts'

/** Rows that one statement deletes: others wait as long. */
const PRUNED_AT_ONCE = 1000

/**
 * Refresh tokens, until they expire: those that were used, too, because a second use tells that somebody copied one. A
 * session that was ended gets no new ones, so that a rotation under way cannot bring it back.
 */
export class StoredRefreshTokens implements RefreshTokenStore {
  readonly #database: StoreDatabase
  readonly #now: () => number

  constructor(database: StoreDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  async add(token: RefreshToken): Promise<void> {
    const { id, session, user, sha256, expires_at, channels } = token
    const json = channels === undefined ? null : JSON.stringify(channels)
    await sql`
      INSERT INTO refresh_tokens (id, session, user, sha256, channels, expires_at)
      SELECT ${id}, ${session}, ${user}, ${sha256}, ${json}, ${expires_at}
      WHERE NOT EXISTS (
        SELECT 1 FROM refresh_tokens WHERE session = ${session} AND ended_at IS NOT NULL
      )
      ON CONFLICT (id) DO NOTHING
    `.execute(this.#database)
  }

  async use(id: string): Promise<UsedToken | undefined> {
    const used_at = this.#now()
    const used = await this.#database
      .updateTable('refresh_tokens')
      .set({ used_at })
      .where('id', '=', id)
      .where('used_at', 'is', null)
      .where('ended_at', 'is', null)
      .returningAll()
      .executeTakeFirst()
    if (used !== undefined) return { token: toToken(used), used: false, used_at }
    const known = await this.#database
      .selectFrom('refresh_tokens')
      .selectAll()
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    return known && { token: toToken(known), used: true, used_at: known.used_at ?? used_at }
  }

  async isUsed(id: string): Promise<boolean | undefined> {
    const known = await this.#database
      .selectFrom('refresh_tokens')
      .select('used_at')
      .where('id', '=', id)
      .where('ended_at', 'is', null)
      .executeTakeFirst()
    return known && known.used_at !== null
  }

  async end(target: { session: string } | { user: string }): Promise<void> {
    const update = this.#database
      .updateTable('refresh_tokens')
      .set({ ended_at: this.#now() })
      .where('ended_at', 'is', null)
    await (
      'session' in target
        ? update.where('session', '=', target.session)
        : update.where('user', '=', target.user)
    ).execute()
  }

  /** Forgets those that expired. */
  async prune(): Promise<void> {
    const now = this.#now()
    for (let deleted = PRUNED_AT_ONCE; deleted >= PRUNED_AT_ONCE;) {
      const { numDeletedRows } = await this.#database
        .deleteFrom('refresh_tokens')
        .where('id', 'in', (all) =>
          all
            .selectFrom('refresh_tokens')
            .select('id')
            .where('expires_at', '<=', now)
            .limit(PRUNED_AT_ONCE),
        )
        .executeTakeFirstOrThrow()
      deleted = Number(numDeletedRows)
    }
  }
}

function toToken(row: Tables['refresh_tokens']): RefreshToken {
  const { id, session, user, sha256, channels, expires_at } = row
  const token: RefreshToken = { id, session, user, sha256, expires_at }
  if (channels === null) return token
  return { ...token, channels: JSON.parse(channels) as NonNullable<RefreshToken['channels']> }
}
