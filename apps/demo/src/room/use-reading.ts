import type { RoomSnapshot } from '@tidewire/react'
import { useCallback, useState } from 'react'
import { useIsVisible } from '../lib/hooks.ts'

interface UseReadingResult {
  /** The offset after which everything is new to the reader; undefined when nothing is. */
  readTo: number | undefined
  isAtBottom: boolean
  setIsAtBottom: (isAtBottom: boolean) => void
  /** The reader answered: nothing is new any more. */
  forget: () => void
}

/**
 * What came before the reader opened the room, or while they looked elsewhere, is new and stays so until they answer or
 * look away again, also when it has been read meanwhile.
 */
export function useReading({
  status,
  lastRead,
  unread,
}: Pick<RoomSnapshot, 'status' | 'lastRead' | 'unread'>): UseReadingResult {
  const [isAtBottom, setIsAtBottom] = useState(true)
  const isReading = useIsVisible() && isAtBottom
  const [wasReading, setWasReading] = useState(isReading)
  const [readTo, setReadTo] = useState<number>()
  // Only who joined knows.
  const isKnown = status === 'joined'
  const [wasKnown, setWasKnown] = useState(false)

  if (isKnown && !wasKnown) {
    setWasKnown(true)
    setReadTo(unread > 0 ? lastRead : undefined)
  }
  if (wasReading !== isReading) {
    setWasReading(isReading)
    if (!isReading) setReadTo(isKnown ? lastRead : undefined)
    else if (unread === 0) setReadTo(undefined)
  }

  const forget = useCallback(() => setReadTo(undefined), [])
  return { readTo, isAtBottom, setIsAtBottom, forget }
}
