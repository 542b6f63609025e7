import { useConnection, useRoom } from '@tidewire/react'
import { carrierOf, connectionWords } from '../lib/connection-words.ts'
import { isDirect, labelOf, nameOf, otherOf } from '../lib/rooms.ts'
import { counted } from '../lib/words.ts'
import { PeopleIcon, SearchIcon } from '../parts/icons.tsx'
import { usePeople } from '../people/people.tsx'
import { PersonAvatar } from '../people/person-avatar.tsx'
import { LABELS } from '../people/status.ts'

interface RoomHeadProps {
  room: string
  viewer: string
  isJoining: boolean
  isPeopleOpen: boolean
  onPeople: () => void
  onSearch: () => void
}

export function RoomHead(props: RoomHeadProps) {
  const { room, viewer, isJoining, isPeopleOpen, onPeople, onSearch } = props
  const { state } = useConnection()
  const { tone, label } = connectionWords(state, isJoining, 0)
  const other = otherOf(room, viewer)
  const carrier = carrierOf(state)
  return (
    <header className="room-head">
      <h1>
        {other === undefined ? (
          <span className="hash" aria-hidden="true">
            #
          </span>
        ) : (
          <PersonAvatar user={other} />
        )}
        <bdi className="ellipsis">{labelOf(room, viewer)}</bdi>
        {other !== undefined && <OtherStatus user={other} />}
      </h1>
      <span className="room-status" data-tone={tone}>
        {label}
        {carrier !== undefined && <span className="room-carrier">{carrier}</span>}
      </span>
      <button
        type="button"
        className="icon-button"
        aria-label="Search messages"
        title="Search messages (Ctrl K)"
        aria-keyshortcuts="Control+K Meta+K"
        data-testid="search-button"
        onClick={onSearch}
      >
        <SearchIcon size={18} />
      </button>
      <PeopleButton room={room} isOpen={isPeopleOpen} onPress={onPeople} />
    </header>
  )
}

function OtherStatus({ user }: { user: string }) {
  const { of, isUnknown } = usePeople()
  const { availability, note } = of(user)
  if (isUnknown) return null
  return (
    <span className="room-note ellipsis" dir="auto">
      {note || LABELS[availability]}
    </span>
  )
}

interface PeopleButtonProps {
  room: string
  isOpen: boolean
  onPress: () => void
}

function PeopleButton({ room, isOpen, onPress }: PeopleButtonProps) {
  const { memberCount } = useRoom(nameOf(room))
  const words = memberCount > 0 ? `People, ${counted(memberCount, 'member')}` : 'People'
  return (
    <button
      type="button"
      className="people-button"
      data-testid="people-button"
      aria-label={words}
      title={words}
      aria-pressed={isOpen}
      onClick={onPress}
    >
      <PeopleIcon />
      {!isDirect(room) && <span>{memberCount > 0 ? memberCount : '–'}</span>}
    </button>
  )
}
