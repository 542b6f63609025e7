import { sql } from 'kysely'
import { QuietClock } from './quiet-hours.ts'
import type { Database } from './tables.ts'
import type { Preferences } from './types.ts'

const NONE: Preferences = { off: [], quiet_hours: null }

/** Who is to be told of something, and around whom it is quiet. */
export interface Audience {
  users: readonly string[]
  quiet: ReadonlySet<string>
}

/** What users want to be told of, and when. */
export class PreferenceStore {
  readonly #database: Database
  readonly #clock = new QuietClock()

  constructor(database: Database) {
    this.#database = database
  }

  async get(user: string): Promise<Preferences> {
    const row = await this.#database
      .selectFrom('notifications_preferences')
      .select('value')
      .where('user', '=', user)
      .executeTakeFirst()
    return row === undefined ? NONE : (JSON.parse(row.value) as Preferences)
  }

  async set(user: string, preferences: Preferences): Promise<void> {
    const value = JSON.stringify(preferences)
    await this.#database
      .insertInto('notifications_preferences')
      .values({ user, value })
      .onConflict((conflict) => conflict.column('user').doUpdateSet({ value }))
      .execute()
  }

  async audience(users: readonly string[], kind: string, at: number): Promise<Audience> {
    const { rows } = await sql<{ user: string; value: string }>`
      SELECT p.user, p.value FROM json_each(${JSON.stringify(users)}) j
      CROSS JOIN notifications_preferences p ON p.user = j.value
    `.execute(this.#database)
    const off = new Set<string>()
    const quiet = new Set<string>()
    for (const { user, value } of rows) {
      const preferences = JSON.parse(value) as Preferences
      if (preferences.off.includes(kind)) off.add(user)
      if (this.#isQuiet(preferences, at)) quiet.add(user)
    }
    return { users: off.size === 0 ? users : users.filter((user) => !off.has(user)), quiet }
  }

  async isQuiet(user: string, at: number): Promise<boolean> {
    return this.#isQuiet(await this.get(user), at)
  }

  #isQuiet({ quiet_hours }: Preferences, at: number): boolean {
    return quiet_hours !== null && this.#clock.isQuiet(quiet_hours, at)
  }
}
