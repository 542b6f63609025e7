import { type Position, type Publication, useConnection, useTidewire } from '@tidewire/react'
import { useEffect, useRef, useState } from 'react'

export interface Missed {
  /** Messages of others. */
  readonly count: number
  /** There may be more than were counted. */
  readonly isMore: boolean
  /** The offset of the first of them. */
  readonly first: number
}

interface UseMissedResult {
  missed: Missed | undefined
  /** The reader has not been told of it, or goes on being told. */
  isNews: boolean
  /** The reader knows. */
  close: () => void
  /** The reader goes on from here. */
  forget: () => void
}

const PAGE = 500
const MAX_PAGES = 10

/** What others said while there was no connection, by the log itself: so many that one page may not hold them. */
export function useMissed(channel: string, viewer: string): UseMissedResult {
  const client = useTidewire()
  const { state } = useConnection()
  const [missed, setMissed] = useState<Missed>()
  const [isNews, setIsNews] = useState(false)
  const left = useRef<Position>(undefined)
  const isConnected = state.name === 'connected'

  useEffect(() => {
    const { position } = client.channel(channel)
    if (!isConnected) {
      left.current ??= position && { ...position }
      return undefined
    }
    const since = left.current
    if (since === undefined) return undefined
    const counting = new AbortController()
    const { signal } = counting
    const read = async (after: number): Promise<{ publications: Publication[]; more: boolean }> =>
      client.channel(channel).history({ epoch: since.epoch, after, limit: PAGE, signal })
    count(read, since.offset, viewer).then(
      (counted) => {
        if (signal.aborted) return
        left.current = undefined
        if (counted) setIsNews(true)
        setMissed((before) => (before && counted ? added(before, counted) : (counted ?? before)))
      },
      // A new life of the log, or a history that may not be read: nothing true can be said.
      () => {
        if (!signal.aborted) left.current = undefined
      },
    )
    return () => counting.abort()
  }, [client, channel, viewer, isConnected])

  return {
    missed,
    isNews,
    close: () => setIsNews(false),
    forget: () => {
      setIsNews(false)
      setMissed(undefined)
    },
  }
}

async function count(
  read: (after: number) => Promise<{ publications: Publication[]; more: boolean }>,
  since: number,
  viewer: string,
): Promise<Missed | undefined> {
  let after = since
  let first: number | undefined
  let counted = 0
  for (let pages = 1; ; pages += 1) {
    // A page begins where the one before it ended.
    // oxlint-disable-next-line no-await-in-loop
    const { publications, more } = await read(after)
    for (const { type, payload, metadata } of publications) {
      after = metadata.offset ?? after
      if (type !== 'message' || metadata.user === viewer || payload['deleted'] === true) continue
      first ??= after
      counted += 1
    }
    if (more && publications.length > 0 && pages < MAX_PAGES) continue
    return first === undefined ? undefined : { count: counted, isMore: more, first }
  }
}

/** Missed again before the reader went on. */
function added({ count: before, isMore, first }: Missed, counted: Missed): Missed {
  return { count: before + counted.count, isMore: isMore || counted.isMore, first }
}
