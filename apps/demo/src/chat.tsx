import { useChannel } from '@tidewire/react'
import { useEffect, useState } from 'react'
import { useRoom, useRooms, type UseThemeResult } from './lib/hooks.ts'
import { unreadOf } from './lib/read-marks.ts'
import { labelOf } from './lib/rooms.ts'
import { Rail } from './rail.tsx'
import { RoomWatcher } from './room-watcher.tsx'
import { Room } from './room.tsx'
import { Sheet } from './sheet.tsx'
import { TabBar } from './tab-bar.tsx'
import { TideLine } from './tide-line.tsx'
import { useReadMarks } from './use-read-marks.ts'

/** The page of somebody who picked a name: rail, room, and the tide line above both. */
export function Chat({
  user,
  colours,
  onSignOut,
}: {
  user: string
  colours: UseThemeResult
  onSignOut: () => void
}) {
  const room = useRoom()
  const { rooms, remove } = useRooms(room)
  const { marks, onSeen, onRead } = useReadMarks(user)
  const { state } = useChannel(room)
  // Picking a room closes the sheet it was picked in.
  const [sheetOver, setSheetOver] = useState<string>()
  const closeSheet = (): void => setSheetOver(undefined)
  const entries = rooms.map((name) => ({ room: name, unread: unreadOf(marks, name) }))
  const unread = entries.reduce((sum, entry) => sum + entry.unread, 0)

  useEffect(() => {
    document.title = `${unread > 0 ? `(${unread}) ` : ''}${labelOf(room)} · Tidewire`
  }, [room, unread])

  const rail = (
    <Rail
      rooms={entries}
      current={room}
      user={user}
      colours={colours}
      onPick={closeSheet}
      onRemove={remove}
      onSignOut={onSignOut}
    />
  )
  return (
    <div className="app">
      <TideLine room={state} />
      <aside className="rail-side">{rail}</aside>
      <Room
        key={room}
        room={room}
        user={user}
        read={marks.read[room]}
        newest={marks.newest[room]}
        onRead={onRead}
      />
      <TabBar rooms={entries} current={room} onMore={() => setSheetOver(room)} />
      {sheetOver === room && <Sheet onClose={closeSheet}>{rail}</Sheet>}
      {rooms.map((name) => (
        <RoomWatcher key={name} room={name} onSeen={onSeen} />
      ))}
    </div>
  )
}
