import { hasStore, openStore, type Store, type StoredServerKey } from '@tidewire/server'

/** The server keys of a data directory, revoked ones included; none where there is no store. */
export async function storedKeys(data: string): Promise<readonly StoredServerKey[]> {
  if (!hasStore(data)) return []
  return withStore(data, ({ serverKeys }) => serverKeys.list())
}

/** Opens the store of a data directory, which a running server may have open, too, for some work. */
export async function withStore<T>(data: string, work: (store: Store) => Promise<T>): Promise<T> {
  let failure: unknown
  const store = await openStore({
    directory: data,
    now: Date.now,
    onKeyRevoked: () => undefined,
    onError: (error) => (failure = error),
  })
  try {
    return await work(store)
  } catch (error) {
    throw failure ?? error
  } finally {
    await store.close()
  }
}
