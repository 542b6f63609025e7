import type { JsonObject, SubscriptionState, TidewireError } from '@tidewire/client'
import type { Message } from './message-list.ts'
import type { MessagesView } from './messages-view.ts'

export interface UseMessagesOptions {
  /** Messages of one page of history, 1 to 500; the first component that uses the channel decides. Default 50. */
  pageSize?: number
  /** Only publications of this type, which is also what `send` publishes. Default: all, and `message`. */
  type?: string
}

export interface UseMessagesResult<Payload extends JsonObject> extends Omit<
  MessagesView,
  'messages'
> {
  /** Ascending by offset, each once; own messages that the log does not have yet come last. */
  messages: readonly Message<Payload>[]
  state: SubscriptionState
  /** Why the channel may not be read, or its history could not be. */
  error: TidewireError | undefined
  /**
   * Fetches an older page, or a few until one has a message of `type`; harmless when there is none, or one is on its
   * way. What fails for a while is tried again. Never rejects.
   */
  loadMore: () => Promise<void>
  /** Tell it while the reader is further up: then what they look at stays, however many messages arrive. */
  pin: (isPinned: boolean) => void
  /** Publishes; the message is in the list at once. Returns its id. */
  send: (payload: Payload) => string
  /** Sends a failed message again. */
  retry: (id: string) => void
  /** Takes a failed message out of the list. */
  discard: (id: string) => void
}
