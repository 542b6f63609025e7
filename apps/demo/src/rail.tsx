import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { Avatar } from './avatar.tsx'
import { CloseIcon, LeaveIcon, Mark, MoonIcon, SearchIcon, SunIcon } from './icons.tsx'
import type { UseThemeResult } from './lib/hooks.ts'
import { hrefOf, labelOf, MAX_ROOMS, roomOf } from './lib/rooms.ts'

export interface RoomEntry {
  room: string
  unread: number
}

interface RailProps {
  rooms: RoomEntry[]
  current: string
  user: string
  colours: UseThemeResult
  onRemove: (room: string) => void
  onSignOut: () => void
}

/** Rooms, and who I am. One field finds a room and, when there is none of that name, makes it. */
export function Rail({ rooms, current, user, colours, onRemove, onSignOut }: RailProps) {
  const [filter, setFilter] = useState('')
  const wanted = roomOf(filter)
  const shown = rooms.filter(({ room }) => isMatch(room, filter))
  const isNew = wanted !== undefined && !rooms.some(({ room }) => room === wanted)
  const canAdd = isNew && rooms.length < MAX_ROOMS

  const go = (room: string): void => {
    setFilter('')
    location.hash = hrefOf(room)
  }
  const submit = (): void => {
    const first = shown[0]
    if (first) go(first.room)
    else if (canAdd) go(wanted)
  }

  return (
    <nav className="rail" aria-label="Rooms">
      <header className="rail-brand">
        <Mark />
        <span>Tidewire</span>
      </header>
      <FindField value={filter} onChange={setFilter} onSubmit={submit} />
      <ul className="rail-rooms">
        {shown.map(({ room, unread }) => (
          <li key={room}>
            <RoomLink room={room} unread={unread} isCurrent={room === current} />
            {room !== current && rooms.length > 1 && (
              <button
                type="button"
                className="rail-remove"
                aria-label={`Remove ${labelOf(room)} from the list`}
                onClick={() => onRemove(room)}
              >
                <CloseIcon />
              </button>
            )}
          </li>
        ))}
        {canAdd && (
          <li>
            <button type="button" className="rail-add" onClick={() => go(wanted)}>
              <span className="hash">+</span>
              <span className="ellipsis">Open room “{labelOf(wanted)}”</span>
            </button>
          </li>
        )}
      </ul>
      {isNew && !canAdd && <p className="hint">Remove a room before you open another.</p>}
      <Me user={user} colours={colours} onSignOut={onSignOut} />
    </nav>
  )
}

function isMatch(room: string, filter: string): boolean {
  return labelOf(room).includes(filter.trim().replace(/^#/, '').toLowerCase())
}

function FindField(props: {
  value: string
  onChange: (value: string) => void
  onSubmit: () => void
}) {
  const field = useRef<HTMLInputElement>(null)
  useEffect(() => {
    const onKey = (event: globalThis.KeyboardEvent): void => {
      if (event.key !== '/' || event.ctrlKey || event.metaKey || isTyping(event.target)) return
      if (field.current?.checkVisibility() !== true) return
      event.preventDefault()
      field.current.focus()
    }
    addEventListener('keydown', onKey)
    return () => removeEventListener('keydown', onKey)
  }, [])
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return
    if (event.key === 'Enter') props.onSubmit()
    if (event.key !== 'Escape') return
    if (props.value) event.preventDefault()
    props.onChange('')
    field.current?.blur()
  }
  return (
    <label className="find">
      <SearchIcon />
      <input
        ref={field}
        data-testid="find"
        value={props.value}
        onChange={(event) => props.onChange(event.target.value)}
        onKeyDown={onKeyDown}
        placeholder="Find or open a room"
        aria-label="Find or open a room"
        autoComplete="off"
        spellCheck={false}
        enterKeyHint="go"
      />
      <kbd aria-hidden="true">/</kbd>
    </label>
  )
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.matches('input, textarea') || target.isContentEditable)
  )
}

export function RoomLink({
  room,
  unread,
  isCurrent,
}: {
  room: string
  unread: number
  isCurrent: boolean
}) {
  return (
    <a
      className="room-link"
      href={hrefOf(room)}
      data-testid="room"
      aria-current={isCurrent ? 'page' : undefined}
      data-unread={unread > 0 || undefined}
    >
      <span className="hash" aria-hidden="true">
        #
      </span>
      <span className="ellipsis">{labelOf(room)}</span>
      {unread > 0 && (
        <span className="badge badge-accent">
          {unread > 99 ? '99+' : unread}
          <span className="visually-hidden"> unread</span>
        </span>
      )}
    </a>
  )
}

function Me({ user, colours, onSignOut }: Pick<RailProps, 'user' | 'colours' | 'onSignOut'>) {
  const { theme, toggle } = colours
  return (
    <footer className="me">
      <Avatar user={user} size="small" />
      <span className="me-name ellipsis" title={user}>
        {user}
      </span>
      <button
        type="button"
        className="icon-button"
        onClick={toggle}
        aria-label={theme === 'dark' ? 'Use light colours' : 'Use dark colours'}
      >
        {theme === 'dark' ? <SunIcon /> : <MoonIcon />}
      </button>
      <button
        type="button"
        className="icon-button"
        onClick={onSignOut}
        aria-label="Change name"
        title="Change name"
      >
        <LeaveIcon />
      </button>
    </footer>
  )
}
