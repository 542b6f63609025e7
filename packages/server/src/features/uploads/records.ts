import { ProtocolError } from '@tidewire/protocol'
import { type Kysely, sql, type Transaction } from 'kysely'
import type { Migration } from 'kysely/migration'

export interface UploadRow {
  id: string
  /** Who sent it; empty for a backend that acts for nobody. */
  user: string
  name: string
  type: string
  /** Bytes; while it is `pending`, those that it may come to have. */
  size: number
  /** Who may read this channel may read the file. */
  channel: string | null
  /** Milliseconds since 1970. */
  created_at: number
  /** Only what is `stored` is there for others; the rest is cleaned up after a crash. */
  state: 'pending' | 'stored' | 'deleted'
}

export interface UploadTables {
  uploads: UploadRow
  /** What each user keeps. */
  upload_usage: { user: string; bytes: number; files: number }
}

export interface Quota {
  bytes: number
  files: number
}

export const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-uploads': {
    async up(database: Kysely<unknown>) {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

const TABLES = [
  `CREATE TABLE uploads (
    id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    name TEXT NOT NULL,
    type TEXT NOT NULL,
    size INTEGER NOT NULL,
    channel TEXT,
    created_at INTEGER NOT NULL,
    state TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX uploads_unfinished ON uploads (state) WHERE state <> 'stored'`,
  `CREATE TABLE upload_usage (
    user TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL,
    files INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
]

/** What is known of each file, and how much each user keeps. The two always agree. */
export class Records {
  readonly #database: Kysely<UploadTables>
  readonly #quota: Quota

  constructor(database: Kysely<UploadTables>, quota: Quota) {
    this.#database = database
    this.#quota = quota
  }

  /** Makes room for `size` bytes. Rejects with `storage_full` when the user keeps too much. */
  async reserve(row: Omit<UploadRow, 'state'>): Promise<void> {
    const { user, size } = row
    // A backend that acts for nobody has the disk.
    const { bytes, files } = user === '' ? { bytes: Infinity, files: Infinity } : this.#quota
    await this.#database.transaction().execute(async (transaction) => {
      const usage = await transaction
        .selectFrom('upload_usage')
        .select(['bytes', 'files'])
        .where('user', '=', user)
        .executeTakeFirst()
      if ((usage?.bytes ?? 0) + size > bytes || (usage?.files ?? 0) >= files) {
        const message = `You keep as much as you may: ${bytes} bytes, or ${files} files. Delete some.`
        throw new ProtocolError('storage_full', message, { temporary: false })
      }
      await count(transaction, user, size, 1)
      await transaction
        .insertInto('uploads')
        .values({ ...row, state: 'pending' })
        .execute()
    })
  }

  /** The file is kept: from now on it is there for others. */
  async complete(id: string, reserved: number, size: number, type: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const { user } = await transaction
        .updateTable('uploads')
        .set({ size, type, state: 'stored' })
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .returning('user')
        .executeTakeFirstOrThrow()
      await count(transaction, user, size - reserved, 0)
    })
  }

  async find(id: string): Promise<UploadRow | undefined> {
    return this.#database
      .selectFrom('uploads')
      .selectAll()
      .where('id', '=', id)
      .where('state', '=', 'stored')
      .executeTakeFirst()
  }

  /** From now on nobody finds it; its bytes go next, and then `forget`. */
  async markDeleted(id: string): Promise<void> {
    await this.#database
      .updateTable('uploads')
      .set({ state: 'deleted' })
      .where('id', '=', id)
      .where('state', '=', 'stored')
      .execute()
  }

  /** As `markDeleted`, for those that the user sent; their ids. */
  async release(ids: readonly string[], user: string): Promise<string[]> {
    const rows = await this.#database
      .updateTable('uploads')
      .set({ state: 'deleted' })
      .where('id', 'in', sql<string>`(SELECT value FROM json_each(${JSON.stringify(ids)}))`)
      .where('user', '=', user)
      .where('state', '=', 'stored')
      .returning('id')
      .execute()
    return rows.map(({ id }) => id)
  }

  /** Its bytes are gone: the room is free again. */
  async forget(id: string): Promise<void> {
    await this.#database.transaction().execute(async (transaction) => {
      const row = await transaction
        .deleteFrom('uploads')
        .where('id', '=', id)
        .returning(['user', 'size'])
        .executeTakeFirst()
      if (row !== undefined) await count(transaction, row.user, -row.size, -1)
    })
  }

  /** What an earlier life left half done. */
  async unfinished(): Promise<string[]> {
    const rows = await this.#database
      .selectFrom('uploads')
      .select('id')
      .where('state', '<>', 'stored')
      .execute()
    return rows.map(({ id }) => id)
  }
}

async function count(
  transaction: Transaction<UploadTables>,
  user: string,
  bytes: number,
  files: number,
): Promise<void> {
  await transaction
    .insertInto('upload_usage')
    .values({ user, bytes, files })
    .onConflict((conflict) =>
      conflict.column('user').doUpdateSet((eb) => ({
        bytes: eb('upload_usage.bytes', '+', bytes),
        files: eb('upload_usage.files', '+', files),
      })),
    )
    .execute()
}
