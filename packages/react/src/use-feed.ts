import type { Published, Tidewire } from '@tidewire/client'
import { type ActivityInput, type Feed, feed, type FeedState } from '@tidewire/client/feed'
import { useCallback, useMemo, useSyncExternalStore } from 'react'
import { Lease } from './lease.ts'
import { useStores } from './provider.tsx'

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
  const stores = useStores()
  const { client, lingerMs } = stores
  const shared = stores.ofFeature(
    `feed ${user ?? ''}`,
    () => new SharedFeed(client, user, lingerMs),
  )
  const state = useSyncExternalStore(
    useCallback((onChange: () => void) => shared.use(onChange), [shared]),
    () => shared.state,
    () => NOTHING,
  )
  const actions = useMemo(
    () => ({
      post: (activity: ActivityInput) => shared.open().post(activity),
      follow: (other: string) => shared.open().follow(other),
      unfollow: (other: string) => shared.open().unfollow(other),
      list: (...page: Parameters<Feed['list']>) => shared.open().list(...page),
      loadMore: () => shared.open().loadMore(),
    }),
    [shared],
  )
  return { ...state, ...actions }
}

/** One feed of one client. */
class SharedFeed {
  readonly #lease: Lease
  #feed: Feed | undefined

  constructor(client: Tidewire, user: string | undefined, lingerMs: number) {
    this.#lease = new Lease(() => {
      const made = feed(client, { user })
      this.#feed = made
      return () => {
        made.close()
        this.#feed = undefined
      }
    }, lingerMs)
  }

  get state(): FeedState {
    return this.#feed?.state ?? NOTHING
  }

  /** Throws when no component shows it any more. */
  open(): Feed {
    if (this.#feed === undefined) throw new Error('No mounted component uses this feed.')
    return this.#feed
  }

  use(onChange: () => void): () => void {
    const release = this.#lease.acquire()
    const off = this.#feed?.onChange(onChange)
    return () => {
      off?.()
      release()
    }
  }
}
