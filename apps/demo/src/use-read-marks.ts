import type { Position } from '@tidewire/react'
import { useCallback, useEffect, useState } from 'react'
import { isPositions, readAll, type ReadMarks, seen } from './lib/read-marks.ts'
import { recall, remember } from './lib/storage.ts'

export interface UseReadMarksResult {
  marks: ReadMarks
  onSeen: (room: string, position: Position) => void
  onRead: (room: string) => void
}

/** How far this user has read, kept in this browser. */
export function useReadMarks(user: string): UseReadMarksResult {
  const key = `read.${user}`
  const [marks, setMarks] = useState<ReadMarks>(() => ({
    newest: {},
    read: recall(key, isPositions) ?? {},
  }))
  useEffect(() => remember(key, marks.read), [key, marks.read])
  const onSeen = useCallback(
    (room: string, position: Position) => setMarks((before) => seen(before, room, position)),
    [],
  )
  const onRead = useCallback((room: string) => setMarks((before) => readAll(before, room)), [])
  return { marks, onSeen, onRead }
}
