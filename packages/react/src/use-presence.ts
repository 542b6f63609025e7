import type { JsonObject, TidewireError } from '@tidewire/client'
import { useCallback, useEffect, useMemo, useSyncExternalStore } from 'react'
import { useStores } from './provider.tsx'
import { sharedPresence } from './shared-presence.ts'
import { useLatest } from './use-latest.ts'

export interface UsePresenceResult {
  /** Others see these data from now on, until `data` of the hook change. */
  update: (data: JsonObject) => void
  /** Why this client cannot be present. */
  error: TidewireError | undefined
}

/**
 * This user is present in the channel while a component is mounted, with `data`, at most 1 KiB: what counts is what is in
 * it, not which object it is. Of several components the last word holds. Without a name it does nothing.
 */
export function usePresence(name: string | null, data?: JsonObject): UsePresenceResult {
  const stores = useStores()
  const shared = sharedPresence(stores, name)
  const latest = useLatest(data)
  const error = useSyncExternalStore(
    useCallback(
      (onChange: () => void) => shared?.enter(onChange, latest()) ?? (() => undefined),
      [shared, latest],
    ),
    () => shared?.self?.error,
    () => undefined,
  )
  const text = data === undefined ? undefined : JSON.stringify(data)
  useEffect(() => {
    if (text !== undefined) shared?.say(JSON.parse(text) as JsonObject)
  }, [shared, text])
  const update = useCallback((said: JsonObject) => shared?.say(said), [shared])
  return useMemo(() => ({ update, error }), [update, error])
}
