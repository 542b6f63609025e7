import { type Kysely, sql } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { Server } from '../../server.ts'

interface Tables {
  last_seen: {
    user: string
    /** Milliseconds since 1970. */
    at: number
    /** 1 while connected: then seen as long as the server was there. */
    online: number
  }
  /** One row: when the server was last known to run. */
  last_alive: { id: number; at: number }
}

const TABLES = [
  `CREATE TABLE last_seen (
    user TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    online INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE INDEX last_seen_online ON last_seen (online) WHERE online = 1`,
  `CREATE TABLE last_alive (
    id INTEGER PRIMARY KEY,
    at INTEGER NOT NULL
  ) STRICT`,
]

const MIGRATIONS: Readonly<Record<string, Migration>> = {
  '0001-last-seen': {
    async up(database) {
      for (const statement of TABLES) await sql.raw(statement).execute(database)
    },
  },
}

const WRITE_MS = 2_000
const ROWS = 500
/** Users whose row could not be written yet; beyond, the oldest is given up. */
const MAX_UNWRITTEN = 100_000

interface Seen {
  at: number
  online: boolean
}

/**
 * When users were last connected, over restarts. Written together, every two seconds in which something changed or
 * somebody is connected, so that a killed server forgets no more than that.
 */
export class LastSeen {
  readonly #server: Server
  readonly #database: Kysely<Tables>
  /** How many users are online: then the server is alive for somebody. */
  readonly #online: () => number
  #unwritten = new Map<string, Seen>()
  /** Being written. */
  #writing: ReadonlyMap<string, Seen> = new Map()
  #write: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #closed = false

  private constructor(server: Server, database: Kysely<Tables>, online: () => number) {
    this.#server = server
    this.#database = database
    this.#online = online
  }

  static async open(server: Server, online: () => number): Promise<LastSeen> {
    const database = await server.tables<Tables>('presence', MIGRATIONS)
    await endOfLastLife(database)
    return new LastSeen(server, database, online)
  }

  note(user: string, online: boolean): void {
    if (this.#closed) return
    this.#unwritten.delete(user)
    this.#unwritten.set(user, { at: this.#server.clock.now(), online })
    this.#bound()
    this.#writeLater()
  }

  /** Milliseconds since 1970, of those who ever were there. */
  async of(users: readonly string[]): Promise<Map<string, number>> {
    const seen = new Map<string, number>()
    const asked: string[] = []
    for (const user of users) {
      const known = this.#unwritten.get(user) ?? this.#writing.get(user)
      if (known === undefined) asked.push(user)
      else seen.set(user, known.at)
    }
    if (asked.length === 0) return seen
    const rows = await this.#database
      .selectFrom('last_seen')
      .select(['user', 'at'])
      .where('user', 'in', asked)
      .execute()
    for (const { user, at } of rows) seen.set(user, at)
    return seen
  }

  /** Resolves when everything is written. */
  async close(): Promise<void> {
    this.#closed = true
    this.#cancel?.()
    await this.#write
    await this.#flush()
  }

  #writeLater(): void {
    if (this.#cancel !== undefined || this.#closed) return
    this.#cancel = this.#server.clock.after(WRITE_MS, () => {
      this.#write = this.#flush().finally(() => {
        this.#cancel = undefined
        if (this.#unwritten.size > 0 || this.#online() > 0) this.#writeLater()
      })
    })
  }

  /** Never rejects: what could not be written is written with what comes next. */
  async #flush(): Promise<void> {
    const writing = this.#unwritten
    this.#unwritten = new Map()
    this.#writing = writing
    try {
      await this.#save(writing)
    } catch (error) {
      this.#server.failed('presence', error)
      this.#unwritten = new Map([...writing, ...this.#unwritten])
      this.#bound()
    }
    this.#writing = new Map()
  }

  async #save(all: ReadonlyMap<string, Seen>): Promise<void> {
    const rows = [...all].map(([user, { at, online }]) => ({ user, at, online: online ? 1 : 0 }))
    const alive = { id: 1, at: this.#server.clock.now() }
    // Statements of one turn share a commit.
    const writes: Promise<unknown>[] = [
      this.#database.replaceInto('last_alive').values(alive).execute(),
    ]
    for (let i = 0; i < rows.length; i += ROWS) {
      const some = rows.slice(i, i + ROWS)
      writes.push(this.#database.replaceInto('last_seen').values(some).execute())
    }
    await Promise.all(writes)
  }

  #bound(): void {
    for (const user of this.#unwritten.keys()) {
      if (this.#unwritten.size <= MAX_UNWRITTEN) return
      this.#unwritten.delete(user)
    }
  }
}

/** Who was connected when a server was killed was seen until then. */
async function endOfLastLife(database: Kysely<Tables>): Promise<void> {
  const alive = await database.selectFrom('last_alive').select('at').executeTakeFirst()
  const at = alive?.at ?? 0
  await database
    .updateTable('last_seen')
    .set((row) => ({ online: 0, at: row.fn<number>('max', [row.ref('at'), row.val(at)]) }))
    .where('online', '=', 1)
    .execute()
}
