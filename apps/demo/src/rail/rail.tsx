import { useState } from 'react'
import { type Choice, choicesOf } from '../lib/finder.ts'
import type { UseThemeResult } from '../lib/hooks.ts'
import { go, hrefOf, type Place } from '../lib/places.ts'
import { isDirect, labelOf } from '../lib/rooms.ts'
import { BellIcon, CloseIcon, FeedIcon, Mark, SearchIcon } from '../parts/icons.tsx'
import { CarrierNote } from '../people/carrier.tsx'
import { usePeople } from '../people/people.tsx'
import { PersonAvatar } from '../people/person-avatar.tsx'
import { FindField } from './find-field.tsx'
import { Me } from './me.tsx'
import { Badge, RoomLink } from './room-link.tsx'
import type { RoomEntry } from './use-rooms.ts'

interface RailProps {
  rooms: readonly RoomEntry[]
  /** Unread notifications. */
  notifications: number
  current: Place
  user: string
  colours: UseThemeResult
  /** A place was chosen, if only the one that is open. */
  onPick: () => void
  onSearch: () => void
  onRemove: (room: string) => void
  onSignOut: () => void
}

/** Where one can go, and who I am. One field finds rooms and people and, when there is no such room, makes it. */
export function Rail(props: RailProps) {
  const { rooms, user, onPick } = props
  const { people } = usePeople()
  const [filter, setFilter] = useState('')
  // Where the arrow keys went since the text changed.
  const [moved, setMoved] = useState<number>()
  const names = rooms.map(({ room }) => room)
  const others = people.map((person) => person.user)
  const { choices, preferred, isFull } = choicesOf(names, filter, user, others)
  const chosen = moved ?? preferred

  const change = (text: string): void => {
    setFilter(text)
    setMoved(undefined)
  }
  const open = (room: string): void => {
    change('')
    go(room)
    onPick()
  }
  const submit = (): void => {
    const choice = choices[chosen]
    if (choice) open(choice.room)
  }
  const move = (by: 1 | -1): void => {
    const from = chosen === -1 && by === -1 ? 0 : chosen
    if (choices.length > 0) setMoved((from + by + choices.length) % choices.length)
  }

  return (
    <nav className="rail" aria-label="Rooms">
      <header className="rail-brand">
        <Mark />
        <span>Tidewire</span>
      </header>
      <FindField value={filter} onChange={change} onMove={move} onSubmit={submit} />
      {filter === '' && <Places {...props} />}
      <ul className="rail-rooms">
        {choices.map((choice, index) => (
          <li key={choice.room} data-chosen={index === chosen || undefined}>
            {startsGroup(choices, index) && (
              <h2 className="rail-title">{isDirect(choice.room) ? 'Direct' : 'Rooms'}</h2>
            )}
            <ChoiceLink {...props} choice={choice} onOpen={open} />
          </li>
        ))}
      </ul>
      <p className="visually-hidden" role="status">
        {filter !== '' && spokenOf(choices[chosen], user)}
      </p>
      {isFull && <p className="hint">Leave a room before you open another.</p>}
      <CarrierNote />
      <Me user={user} colours={props.colours} onSignOut={props.onSignOut} />
    </nav>
  )
}

/** Found ones stand in the order of how well they fit. */
function startsGroup(choices: readonly Choice[], index: number): boolean {
  const here = choices[index]
  const before = choices[index - 1]
  return !!here && (!before || isDirect(before.room) !== isDirect(here.room))
}

function spokenOf(choice: Choice | undefined, viewer: string): string {
  if (!choice) return 'Nothing of that name.'
  const isNewRoom = choice.isNew && !isDirect(choice.room)
  return `Enter opens ${isNewRoom ? 'the new room ' : ''}${labelOf(choice.room, viewer)}.`
}

function Places({ current, notifications, onPick, onSearch }: RailProps) {
  return (
    <ul className="rail-places">
      <li>
        <button type="button" className="room-link" onClick={onSearch} data-testid="search-link">
          <SearchIcon />
          <span className="ellipsis">Search messages</span>
          <kbd aria-hidden="true">Ctrl K</kbd>
        </button>
      </li>
      <li>
        <a
          className="room-link"
          href={hrefOf('inbox')}
          onClick={onPick}
          data-testid="inbox-link"
          aria-current={current === 'inbox' ? 'page' : undefined}
          data-unread={notifications > 0 || undefined}
        >
          <BellIcon size={16} />
          <span className="ellipsis">Inbox</span>
          <Badge count={notifications} what="unread" />
        </a>
      </li>
      <li>
        <a
          className="room-link"
          href={hrefOf('feed')}
          onClick={onPick}
          data-testid="feed-link"
          aria-current={current === 'feed' ? 'page' : undefined}
        >
          <FeedIcon size={16} />
          <span className="ellipsis">Feed</span>
        </a>
      </li>
    </ul>
  )
}

interface ChoiceLinkProps extends RailProps {
  choice: Choice
  onOpen: (room: string) => void
}

function ChoiceLink(props: ChoiceLinkProps) {
  const { choice, rooms, current, user, onOpen } = props
  const { room, isNew } = choice
  const label = labelOf(room, user)
  if (isNew) {
    return (
      <button type="button" className="rail-add" onClick={() => onOpen(room)}>
        {isDirect(room) ? (
          <PersonAvatar user={label} size="tiny" />
        ) : (
          <span className="hash">+</span>
        )}
        <span className="ellipsis">{isDirect(room) ? label : `Open room “${label}”`}</span>
      </button>
    )
  }
  const entry = rooms.find((other) => other.room === room) ?? { room, unread: 0, mentions: 0 }
  return (
    <>
      <RoomLink entry={entry} viewer={user} isCurrent={room === current} onPick={props.onPick} />
      {room !== current && rooms.length > 1 && (
        <button
          type="button"
          className="rail-remove"
          aria-label={isDirect(room) ? `Hide the talk with ${label}` : `Leave ${label}`}
          title={isDirect(room) ? 'Hide' : 'Leave'}
          onClick={() => props.onRemove(room)}
        >
          <CloseIcon />
        </button>
      )}
    </>
  )
}
