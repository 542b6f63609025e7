import { type KeyboardEvent, useEffect, useRef, useState } from 'react'
import { Avatar } from './avatar.tsx'
import { CloseIcon, LeaveIcon, Mark, MoonIcon, SearchIcon, SunIcon } from './icons.tsx'
import type { UseThemeResult } from './lib/hooks.ts'
import { type Choice, choicesOf } from './lib/finder.ts'
import { hrefOf, labelOf } from './lib/rooms.ts'

export interface RoomEntry {
  room: string
  unread: number
}

interface RailProps {
  rooms: RoomEntry[]
  current: string
  user: string
  colours: UseThemeResult
  /** A room was chosen, if only the one that is open. */
  onPick: () => void
  onRemove: (room: string) => void
  onSignOut: () => void
}

/** Rooms, and who I am. One field finds a room and, when there is none of that name, makes it. */
export function Rail({ rooms, current, user, colours, onPick, onRemove, onSignOut }: RailProps) {
  const [filter, setFilter] = useState('')
  // Where the arrow keys went since the text changed.
  const [moved, setMoved] = useState<number>()
  const names = rooms.map(({ room }) => room)
  const { choices, preferred, isFull } = choicesOf(names, filter)
  const chosen = moved ?? preferred
  const unread = new Map(rooms.map((entry) => [entry.room, entry.unread]))

  const change = (text: string): void => {
    setFilter(text)
    setMoved(undefined)
  }
  const go = (room: string): void => {
    change('')
    location.hash = hrefOf(room)
    onPick()
  }
  const submit = (): void => {
    const choice = choices[chosen]
    if (choice) go(choice.room)
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
      <ul className="rail-rooms">
        {choices.map(({ room, isNew }, index) => (
          <li key={room} data-chosen={index === chosen || undefined}>
            {isNew ? (
              <button type="button" className="rail-add" onClick={() => go(room)}>
                <span className="hash">+</span>
                <span className="ellipsis">Open room “{labelOf(room)}”</span>
              </button>
            ) : (
              <RoomLink
                room={room}
                unread={unread.get(room) ?? 0}
                isCurrent={room === current}
                onPick={onPick}
              />
            )}
            {!isNew && room !== current && rooms.length > 1 && (
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
      </ul>
      <p className="visually-hidden" role="status">
        {filter !== '' && spokenOf(choices[chosen])}
      </p>
      {isFull && <p className="hint">Remove a room before you open another.</p>}
      <Me user={user} colours={colours} onSignOut={onSignOut} />
    </nav>
  )
}

function spokenOf(choice: Choice | undefined): string {
  if (!choice) return 'No room of that name.'
  return `Enter opens ${choice.isNew ? 'the new room ' : ''}${labelOf(choice.room)}.`
}

function FindField(props: {
  value: string
  onChange: (value: string) => void
  onMove: (by: 1 | -1) => void
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
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      props.onMove(event.key === 'ArrowDown' ? 1 : -1)
    }
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
  onPick,
}: {
  room: string
  unread: number
  isCurrent: boolean
  onPick?: () => void
}) {
  return (
    <a
      className="room-link"
      href={hrefOf(room)}
      onClick={onPick}
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
