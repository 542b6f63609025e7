import { type Position, useChannel } from '@tidewire/react'
import { useEffect, useRef } from 'react'

/** Follows the end of a room's log, so that the rail can count what is unread. Shows nothing. */
export function RoomWatcher({
  room,
  onSeen,
}: {
  room: string
  onSeen: (room: string, position: Position) => void
}) {
  const epoch = useRef<string>(undefined)
  const reach = (offset: number | undefined): void => {
    if (epoch.current !== undefined && offset !== undefined) {
      onSeen(room, { epoch: epoch.current, offset })
    }
  }
  const { state } = useChannel(room, {
    onMessage: ({ metadata }) => reach(metadata.offset),
    onReset: (reset) => {
      epoch.current = reset.epoch
      reach(reset.offset)
    },
  })
  const position = state.name === 'subscribed' ? state.position : undefined
  useEffect(() => {
    if (!position) return
    epoch.current = position.epoch
    onSeen(room, position)
  }, [room, position, onSeen])
  return null
}
