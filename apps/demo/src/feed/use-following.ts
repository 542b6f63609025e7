import type { TidewireError, UseFeedResult } from '@tidewire/react'
import { useCallback, useEffect, useRef, useState } from 'react'

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
  /** What the viewer did since the list was asked for, which may not tell it. */
  const done = useRef(new Map<string, boolean>())
  // Also after a reconnect, when the feed was fetched anew.
  useEffect(() => {
    if (loading) return undefined
    const asking = new AbortController()
    const { signal } = asking
    done.current.clear()
    list('following', { limit: 1000, signal }).then(
      (page) => {
        if (signal.aborted) return
        const told = page.users.filter((user) => !done.current.has(user))
        const added = [...done.current].flatMap(([user, isFollowed]) => (isFollowed ? user : []))
        setUsers(new Set([...told, ...added]))
      },
      // It stays as it was.
      () => undefined,
    )
    return () => asking.abort()
  }, [list, loading])

  const toggle = useCallback(
    (user: string) => {
      const isFollowed = users.has(user)
      const change = (to: boolean): void => {
        done.current.set(user, to)
        setUsers(
          (before) => new Set(to ? [...before, user] : [...before].filter((u) => u !== user)),
        )
      }
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
