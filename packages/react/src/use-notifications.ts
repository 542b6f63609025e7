import {
  type Notifications,
  notifications,
  type NotificationsState,
} from '@tidewire/client/notifications'
import type { Tidewire } from '@tidewire/client'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { Lease } from './lease.ts'
import { useStores } from './provider.tsx'

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
  const stores = useStores()
  const { client, lingerMs } = stores
  const shared = stores.ofFeature(
    `notifications ${user ?? ''}`,
    () => new SharedNotifications(client, user, lingerMs),
  )
  const state = useSyncExternalStore(
    useCallback((onChange: () => void) => shared.use(onChange), [shared]),
    () => shared.state,
    () => NOTHING,
  )
  const actions = useMemo(
    () => ({
      markRead: (ids: readonly string[] | 'all') => shared.markRead(ids),
      loadMore: () => shared.loadMore(),
    }),
    [shared],
  )
  return { ...state, ...actions }
}

/** One inbox of one client. */
class SharedNotifications {
  readonly #lease: Lease
  #inbox: Notifications | undefined

  constructor(client: Tidewire, user: string | undefined, lingerMs: number) {
    this.#lease = new Lease(() => {
      const inbox = notifications(client, { user })
      this.#inbox = inbox
      return () => {
        inbox.close()
        this.#inbox = undefined
      }
    }, lingerMs)
  }

  get state(): NotificationsState {
    return this.#inbox?.state ?? NOTHING
  }

  use(onChange: () => void): () => void {
    const release = this.#lease.acquire()
    const off = this.#inbox?.onChange(onChange)
    return () => {
      off?.()
      release()
    }
  }

  async markRead(ids: readonly string[] | 'all'): Promise<void> {
    await this.#inbox?.markRead(ids).catch(undone)
  }

  async loadMore(): Promise<void> {
    await this.#inbox?.loadMore()
  }
}

/** The list shows again what the server says. */
function undone(): void {}
