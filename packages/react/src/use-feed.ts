import type { Published } from '@tidewire/client'
import { type ActivityInput, type Feed, feed, type FeedState } from '@tidewire/client/feed'
import { useMemo } from 'react'
import { useSharedStore } from './use-shared-store.ts'

export interface UseFeedResult extends FeedState {
  /** Says it to all followers. Rejects with what the server refused it for. */
  post: (activity: ActivityInput) => Promise<Published>
  follow: (user: string) => Promise<void>
  unfollow: (user: string) => Promise<void>
  /** A page of those whom this user follows, or who follow this user. */
  list: Feed['list']
  /** Fetches an older page; harmless when there is none, or one is on its way. Never rejects. */
  loadMore: () => Promise<void>
}

const NOTHING: FeedState = {
  entries: [],
  loading: true,
  loadingMore: false,
  hasMore: false,
  error: undefined,
}

/** The feed of the client's user, however many components show it. Over SSE and long polling pass the `user`. */
export function useFeed(user?: string): UseFeedResult {
  const { state, shared } = useSharedStore<FeedState, Feed>(
    `feed ${user ?? ''}`,
    (client) => feed(client, { user }),
    NOTHING,
  )
  const actions = useMemo(() => {
    const open = (): Feed => {
      if (shared.store === undefined) throw new Error('No mounted component uses this feed.')
      return shared.store
    }
    return {
      post: (activity: ActivityInput) => open().post(activity),
      follow: (other: string) => open().follow(other),
      unfollow: (other: string) => open().unfollow(other),
      list: (...page: Parameters<Feed['list']>) => open().list(...page),
      loadMore: () => open().loadMore(),
    }
  }, [shared])
  return { ...state, ...actions }
}
