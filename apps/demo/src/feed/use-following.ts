import type { TidewireError, UseFeedResult } from '@tidewire/react'
import { useCallback, useEffect, useState } from 'react'

export interface Following {
  users: ReadonlySet<string>
  problem: string | undefined
  /** Follows, or no longer does. */
  toggle: (user: string) => void
}

const NOBODY: ReadonlySet<string> = new Set()

/** Whom the viewer follows. */
export function useFollowing({ list, follow, unfollow, loading }: UseFeedResult): Following {
  const [users, setUsers] = useState(NOBODY)
  const [problem, setProblem] = useState<string>()
  // Also after a reconnect, when the feed was fetched anew.
  useEffect(() => {
    if (loading) return undefined
    const asking = new AbortController()
    const { signal } = asking
    list('following', { limit: 1000, signal }).then(
      (page) => {
        if (!signal.aborted) setUsers(new Set(page.users))
      },
      // It stays as it was.
      () => undefined,
    )
    return () => asking.abort()
  }, [list, loading])

  const toggle = useCallback(
    (user: string) => {
      const isFollowed = users.has(user)
      const change = (to: boolean): void =>
        setUsers(
          (before) => new Set(to ? [...before, user] : [...before].filter((u) => u !== user)),
        )
      change(!isFollowed)
      setProblem(undefined)
      const deed = isFollowed ? unfollow(user) : follow(user)
      deed.catch((error: TidewireError) => {
        change(isFollowed)
        setProblem(error.message)
      })
    },
    [users, follow, unfollow],
  )
  return { users, problem, toggle }
}
