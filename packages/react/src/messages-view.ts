import { type Reset, TidewireError } from '@tidewire/client'
import type { Message, MessageList } from './message-list.ts'

/** What `useMessages` shows; the same object until something of it changes. */
export interface MessagesView {
  readonly messages: readonly Message[]
  /** The newest page has not come yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  readonly hasMore: boolean
  /** The beginning of the log is not there any more: it was trimmed by the retention of its namespace. */
  readonly expired: boolean
  /** The reset that left a hole before the first message. */
  readonly reset: Reset | undefined
  /** Why history could not be read; it is asked for again by itself when that may help. */
  readonly error: TidewireError | undefined
}

export function viewOf(
  list: MessageList,
  loadingMore: boolean,
  error: TidewireError | undefined,
): MessagesView {
  return {
    messages: list.own.length > 0 ? [...list.log, ...list.own] : list.log,
    loading: list.held !== undefined && list.log.length === 0,
    loadingMore,
    hasMore: list.hasMore,
    expired: !list.held && !list.hasMore && list.oldest > 1,
    reset: list.reset,
    error,
  }
}

/** What was thrown, as what the hooks tell of. */
export function asError(error: unknown): TidewireError {
  return error instanceof TidewireError
    ? error
    : new TidewireError('unknown_error', String(error), { cause: error })
}
