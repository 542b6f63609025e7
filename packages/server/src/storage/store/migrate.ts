import { sql } from 'kysely'
import { DEFAULT_MIGRATION_TABLE, type Migration, Migrator } from 'kysely/migration'
import { StorageError } from '../storage-error.ts'
import { MIGRATIONS } from './migrations/index.ts'
import type { StoreDatabase } from './tables.ts'

/** Brings the tables up to date, in one transaction. Rejects with `StorageError` for those of a newer version. */
export async function migrate(database: StoreDatabase, directory: string): Promise<void> {
  const newer = (await applied(database)).find((name) => !Object.hasOwn(MIGRATIONS, name))
  if (newer !== undefined) {
    throw new StorageError(
      `The store in ${directory} was written by a newer version of Tidewire (${newer}). ` +
        'Run that version, or choose another data directory.',
    )
  }
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...MIGRATIONS }) },
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

/** Brings the tables of a feature up to date: its own migrations, counted by themselves. */
export async function migrateFeature(
  database: StoreDatabase,
  feature: string,
  migrations: Readonly<Record<string, Migration>>,
): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: async () => ({ ...migrations }) },
    migrationTableName: `${feature}_migrations`,
    migrationLockTableName: `${feature}_migrations_lock`,
  })
  const { error } = await migrator.migrateToLatest()
  if (error !== undefined) throw error
}

async function applied(database: StoreDatabase): Promise<string[]> {
  const table = sql.lit(DEFAULT_MIGRATION_TABLE)
  const known = await sql`SELECT name FROM sqlite_master WHERE name = ${table}`.execute(database)
  if (known.rows.length === 0) return []
  const names = sql<{ name: string }>`SELECT name FROM ${sql.table(DEFAULT_MIGRATION_TABLE)}`
  return (await names.execute(database)).rows.map(({ name }) => name)
}
