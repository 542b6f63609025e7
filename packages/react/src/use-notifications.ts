import {
  type Notifications,
  notifications,
  type NotificationsState,
} from '@tidewire/client/notifications'
import { useMemo } from 'react'
import { useSharedStore } from './use-shared-store.ts'

export interface UseNotificationsResult extends NotificationsState {
  /** Marks them at once, on every device. What the server refuses is undone. Never rejects. */
  markRead: (ids: readonly string[] | 'all') => Promise<void>
  /** Fetches an older page; harmless when there is none, or one is on its way. Never rejects. */
  loadMore: () => Promise<void>
}

const NOTHING: NotificationsState = {
  items: [],
  unread: 0,
  loading: true,
  loadingMore: false,
  hasMore: false,
  error: undefined,
}

/** The inbox of the client's user, however many components show it. Over SSE and long polling pass the `user`. */
export function useNotifications(user?: string): UseNotificationsResult {
  const { state, shared } = useSharedStore<NotificationsState, Notifications>(
    `notifications ${user ?? ''}`,
    (client) => notifications(client, { user }),
    NOTHING,
  )
  const actions = useMemo(
    () => ({
      markRead: async (ids: readonly string[] | 'all') => {
        await shared.store?.markRead(ids).catch(undone)
      },
      loadMore: async () => {
        await shared.store?.loadMore()
      },
    }),
    [shared],
  )
  return { ...state, ...actions }
}

/** The list shows again what the server says. */
function undone(): void {}
