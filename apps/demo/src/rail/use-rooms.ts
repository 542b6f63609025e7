import { type UnreadSnapshot, useNotifications, useTidewire, useUnread } from '@tidewire/react'
import { useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { useIsVisible } from '../lib/hooks.ts'
import type { Place } from '../lib/places.ts'
import { FIRST_LIST, isRoomList, type RoomList, withoutRoom, withRooms } from '../lib/room-list.ts'
import { isDirect, isRoom, nameOf } from '../lib/rooms.ts'
import { recall, remember } from '../lib/storage.ts'

export interface RoomEntry {
  /** The channel. */
  room: string
  unread: number
  mentions: number
}

export interface UseRoomsResult {
  /** Rooms first, then direct talks. */
  rooms: readonly RoomEntry[]
  remove: (room: string) => void
}

const NOTHING = { unread: 0, mentions: 0 }

/** The rooms that the reader is in, and those of this browser. */
export function useRooms(user: string, current: Place): UseRoomsResult {
  const client = useTidewire()
  const key = `rooms.${user}`
  const [list, setList] = useState<RoomList>(() => recall(key, isRoomList) ?? FIRST_LIST)
  const { channels, recount } = useUnread()
  useBegunTalks(user, channels, recount)
  const shown = withRooms(list, channels, isRoom(current) ? current : undefined)
  if (shown !== list) setList(shown)
  useEffect(() => remember(key, shown), [key, shown])

  const remove = useCallback(
    (room: string) => {
      setList((before) => withoutRoom(before, room))
      if (isDirect(room)) return
      // Who is not in it need not leave.
      client.request('leave_room', { room: nameOf(room) }).catch(() => undefined)
    },
    [client],
  )
  // What comes in before the reader's eyes is no news.
  const seen = useIsVisible() ? current : undefined
  const rooms = useMemo(() => {
    const { names } = shown
    const ordered = [...names.filter((room) => !isDirect(room)), ...names.filter(isDirect)]
    return ordered.map((room) => {
      const { unread, mentions } = (room !== seen && channels[room]) || NOTHING
      return { room, unread, mentions }
    })
  }, [shown, channels, seen])
  return { rooms, remove }
}

/** The counts learn of a direct talk that somebody begins by the notification of it. */
function useBegunTalks(
  user: string,
  channels: UnreadSnapshot['channels'],
  recount: (channel?: string) => void,
): void {
  const { items } = useNotifications(user)
  const asked = useRef(new Set<string>())
  useEffect(() => {
    for (const { data, read } of items) {
      const channel = data?.['channel']
      if (read || !isRoom(channel) || !isDirect(channel)) continue
      if (channel in channels || asked.current.has(channel)) continue
      asked.current.add(channel)
      recount(channel)
    }
  }, [items, channels, recount])
}
