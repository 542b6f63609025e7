import { ProtocolError } from '@tidewire/protocol'
import type { ServerKey, ServerKeys } from '../../core/ports/server-keys.ts'
import type { StoreDatabase, Tables } from './tables.ts'

/** A key as operators see it. */
export interface StoredServerKey {
  id: string
  /** Milliseconds since 1970. */
  created_at: number
  /** Since when it counts no longer; undefined while it does. */
  revoked_at: number | undefined
}

export interface ServerKeyOptions {
  database: StoreDatabase
  now: () => number
  /** Called once for each key that counts no longer, whichever process revoked it. */
  onRevoked: (id: string) => void
}

/** Server keys that are made and revoked while servers run. `find` answers from memory, which `load` brings up to date. */
export class StoredServerKeys implements ServerKeys {
  readonly #database: StoreDatabase
  readonly #now: () => number
  readonly #onRevoked: (id: string) => void
  #active: ReadonlyMap<string, ServerKey> = new Map()
  #asked = 0
  #loaded = 0

  constructor({ database, now, onRevoked }: ServerKeyOptions) {
    this.#database = database
    this.#now = now
    this.#onRevoked = onRevoked
  }

  find(id: string): ServerKey | undefined {
    return this.#active.get(id)
  }

  /** Rejects with `conflict` for an id that a key has or had: an id never names two keys. */
  async create({ id, sha256 }: ServerKey): Promise<StoredServerKey> {
    const created = await this.#database
      .insertInto('server_keys')
      .values({ id, sha256, created_at: this.#now(), revoked_at: null })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst()
    if (created === undefined) throw taken(await this.#row(id), id)
    await this.load()
    return toStored(created)
  }

  /** In the order they were made, revoked ones included. */
  async list(): Promise<StoredServerKey[]> {
    const rows = await this.#database
      .selectFrom('server_keys')
      .selectAll()
      .orderBy('created_at')
      .orderBy('id')
      .execute()
    return rows.map(toStored)
  }

  /** True when it counted until now. Rejects with `not_found` when there never was such a key. */
  async revoke(id: string): Promise<boolean> {
    const revoked = await this.#database
      .updateTable('server_keys')
      .set({ revoked_at: this.#now() })
      .where('id', '=', id)
      .where('revoked_at', 'is', null)
      .returning('id')
      .executeTakeFirst()
    if (revoked === undefined && (await this.#row(id)) === undefined) {
      throw new ProtocolError('not_found', `There is no server key \`${id}\` in the store.`)
    }
    await this.load()
    return revoked !== undefined
  }

  /** Reads the keys again, and tells of those that are gone. */
  async load(): Promise<void> {
    const asked = ++this.#asked
    const rows = await this.#database
      .selectFrom('server_keys')
      .select(['id', 'sha256'])
      .where('revoked_at', 'is', null)
      .execute()
    // What was asked later is newer, whatever comes first.
    if (asked < this.#loaded) return
    this.#loaded = asked
    const before = this.#active
    this.#active = new Map(rows.map((row) => [row.id, row]))
    for (const id of before.keys()) if (!this.#active.has(id)) this.#onRevoked(id)
  }

  #row(id: string): Promise<Tables['server_keys'] | undefined> {
    return this.#database
      .selectFrom('server_keys')
      .selectAll()
      .where('id', '=', id)
      .executeTakeFirst()
  }
}

function taken(row: Tables['server_keys'] | undefined, id: string): ProtocolError {
  const why =
    row?.revoked_at == null
      ? `There is a server key \`${id}\` already. Choose another id, or revoke it and choose another.`
      : `The server key \`${id}\` was revoked, and its id is never used again. Choose another.`
  return new ProtocolError('conflict', why)
}

function toStored({ id, created_at, revoked_at }: Tables['server_keys']): StoredServerKey {
  return { id, created_at, revoked_at: revoked_at ?? undefined }
}
