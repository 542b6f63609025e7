import type { Position } from '@tidewire/react'
import { useCallback, useEffect, useState } from 'react'
import { useIsVisible } from './lib/hooks.ts'

interface UseReadingOptions {
  room: string
  /** How far the reader has come, and how far the log goes. */
  read: Position | undefined
  newest: Position | undefined
  onRead: (room: string) => void
}

interface UseReadingResult {
  /** The offset after which everything is new to the reader; undefined when nothing is. */
  readTo: number | undefined
  isAtBottom: boolean
  setIsAtBottom: (isAtBottom: boolean) => void
  /** The reader answered: nothing is new any more. */
  forget: () => void
}

/**
 * What the reader sees is read. What came before they opened the room, or while they looked elsewhere, is new and
 * stays so until they answer or look away again.
 */
export function useReading({ room, read, newest, onRead }: UseReadingOptions): UseReadingResult {
  const [isAtBottom, setIsAtBottom] = useState(true)
  const isReading = useIsVisible() && isAtBottom && newest !== undefined
  const [wasReading, setWasReading] = useState(false)
  const [readTo, setReadTo] = useState(read?.offset)

  if (wasReading !== isReading) {
    setWasReading(isReading)
    const hasNews = newest?.epoch === read?.epoch && (newest?.offset ?? 0) > (read?.offset ?? 0)
    if (isReading && !hasNews) setReadTo(undefined)
    if (!isReading) setReadTo(read?.offset)
  }
  useEffect(() => {
    if (isReading && newest) onRead(room)
  }, [isReading, onRead, room, newest])

  const forget = useCallback(() => setReadTo(undefined), [])
  return { readTo, isAtBottom, setIsAtBottom, forget }
}
