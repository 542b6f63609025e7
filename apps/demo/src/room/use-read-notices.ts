import { type UseRoomResult, useNotifications } from '@tidewire/react'
import { useEffect } from 'react'

/** Who has read a message in its room need not read in the inbox that it is there. */
export function useReadNotices(
  { messages, lastRead }: UseRoomResult,
  room: string,
  viewer: string,
): void {
  const { items, markRead } = useNotifications(viewer)
  useEffect(() => {
    const ids = items
      .filter(({ read, data }) => !read && data?.['channel'] === room)
      .filter(({ data }) => {
        const about = messages.find(({ id }) => id === data?.['message_id'])
        return about?.offset !== undefined && about.offset <= lastRead
      })
      .map(({ id }) => id)
    if (ids.length > 0) void markRead(ids)
  }, [items, messages, lastRead, room, markRead])
}
