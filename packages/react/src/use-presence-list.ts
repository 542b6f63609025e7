import type { TidewireError } from '@tidewire/client'
import type { PresentMember } from '@tidewire/client/presence'
import { useCallback, useSyncExternalStore } from 'react'
import { useStores } from './provider.tsx'
import { sharedPresence } from './shared-presence.ts'

export interface UsePresenceListResult {
  /** One for each user; the same array until somebody comes, goes or changes. */
  members: readonly PresentMember[]
  /** How many are there, also while not all of them are known. */
  count: number
  loading: boolean
  /** Why it cannot be known who is there. */
  error: TidewireError | undefined
}

const NOBODY: readonly PresentMember[] = []
const ON_SERVER = { members: NOBODY, count: 0, loading: true, error: undefined }

/** Who is present in the channel, without being present oneself. Without a name nobody is. */
export function usePresenceList(name: string | null): UsePresenceListResult {
  const stores = useStores()
  const shared = sharedPresence(stores, name)
  const use = useCallback(
    (onChange: () => void) => shared?.watch(onChange) ?? (() => undefined),
    [shared],
  )
  const read = <Value>(of: (result: UsePresenceListResult) => Value): (() => Value) => {
    return () => of(shared?.list ?? ON_SERVER)
  }
  const members = useSyncExternalStore(
    use,
    read((list) => list.members),
    () => NOBODY,
  )
  const count = useSyncExternalStore(
    use,
    read((list) => list.count),
    () => 0,
  )
  const loading = useSyncExternalStore(
    use,
    read((list) => list.loading),
    () => true,
  )
  const error = useSyncExternalStore(
    use,
    read((list) => list.error),
    () => undefined,
  )
  return { members, count, loading: name !== null && loading, error }
}
