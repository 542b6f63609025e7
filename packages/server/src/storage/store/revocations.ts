import {
  type Revocation,
  REVOCATION_KEEP_MS,
  type RevocationStore,
  type Target,
} from '../../core/ports/revocations.ts'
import type { StoreDatabase } from './tables.ts'

/** Revocations, for as long as they count. */
export class StoredRevocations implements RevocationStore {
  readonly #database: StoreDatabase
  readonly #now: () => number

  constructor(database: StoreDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  /** Oldest first. */
  async all(): Promise<readonly Revocation[]> {
    const rows = await this.#database
      .selectFrom('revocations')
      .selectAll()
      .where('at', '>', this.#oldest())
      .orderBy('at')
      .execute()
    return rows.map(({ kind, value, at }) => ({ target: { [kind]: value } as Target, at }))
  }

  /** The latest of a target counts. */
  async add({ target, at }: Revocation): Promise<void> {
    const [kind, value] = Object.entries(target)[0] as [string, string]
    await this.#database
      .insertInto('revocations')
      .values({ kind, value, at })
      .onConflict((conflict) =>
        conflict.columns(['kind', 'value']).doUpdateSet({ at }).where('revocations.at', '<', at),
      )
      .execute()
  }

  /** Forgets those that count no longer. */
  async prune(): Promise<void> {
    await this.#database.deleteFrom('revocations').where('at', '<=', this.#oldest()).execute()
  }

  #oldest(): number {
    return this.#now() - REVOCATION_KEEP_MS
  }
}
