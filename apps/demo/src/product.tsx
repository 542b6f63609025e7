import { useNotifications } from '@tidewire/react'
import { lazy, Suspense, useEffect, useState } from 'react'
import { useMedia, usePlace, type UseThemeResult } from './lib/hooks.ts'
import { isRoom, labelOf } from './lib/rooms.ts'
import { recall, remember } from './lib/storage.ts'
import { Skeleton } from './parts/notice.tsx'
import { Sheet } from './parts/sheet.tsx'
import { Rail } from './rail/rail.tsx'
import { TabBar } from './rail/tab-bar.tsx'
import { useRooms } from './rail/use-rooms.ts'
import { Room } from './room/room.tsx'
import { useChannelState } from './room/use-channel-state.ts'
import { TideLine } from './tide-line.tsx'

const Inbox = lazy(async () => ({ default: (await import('./inbox/inbox.tsx')).Inbox }))
const Feed = lazy(async () => ({ default: (await import('./feed/feed.tsx')).Feed }))
const PeoplePanel = lazy(async () => ({
  default: (await import('./people/people-panel.tsx')).PeoplePanel,
}))

/** Below, the people are a sheet above the room. */
const WIDE = '(min-width: 900px)'

interface ProductProps {
  user: string
  colours: UseThemeResult
  onSignOut: () => void
}

/** The page of somebody who picked a name: rail, place, people, and the tide line above all. */
export function Product({ user, colours, onSignOut }: ProductProps) {
  const place = usePlace()
  const room = isRoom(place) ? place : null
  const { rooms, remove } = useRooms(user, place)
  const { unread: notifications } = useNotifications(user)
  const { isPeopleOpen, togglePeople } = usePeoplePanel()
  // Picking a place closes the sheet it was picked in.
  const [sheetOver, setSheetOver] = useState<string>()
  const closeSheet = (): void => setSheetOver(undefined)
  const subscription = useChannelState(room)
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
      onRemove={remove}
      onSignOut={onSignOut}
    />
  )
  return (
    <div className="app">
      <TideLine room={subscription} />
      <aside className="rail-side">{rail}</aside>
      {room === null ? (
        <Suspense fallback={<Loading />}>
          {place === 'feed' ? <Feed viewer={user} /> : <Inbox viewer={user} />}
        </Suspense>
      ) : (
        <Room
          key={room}
          room={room}
          viewer={user}
          isPeopleOpen={isPeopleOpen}
          onPeople={togglePeople}
        />
      )}
      {isPeopleOpen && room !== null && <People viewer={user} room={room} onClose={togglePeople} />}
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
    </div>
  )
}

const TITLES = { inbox: 'Inbox', feed: 'Feed' }

interface PeopleProps {
  viewer: string
  room: string
  onClose: () => void
}

/** Beside the room where there is space, else above it. */
function People(props: PeopleProps) {
  const isWide = useMedia(WIDE)
  const panel = (
    <Suspense fallback={<Skeleton label="people" />}>
      <PeoplePanel {...props} />
    </Suspense>
  )
  if (isWide) return <aside className="side">{panel}</aside>
  return (
    <Sheet label="People" onClose={props.onClose}>
      {panel}
    </Sheet>
  )
}

const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'

/** Open where it fits, unless the reader closed it; a sheet opens when it is asked for. */
function usePeoplePanel(): { isPeopleOpen: boolean; togglePeople: () => void } {
  const isWide = useMedia(WIDE)
  const [isWanted, setIsWanted] = useState(() => recall('people-open', isFlag) ?? true)
  const [isSheetOpen, setIsSheetOpen] = useState(false)
  const togglePeople = (): void => {
    if (!isWide) return setIsSheetOpen(!isSheetOpen)
    setIsWanted(!isWanted)
    remember('people-open', !isWanted)
  }
  return { isPeopleOpen: isWide ? isWanted : isSheetOpen, togglePeople }
}

function Loading() {
  return (
    <main className="page">
      <Skeleton label="the page" />
    </main>
  )
}
