import type { TidewireError, UseFeedResult } from '@tidewire/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'

export interface Following {
  users: ReadonlySet<string>
  problem: string | undefined
  /** Follows, or no longer does. */
  toggle: (user: string) => void
}

/** What the viewer did about a user. */
interface Deed {
  readonly isFollowed: boolean
  /** How many lists had been asked for when the server had it: those may not tell it. */
  listsBefore: number
}

const NOBODY: ReadonlySet<string> = new Set()
const NO_DEEDS: ReadonlyMap<string, Deed> = new Map()

/** Whom the viewer follows. */
export function useFollowing({ list, follow, unfollow, loading }: UseFeedResult): Following {
  const [told, setTold] = useState(NOBODY)
  /** What no list has told yet. */
  const [deeds, setDeeds] = useState(NO_DEEDS)
  const [problem, setProblem] = useState<string>()
  const lists = useRef(0)
  const users = useMemo(() => withDeeds(told, deeds), [told, deeds])

  useEffect(() => {
    if (loading) return undefined
    const asking = new AbortController()
    const { signal } = asking
    const number = (lists.current += 1)
    list('following', { limit: 1000, signal }).then(
      (page) => {
        if (signal.aborted) return
        setTold(new Set(page.users))
        setDeeds((all) => new Map([...all].filter(([, deed]) => deed.listsBefore >= number)))
      },
      // It stays as it was.
      () => undefined,
    )
    return () => asking.abort()
  }, [list, loading])

  const toggle = useCallback(
    (user: string) => {
      const before = deeds.get(user)
      const deed: Deed = { isFollowed: !users.has(user), listsBefore: Infinity }
      setDeeds((all) => withDeed(all, user, deed))
      setProblem(undefined)
      const done = deed.isFollowed ? follow(user) : unfollow(user)
      done.then(
        () => {
          deed.listsBefore = lists.current
        },
        (error: TidewireError) => {
          setDeeds((all) => (all.get(user) === deed ? withDeed(all, user, before) : all))
          setProblem(error.message)
        },
      )
    },
    [users, deeds, follow, unfollow],
  )
  return { users, problem, toggle }
}

function withDeeds(
  told: ReadonlySet<string>,
  deeds: ReadonlyMap<string, Deed>,
): ReadonlySet<string> {
  const users = new Set(told)
  for (const [user, { isFollowed }] of deeds) {
    if (isFollowed) users.add(user)
    else users.delete(user)
  }
  return users
}

function withDeed(
  deeds: ReadonlyMap<string, Deed>,
  user: string,
  deed: Deed | undefined,
): ReadonlyMap<string, Deed> {
  const next = new Map(deeds)
  if (deed === undefined) next.delete(user)
  else next.set(user, deed)
  return next
}
