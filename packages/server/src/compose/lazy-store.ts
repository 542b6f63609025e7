import { ProtocolError } from '@tidewire/protocol'
import type { Kysely } from 'kysely'
import type { Migration } from 'kysely/migration'
import type { MemberStore } from '../core/ports/members.ts'
import type { RefreshTokenStore } from '../core/ports/refresh-tokens.ts'
import type { RevocationStore } from '../core/ports/revocations.ts'
import type { ServerKeys } from '../core/ports/server-keys.ts'
import { migrateFeature } from '../storage/store/migrate.ts'
import { hasStore, openStore, type Store, type StoreOptions } from '../storage/store/store.ts'

/** How often a server without a store looks whether `tidewire key create` made one. */
const LOOK_MS = 1_000

/**
 * The store of a data directory, which is made when something is to be kept for the first time: a server that keeps
 * nothing leaves no file behind.
 */
export class LazyStore {
  readonly #options: StoreOptions
  #opening: Promise<Store> | undefined
  #store: Store | undefined
  #looking: NodeJS.Timeout | undefined
  #closed = false

  constructor(options: StoreOptions) {
    this.#options = options
  }

  /** Opens what is there already. Rejects with `StorageError`, and is then at its end. */
  async start(): Promise<void> {
    if (!hasStore(this.#options.directory)) return this.#lookLater()
    try {
      await this.#open()
    } catch (error) {
      clearTimeout(this.#looking)
      throw error
    }
  }

  unreadiness(): string[] {
    return this.#store?.unreadiness() ?? []
  }

  readonly serverKeys: ServerKeys = { find: (id) => this.#store?.serverKeys.find(id) }

  readonly members: MemberStore = {
    has: (channel, user) => this.#store?.members.has(channel, user) ?? false,
    list: async (channel, page) => this.#store?.members.list(channel, page) ?? [],
    count: async (channel) => this.#store?.members.count(channel) ?? 0,
    channels: async (user, page) => this.#store?.members.channels(user, page) ?? [],
    add: async (channel, user) => (await this.#opened()).members.add(channel, user),
    remove: async (channel, user) => this.#store?.members.remove(channel, user) ?? false,
  }

  readonly revocations: RevocationStore = {
    all: async () => this.#store?.revocations.all() ?? [],
    add: async (revocation) => (await this.#opened()).revocations.add(revocation),
  }

  readonly refreshTokens: RefreshTokenStore = {
    add: async (token) => (await this.#opened()).refreshTokens.add(token),
    use: async (id) => this.#store?.refreshTokens.use(id),
    isUsed: async (id) => this.#store?.refreshTokens.isUsed(id),
    end: async (target) => this.#store?.refreshTokens.end(target),
  }

  /** The database with the tables of a feature. Rejects with `StorageError`. */
  async tables(
    feature: string,
    migrations: Readonly<Record<string, Migration>>,
  ): Promise<Kysely<unknown>> {
    const { database } = await this.#open()
    await migrateFeature(database, feature, migrations)
    return database as unknown as Kysely<unknown>
  }

  async close(): Promise<void> {
    this.#closed = true
    clearTimeout(this.#looking)
    const store = await this.#opening?.catch(() => undefined)
    await store?.close()
  }

  #open(): Promise<Store> {
    clearTimeout(this.#looking)
    this.#opening ??= openStore(this.#options).then(
      (store) => (this.#store = store),
      (error: unknown) => {
        this.#opening = undefined
        this.#lookLater()
        throw error
      },
    )
    return this.#opening
  }

  /** For what clients wait for: the operator is told what is wrong, they that it is. */
  async #opened(): Promise<Store> {
    try {
      return await this.#open()
    } catch (cause) {
      this.#options.onError(cause)
      throw new ProtocolError(
        'unavailable',
        'The store cannot be opened. Try again later; the log of the server says why.',
        { cause },
      )
    }
  }

  #lookLater(): void {
    clearTimeout(this.#looking)
    if (this.#closed) return
    this.#looking = setTimeout(() => {
      if (!hasStore(this.#options.directory)) return this.#lookLater()
      this.#open().catch((error: unknown) => this.#options.onError(error))
    }, LOOK_MS).unref()
  }
}
