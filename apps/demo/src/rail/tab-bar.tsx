import { useEffect, useRef } from 'react'
import { hrefOf, type Place } from '../lib/places.ts'
import { BellIcon, FeedIcon, MenuIcon } from '../parts/icons.tsx'
import { Badge, RoomLink } from './room-link.tsx'
import type { RoomEntry } from './use-rooms.ts'

interface TabBarProps {
  rooms: readonly RoomEntry[]
  notifications: number
  current: Place
  viewer: string
  onMore: () => void
}

/** The rail of a narrow screen. */
export function TabBar({ rooms, notifications, current, viewer, onMore }: TabBarProps) {
  const list = useRef<HTMLUListElement>(null)
  useEffect(() => {
    const here = list.current?.querySelector(`[href="${hrefOf(current)}"]`)
    here?.scrollIntoView({ block: 'nearest', inline: 'nearest' })
  }, [current])
  return (
    <nav className="tab-bar" aria-label="Rooms">
      <ul ref={list}>
        {rooms.map((entry) => (
          <li key={entry.room}>
            <RoomLink entry={entry} viewer={viewer} isCurrent={entry.room === current} />
          </li>
        ))}
      </ul>
      <a
        className="icon-button tab-place"
        href={hrefOf('inbox')}
        aria-label={notifications > 0 ? `Inbox, ${notifications} unread` : 'Inbox'}
        aria-current={current === 'inbox' ? 'page' : undefined}
      >
        <BellIcon />
        <Badge count={notifications} what="unread" />
      </a>
      <a
        className="icon-button tab-place"
        href={hrefOf('feed')}
        aria-label="Feed"
        aria-current={current === 'feed' ? 'page' : undefined}
      >
        <FeedIcon />
      </a>
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
