import { useNotifications } from '@tidewire/react'
import { useCallback, useEffect, useState } from 'react'
import { Feed } from './feed/feed.tsx'
import { Inbox } from './inbox/inbox.tsx'
import { usePlace, type UseThemeResult } from './lib/hooks.ts'
import { isRoom, labelOf } from './lib/rooms.ts'
import { Sheet } from './parts/sheet.tsx'
import { Rail } from './rail/rail.tsx'
import { TabBar } from './rail/tab-bar.tsx'
import { useRooms } from './rail/use-rooms.ts'
import { Room } from './room/room.tsx'
import { SearchDialog } from './search/search-dialog.tsx'
import { TideLine } from './tide-line.tsx'

interface ProductProps {
  user: string
  colours: UseThemeResult
  onSignOut: () => void
}

/** The page of somebody who picked a name: rail, place, and the tide line above all. */
export function Product({ user, colours, onSignOut }: ProductProps) {
  const place = usePlace()
  const room = isRoom(place) ? place : null
  const { rooms, remove } = useRooms(user, place)
  const { unread: notifications } = useNotifications(user)
  const { isSearching, openSearch, closeSearch } = useSearchKey()
  // Picking a place closes the sheet it was picked in.
  const [sheetOver, setSheetOver] = useState<string>()
  const closeSheet = (): void => setSheetOver(undefined)
  const unread = rooms.reduce((sum, entry) => sum + entry.unread, 0)
  const title = room === null ? TITLES[place === 'feed' ? 'feed' : 'inbox'] : labelOf(room, user)

  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${title} · Tidewire`
  }, [title, unread])

  const rail = (
    <Rail
      rooms={rooms}
      notifications={notifications}
      current={place}
      user={user}
      colours={colours}
      onPick={closeSheet}
      onSearch={() => {
        closeSheet()
        openSearch()
      }}
      onRemove={remove}
      onSignOut={onSignOut}
    />
  )
  return (
    <div className="app">
      <TideLine room={room} />
      <aside className="rail-side">{rail}</aside>
      {place === 'feed' && <Feed viewer={user} />}
      {place === 'inbox' && <Inbox viewer={user} />}
      {room !== null && <Room key={room} room={room} viewer={user} onSearch={openSearch} />}
      <TabBar
        rooms={rooms}
        notifications={notifications}
        current={place}
        viewer={user}
        onMore={() => setSheetOver(place)}
      />
      {sheetOver === place && (
        <Sheet label="Rooms and settings" onClose={closeSheet}>
          {rail}
        </Sheet>
      )}
      {isSearching && (
        <SearchDialog rooms={rooms} room={room} viewer={user} onClose={closeSearch} />
      )}
    </div>
  )
}

const TITLES = { inbox: 'Inbox', feed: 'Feed' }

/** Ctrl+K, or Cmd+K, searches from anywhere. */
function useSearchKey(): { isSearching: boolean; openSearch: () => void; closeSearch: () => void } {
  const [isSearching, setIsSearching] = useState(false)
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.key.toLowerCase() !== 'k' || !(event.ctrlKey || event.metaKey)) return
      event.preventDefault()
      setIsSearching(true)
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  return {
    isSearching,
    openSearch: useCallback(() => setIsSearching(true), []),
    closeSearch: useCallback(() => setIsSearching(false), []),
  }
}
