import type { TidewireError } from '@tidewire/client'
import {
  notificationPreferences,
  type NotificationPreferences,
  setNotificationPreferences,
} from '@tidewire/client/notifications'
import { useCallback, useEffect, useRef, useState } from 'react'
import { useTidewire } from './provider.tsx'

export interface UseNotificationPreferencesResult {
  /** Undefined until they are known. */
  preferences: NotificationPreferences | undefined
  /** Why they cannot be had, or why they were not kept; then they are what the server has. */
  error: TidewireError | undefined
  /** Changes them at once, and sends them. Never rejects. */
  save: (preferences: NotificationPreferences) => Promise<void>
  /** Asks the server for them again. Never rejects. */
  reload: () => Promise<void>
}

/** What reaches the client's user, and when it is quiet around them. */
export function useNotificationPreferences(): UseNotificationPreferencesResult {
  const client = useTidewire()
  const [preferences, setPreferences] = useState<NotificationPreferences>()
  const [error, setError] = useState<TidewireError>()
  const kept = useRef<NotificationPreferences>(undefined)
  const last = useRef(0)
  const sent = useRef<Promise<void>>(undefined)

  const load = useCallback(
    (signal?: AbortSignal) =>
      notificationPreferences(client, { signal }).then(
        (had) => {
          if (signal?.aborted) return
          kept.current = had
          setPreferences(had)
          setError(undefined)
        },
        (refusal: TidewireError) => {
          if (!signal?.aborted) setError(refusal)
        },
      ),
    [client],
  )
  useEffect(() => {
    const loading = new AbortController()
    void load(loading.signal)
    return () => loading.abort()
  }, [load])

  const save = useCallback(
    (wanted: NotificationPreferences) => {
      const save = ++last.current
      setPreferences(wanted)
      setError(undefined)
      // One request at a time: two at once may reach the server in either order.
      const send = async (before: Promise<void> | undefined): Promise<void> => {
        await before
        try {
          // What was wanted after it decides.
          if (save === last.current) kept.current = await setNotificationPreferences(client, wanted)
        } catch (refusal) {
          if (save !== last.current) return
          setPreferences(kept.current)
          setError(refusal as TidewireError)
        }
      }
      sent.current = send(sent.current)
      return sent.current
    },
    [client],
  )
  return { preferences, error, save, reload: useCallback(() => load(), [load]) }
}
