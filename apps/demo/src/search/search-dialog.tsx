import { type Found, useSearch } from '@tidewire/react'
import { type KeyboardEvent, useId, useMemo, useState } from 'react'
import { useLater } from '../lib/hooks.ts'
import { go } from '../lib/places.ts'
import { labelOf, nameOf } from '../lib/rooms.ts'
import { CloseIcon, SearchIcon } from '../parts/icons.tsx'
import { Sheet } from '../parts/sheet.tsx'
import type { RoomEntry } from '../rail/use-rooms.ts'
import { SearchResults } from './search-results.tsx'

interface SearchDialogProps {
  rooms: readonly RoomEntry[]
  /** The room that is open, by its channel; null elsewhere. */
  room: string | null
  viewer: string
  onClose: () => void
}

const PAUSE_MS = 150

/** Finds messages by their words, and leads to them. */
export function SearchDialog({ rooms, room, viewer, onClose }: SearchDialogProps) {
  const [text, setText] = useState('')
  const [isEverywhere, setIsEverywhere] = useState(room === null)
  // Where the arrow keys went since the text changed.
  const [moved, setMoved] = useState(0)
  const id = useId()
  const names = useMemo(() => {
    if (!isEverywhere && room !== null) return [nameOf(room)]
    return rooms.map((entry) => nameOf(entry.room))
  }, [isEverywhere, room, rooms])
  const search = useSearch(names, useLater(text.trim(), PAUSE_MS))
  const { messages } = search
  const chosen = Math.min(moved, messages.length - 1)

  const open = ({ name, offset }: Found): void => {
    onClose()
    go(channelOf(name), { offset })
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return
    const found = messages[chosen]
    if (event.key === 'Enter') {
      // Its line break would go where the focus goes back to.
      event.preventDefault()
      if (found) open(found)
    }
    if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return
    event.preventDefault()
    const next = chosen + (event.key === 'ArrowDown' ? 1 : -1)
    setMoved(Math.max(0, Math.min(messages.length - 1, next)))
  }
  return (
    <Sheet label="Search messages" kind="palette" onClose={onClose}>
      <div className="search" data-testid="search">
        <div className="search-line">
          <SearchIcon size={18} />
          <input
            value={text}
            onChange={(event) => {
              setText(event.target.value)
              setMoved(0)
            }}
            onKeyDown={onKeyDown}
            placeholder="Search messages"
            aria-label="Search messages"
            role="combobox"
            aria-expanded={messages.length > 0}
            aria-controls={`${id}-list`}
            aria-activedescendant={chosen >= 0 ? `${id}-${chosen}` : undefined}
            autoComplete="off"
            spellCheck={false}
            enterKeyHint="search"
            maxLength={200}
            data-testid="search-field"
            // What the dialog is for.
            autoFocus
          />
          <button type="button" className="icon-button" aria-label="Close search" onClick={onClose}>
            <CloseIcon />
          </button>
        </div>
        {room !== null && (
          <Scope
            label={labelOf(room, viewer)}
            isDirect={room.startsWith('dm:')}
            isEverywhere={isEverywhere}
            onChange={setIsEverywhere}
          />
        )}
        <SearchResults
          id={id}
          search={search}
          text={text.trim()}
          chosen={chosen}
          viewer={viewer}
          isEverywhere={isEverywhere}
          onEverywhere={() => setIsEverywhere(true)}
          onOpen={open}
        />
      </div>
    </Sheet>
  )
}

const channelOf = (name: string): string => (name.startsWith('dm:') ? name : `chat:${name}`)

interface ScopeProps {
  label: string
  isDirect: boolean
  isEverywhere: boolean
  onChange: (isEverywhere: boolean) => void
}

function Scope({ label, isDirect, isEverywhere, onChange }: ScopeProps) {
  const name = useId()
  const choices = [
    { words: isDirect ? `With ${label}` : `In #${label}`, value: false },
    { words: 'Everywhere', value: true },
  ]
  return (
    <fieldset className="segments search-scope">
      <legend className="visually-hidden">Where to search</legend>
      {choices.map(({ words, value }) => (
        <label key={words} className="segment">
          <input
            type="radio"
            name={name}
            className="visually-hidden"
            checked={isEverywhere === value}
            onChange={() => onChange(value)}
          />
          <span className="ellipsis">{words}</span>
        </label>
      ))}
    </fieldset>
  )
}
