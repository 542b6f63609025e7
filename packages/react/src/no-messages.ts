import type { MessageStore } from './message-store.ts'
import type { MessagesView } from './messages-view.ts'

const VIEW: MessagesView = {
  messages: [],
  loading: false,
  loadingMore: false,
  hasMore: false,
  expired: false,
  reset: undefined,
  error: undefined,
}

/** The messages of no channel. */
export const NO_MESSAGES: Pick<MessageStore, keyof MessageStore> = {
  use: () => () => undefined,
  view: () => VIEW,
  loadMore: () => Promise.resolve(),
  pin: () => undefined,
  send: () => {
    throw new Error('There is no channel to send to: the name is null.')
  },
  retry: () => undefined,
  discard: () => undefined,
}
