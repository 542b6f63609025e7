import { NO_UNREAD, type UnreadSnapshot } from '@tidewire/client/chat'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { useStores } from './provider.tsx'
import { unreadOf } from './unread-store.ts'

export interface UseUnreadResult extends UnreadSnapshot {
  /** Asks the server again, for one channel or for all: as when the app learned that somebody began a direct talk. */
  recount: (channel?: string) => void
}

/** What is unread over all rooms and direct talks of this user, live; channel → `{ unread, mentions, lastRead }`. */
export function useUnread(): UseUnreadResult {
  const store = unreadOf(useStores())
  const snapshot = useSyncExternalStore(
    useCallback((onChange: () => void) => store.use(onChange), [store]),
    () => store.unread.snapshot,
    () => NO_UNREAD,
  )
  const recount = useCallback((channel?: string) => store.unread.recount(channel), [store])
  return useMemo(() => ({ ...snapshot, recount }), [snapshot, recount])
}
