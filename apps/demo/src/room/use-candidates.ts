import type { UseRoomResult } from '@tidewire/react'
import { useEffect, useMemo } from 'react'
import { otherOf } from '../lib/rooms.ts'
import { usePeople } from '../people/people.tsx'

/** Whom a mention may mean: who is here first, then everybody else. */
export function useCandidates(
  here: UseRoomResult,
  room: string,
  viewer: string,
): readonly string[] {
  const { people, onMet } = usePeople()
  const { members, messages } = here
  const inRoom = useMemo(() => {
    const authors = messages.flatMap(({ user }) => user ?? [])
    const users = new Set([...members, ...authors])
    users.delete(viewer)
    return [...users].toSorted((a, b) => a.localeCompare(b))
  }, [members, messages, viewer])
  const other = otherOf(room, viewer)
  useEffect(() => onMet(other === undefined ? inRoom : [other]), [inRoom, other, onMet])
  return useMemo(() => {
    if (other !== undefined) return [other]
    return [...new Set([...inRoom, ...people.map(({ user }) => user)])]
  }, [inRoom, people, other])
}
