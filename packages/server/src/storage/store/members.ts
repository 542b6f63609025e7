import type { MemberStore } from '../../core/ports/members.ts'
import type { StoreDatabase } from './tables.ts'

/** Answers that are remembered. */
const MAX_KNOWN = 100_000

/** Who belongs to which channel. What was asked before is answered at once, until somebody is added or removed. */
export class StoredMembers implements MemberStore {
  readonly #database: StoreDatabase
  readonly #now: () => number
  /** By channel and user; what was asked last is at the end. */
  readonly #known = new Map<string, boolean>()
  /** Counts the changes: an answer that spans one may be old. */
  #changes = 0

  constructor(database: StoreDatabase, now: () => number) {
    this.#database = database
    this.#now = now
  }

  has(channel: string, user: string): boolean | Promise<boolean> {
    const key = keyOf(channel, user)
    const known = this.#known.get(key)
    if (known === undefined) return this.#read(channel, user)
    this.#remember(key, known)
    return known
  }

  async add(channel: string, user: string): Promise<boolean> {
    return this.#change(channel, user, async () => {
      const { numInsertedOrUpdatedRows } = await this.#database
        .insertInto('members')
        .values({ channel, user, added_at: this.#now() })
        .onConflict((conflict) => conflict.doNothing())
        .executeTakeFirstOrThrow()
      return numInsertedOrUpdatedRows === 1n
    })
  }

  async remove(channel: string, user: string): Promise<boolean> {
    return this.#change(channel, user, async () => {
      const { numDeletedRows } = await this.#database
        .deleteFrom('members')
        .where('channel', '=', channel)
        .where('user', '=', user)
        .executeTakeFirstOrThrow()
      return numDeletedRows === 1n
    })
  }

  async list(
    channel: string,
    { after, limit }: { after?: string; limit: number },
  ): Promise<readonly string[]> {
    const rows = await this.#database
      .selectFrom('members')
      .select('user')
      .where('channel', '=', channel)
      .$if(after !== undefined, (query) => query.where('user', '>', after!))
      .orderBy('user')
      .limit(limit)
      .execute()
    return rows.map(({ user }) => user)
  }

  async count(channel: string): Promise<number> {
    const { count } = await this.#database
      .selectFrom('members')
      .select((members) => members.fn.countAll<number>().as('count'))
      .where('channel', '=', channel)
      .executeTakeFirstOrThrow()
    return count
  }

  async channels(
    user: string,
    { namespace, after = '', limit }: { namespace: string; after?: string; limit: number },
  ): Promise<readonly string[]> {
    // ';' follows ':' in ASCII: all names of the namespace lie between the two.
    const rows = await this.#database
      .selectFrom('members')
      .select('channel')
      .where('user', '=', user)
      .where('channel', '>', after > `${namespace}:` ? after : `${namespace}:`)
      .where('channel', '<', `${namespace};`)
      .orderBy('channel')
      .limit(limit)
      .execute()
    return rows.map(({ channel }) => channel)
  }

  /** Somebody else changed members, whoever it was. */
  forget(): void {
    this.#changes += 1
    this.#known.clear()
  }

  async #read(channel: string, user: string): Promise<boolean> {
    const changes = this.#changes
    const row = await this.#database
      .selectFrom('members')
      .select('user')
      .where('channel', '=', channel)
      .where('user', '=', user)
      .executeTakeFirst()
    const isMember = row !== undefined
    if (changes === this.#changes) this.#remember(keyOf(channel, user), isMember)
    return isMember
  }

  async #change(channel: string, user: string, work: () => Promise<boolean>): Promise<boolean> {
    const forget = (): void => {
      this.#changes += 1
      this.#known.delete(keyOf(channel, user))
    }
    forget()
    try {
      return await work()
    } finally {
      forget()
    }
  }

  #remember(key: string, isMember: boolean): void {
    this.#known.delete(key)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(key, isMember)
  }
}

/** Neither has blanks. */
function keyOf(channel: string, user: string): string {
  return `${channel} ${user}`
}
