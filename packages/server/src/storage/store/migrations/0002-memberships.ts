import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'

/** Finds the channels of a user, as the primary key finds the users of a channel. */
export const memberships: Migration = {
  async up(database: Kysely<unknown>) {
    await sql`CREATE INDEX members_by_user ON members (user, channel)`.execute(database)
  },
}
