import type { Tidewire } from '@tidewire/client'
import { useCallback, useSyncExternalStore } from 'react'
import { Lease } from './lease.ts'
import { useStores } from './provider.tsx'

/** What the client keeps of one thing, such as an inbox, until it is closed. */
interface OpenStore<State> {
  readonly state: State
  onChange(listener: () => void): () => void
  close(): void
}

/**
 * What the store that `open` makes holds, however many components of this client use it under the same `key`: it is open as
 * long as one does. `nothing` is what there is before.
 */
export function useSharedStore<State, Store extends OpenStore<State>>(
  key: string,
  open: (client: Tidewire) => Store,
  nothing: State,
): { state: State; shared: SharedStore<State, Store> } {
  const stores = useStores()
  const { client, lingerMs } = stores
  const shared = stores.ofFeature(
    key,
    () => new SharedStore<State, Store>(() => open(client), lingerMs),
  )
  const state = useSyncExternalStore(
    useCallback((onChange: () => void) => shared.use(onChange), [shared]),
    () => shared.store?.state ?? nothing,
    () => nothing,
  )
  return { state, shared }
}

/** One store of one client. */
export class SharedStore<State, Store extends OpenStore<State>> {
  readonly #lease: Lease
  #store: Store | undefined

  constructor(open: () => Store, lingerMs: number) {
    this.#lease = new Lease(() => {
      const made = open()
      this.#store = made
      return () => {
        made.close()
        this.#store = undefined
      }
    }, lingerMs)
  }

  /** Undefined while no component uses it. */
  get store(): Store | undefined {
    return this.#store
  }

  use(onChange: () => void): () => void {
    const release = this.#lease.acquire()
    const off = this.#store?.onChange(onChange)
    return () => {
      off?.()
      release()
    }
  }
}
