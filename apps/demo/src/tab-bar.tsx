import { useEffect, useRef } from 'react'
import { MenuIcon } from './icons.tsx'
import { hrefOf } from './lib/rooms.ts'
import { type RoomEntry, RoomLink } from './rail.tsx'

interface TabBarProps {
  rooms: RoomEntry[]
  current: string
  onMore: () => void
}

/** The rail of a narrow screen. */
export function TabBar({ rooms, current, onMore }: TabBarProps) {
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    const here = list.current?.querySelector(`[href="${hrefOf(current)}"]`)
    here?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [current])
  return (
    <nav className="tab-bar" aria-label="Rooms">
      <ul ref={list}>
        {rooms.map(({ room, unread }) => (
          <li key={room}>
            <RoomLink room={room} unread={unread} isCurrent={room === current} />
          </li>
        ))}
      </ul>
      <button
        type="button"
        className="icon-button"
        onClick={onMore}
        aria-label="All rooms and settings"
      >
        <MenuIcon />
      </button>
    </nav>
  )
}
