import type { Tidewire, TidewireError } from '@tidewire/client'
import { type FoundMessage, type FoundPage, searchMessages } from '@tidewire/client/chat'
import { useCallback, useEffect, useMemo, useState } from 'react'
import { useTidewire } from './provider.tsx'

export interface Found extends FoundMessage {
  /** The room or direct talk that it is in. */
  readonly name: string
}

export interface UseSearchResult {
  /** Newest first, over all the rooms. Those of the query before while the next are on their way. */
  messages: readonly Found[]
  /** The query that `messages` answer; undefined before the first answer. */
  answered: string | undefined
  loading: boolean
  /** There are older ones. */
  hasMore: boolean
  /** Why one of the rooms could not be searched; the others are in `messages`. */
  error: TidewireError | undefined
  /** Searches further back. Never rejects. */
  loadMore: () => Promise<void>
}

interface Answer {
  query: string
  /** The rooms, and the query. */
  to: string
  pages: Readonly<Record<string, FoundPage>>
  error: TidewireError | undefined
}

/** Messages with the words of `query` in these rooms and direct talks. Without a letter or a number it does nothing. */
export function useSearch(names: readonly string[], query: string): UseSearchResult {
  const client = useTidewire()
  const [answer, setAnswer] = useState<Answer>()
  const [isLoadingMore, setIsLoadingMore] = useState(false)
  const to = JSON.stringify([query, ...names])
  const isEmpty = !/[\p{L}\p{N}]/u.test(query)

  useEffect(() => {
    if (isEmpty) return undefined
    const asking = new AbortController()
    const { signal } = asking
    const search = async (): Promise<void> => {
      const next = await ask(client, to, {}, signal)
      if (!signal.aborted) setAnswer(next)
    }
    void search()
    return () => asking.abort()
  }, [client, to, isEmpty])

  const loadMore = useCallback(async () => {
    if (answer?.to !== to || isLoadingMore) return
    setIsLoadingMore(true)
    const next = await ask(client, to, answer.pages)
    setIsLoadingMore(false)
    // Something else may have been searched for meanwhile.
    setAnswer((now) => (now === answer ? next : now))
  }, [client, to, answer, isLoadingMore])

  const shown = isEmpty ? undefined : answer
  const pages = shown?.pages ?? NONE
  return {
    messages: useMemo(() => merged(pages), [pages]),
    answered: shown?.query,
    loading: !isEmpty && (isLoadingMore || answer?.to !== to),
    hasMore: Object.values(pages).some(({ more }) => more),
    error: shown?.error,
    loadMore,
  }
}

const NONE: Answer['pages'] = {}
const PAGE = 20

/** The next page of each of the rooms that have one. Never rejects. */
async function ask(
  client: Tidewire,
  to: string,
  before: Answer['pages'],
  signal?: AbortSignal,
): Promise<Answer> {
  const [query = '', ...names] = JSON.parse(to) as string[]
  const asked = await Promise.allSettled(
    names
      .filter((name) => before[name]?.more ?? true)
      .map(async (name) => {
        const known = before[name]?.messages ?? []
        const options = { before: known.at(-1)?.offset, limit: PAGE, signal }
        const { messages, more } = await searchMessages(client, name, query, options)
        return [name, { messages: [...known, ...messages], more }] as const
      }),
  )
  const had = asked.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []))
  const refused = asked.flatMap((one) =>
    one.status === 'rejected' ? [one.reason as TidewireError] : [],
  )
  // Beside rooms that may be read, one that may not is no news.
  const isPartial = had.length > 0 || Object.keys(before).length > 0
  const error = refused.find(({ reason }) => !isPartial || reason !== 'forbidden')
  return { query, to, pages: { ...before, ...Object.fromEntries(had) }, error }
}

function merged(pages: Answer['pages']): readonly Found[] {
  return Object.entries(pages)
    .flatMap(([name, page]) => page.messages.map((message) => ({ ...message, name })))
    .toSorted((a, b) => b.at - a.at)
}
