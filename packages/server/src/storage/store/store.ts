import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Kysely } from 'kysely'
import { StorageError } from '../storage-error.ts'
import { StoreDialect } from './dialect.ts'
import { StoredMembers } from './members.ts'
import { migrate } from './migrate.ts'
import { StoredRefreshTokens } from './refresh-tokens.ts'
import { StoredRevocations } from './revocations.ts'
import { StoredServerKeys } from './server-keys.ts'
import { startStoreThread, type StoreThread } from './store-thread.ts'
import type { StoreDatabase, Tables } from './tables.ts'

export interface StoreOptions {
  /** Holds `store.db` and its companions; made when it is not there. Other processes may have it open, too. */
  directory: string
  /** Wall clock, milliseconds since 1970. */
  now: () => number
  /** Called once for each server key that counts no longer, within 1 s of its revocation by whichever process. */
  onKeyRevoked: (id: string) => void
  /** Something failed that nobody waits for. `StorageError`: the store is gone, and only a new start brings it back. */
  onError: (error: unknown) => void
}

const PRUNE_MS = 3_600_000
/** After what was changed elsewhere could not be read. */
const RETRY_MS = 500

/** Whether a store was opened here before. */
export function hasStore(directory: string): boolean {
  return existsSync(join(directory, 'store.db'))
}

/** Opens the store. Rejects with `StorageError`. */
export async function openStore(options: StoreOptions): Promise<Store> {
  const { directory, onError } = options
  let changed = (): void => undefined
  const thread = await startStoreThread(directory, {
    onChanged: () => changed(),
    onDeath: onError,
  })
  const store = new Store(thread, options)
  try {
    await migrate(store.database, directory)
    await store.serverKeys.load()
  } catch (error) {
    await store.close()
    throw toStorageError(error, directory)
  }
  changed = () => void store.refresh()
  await store.prune()
  return store
}

/**
 * The database of everything that is no channel's log, with what it keeps. All of it rejects with `ProtocolError`
 * `unavailable` or `storage_full`.
 */
export class Store {
  /** For features with tables of their own. Inside a transaction use what its callback gets: all else waits for its end. */
  readonly database: StoreDatabase
  readonly serverKeys: StoredServerKeys
  readonly refreshTokens: StoredRefreshTokens
  readonly revocations: StoredRevocations
  readonly members: StoredMembers
  readonly #thread: StoreThread
  readonly #onError: (error: unknown) => void
  readonly #pruning: NodeJS.Timeout
  #retry: NodeJS.Timeout | undefined
  #closing = false

  constructor(thread: StoreThread, { now, onKeyRevoked, onError }: StoreOptions) {
    const database = new Kysely<Tables>({ dialect: new StoreDialect(thread) })
    this.database = database
    this.serverKeys = new StoredServerKeys({ database, now, onRevoked: onKeyRevoked })
    this.refreshTokens = new StoredRefreshTokens(database, now)
    this.revocations = new StoredRevocations(database, now)
    this.members = new StoredMembers(database, now)
    this.#thread = thread
    this.#onError = onError
    this.#pruning = setInterval(() => void this.prune(), PRUNE_MS).unref()
  }

  /** Why a server should get no clients because of its store; empty when it should. */
  unreadiness(): string[] {
    return this.#thread.dead ? ['store stopped'] : []
  }

  /** Another process wrote: what is remembered of the database counts no longer. */
  async refresh(): Promise<void> {
    this.members.forget()
    clearTimeout(this.#retry)
    try {
      await this.serverKeys.load()
    } catch (error) {
      if (this.#closing || this.#thread.dead) return
      this.#onError(error)
      // A key that was revoked must not stay because of one failure.
      this.#retry = setTimeout(() => void this.refresh(), RETRY_MS).unref()
    }
  }

  /** Deletes what counts no longer. */
  async prune(): Promise<void> {
    try {
      await this.refreshTokens.prune()
      await this.revocations.prune()
    } catch (error) {
      if (!this.#closing && !this.#thread.dead) this.#onError(error)
    }
  }

  /** Resolves when everything that was asked is answered. Idempotent. */
  close(): Promise<void> {
    this.#closing = true
    clearInterval(this.#pruning)
    clearTimeout(this.#retry)
    return this.#thread.close()
  }
}

function toStorageError(error: unknown, directory: string): StorageError {
  if (error instanceof StorageError) return error
  const { message, cause } = error instanceof Error ? error : new Error(String(error))
  const detail = cause instanceof Error ? cause.message : message
  return new StorageError(`The store in ${directory} could not be opened: ${detail}.`, {
    cause: error,
  })
}
