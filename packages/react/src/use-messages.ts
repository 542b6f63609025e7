import type { JsonObject } from '@tidewire/client'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import type { Message } from './message-list.ts'
import { NO_MESSAGES } from './no-messages.ts'
import { useStores } from './provider.tsx'
import { useChannel } from './use-channel.ts'
import type { UseMessagesOptions, UseMessagesResult } from './use-messages-types.ts'

/** History, live deliveries and own messages of a channel as one list. Without a name it is empty. */
export function useMessages<Payload extends JsonObject = JsonObject>(
  name: string | null,
  { pageSize = 50, type }: UseMessagesOptions = {},
): UseMessagesResult<Payload> {
  const stores = useStores()
  const store = name === null ? NO_MESSAGES : stores.messages(name)
  const { state, error } = useChannel(name)
  const use = useCallback(
    (onChange: () => void) => store.use(onChange, pageSize, type),
    [store, pageSize, type],
  )
  const view = useSyncExternalStore(
    use,
    () => store.view(),
    () => NO_MESSAGES.view(),
  )
  const messages = useMemo(
    () => (type === undefined ? view.messages : view.messages.filter((m) => m.type === type)),
    [view.messages, type],
  ) as readonly Message<Payload>[]
  const actions = useMemo(
    () => ({
      loadMore: () => store.loadMore(type),
      pin: (isPinned: boolean) => store.pin(isPinned),
      send: (payload: Payload) => store.send(type ?? 'message', payload),
      retry: (id: string) => store.retry(id),
      discard: (id: string) => store.discard(id),
    }),
    [store, type],
  )
  const isSearching = view.loadingMore && messages.length === 0
  const loading = (view.loading || isSearching) && !error
  return { ...view, ...actions, messages, loading, state, error: error ?? view.error }
}
