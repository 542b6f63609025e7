import type { ChatMessage, Reaction } from '@tidewire/react'
import { useLayoutEffect, useRef } from 'react'
import { isFocusLost, rememberFocus } from '../lib/focus.ts'
import { listed } from '../lib/words.ts'
import { SmileIcon } from '../parts/icons.tsx'

interface ReactionsProps {
  message: ChatMessage
  viewer: string
  onToggle: (message: ChatMessage, emoji: string) => void
  onPick: (message: ChatMessage, anchor: HTMLElement) => void
}

/** What others felt. Pressing one joins them, or takes it back. */
export function Reactions({ message, viewer, onToggle, onPick }: ReactionsProps) {
  if (message.reactions.length === 0) return null
  return (
    <ul className="reactions" aria-label="Reactions">
      {message.reactions.map((reaction) => (
        <li key={reaction.emoji}>
          <button
            type="button"
            className="reaction"
            data-testid="reaction"
            aria-pressed={reaction.users.includes(viewer)}
            aria-label={spokenOf(reaction, viewer)}
            title={spokenOf(reaction, viewer)}
            onClick={({ currentTarget }) => {
              // The last one takes its button along.
              if (reaction.users.length === 1 && reaction.users.includes(viewer)) {
                currentTarget.closest<HTMLElement>('.message')?.focus({ preventScroll: true })
              }
              onToggle(message, reaction.emoji)
            }}
          >
            <span aria-hidden="true" className="ellipsis">
              {reaction.emoji}
            </span>
            <span aria-hidden="true">{reaction.users.length}</span>
          </button>
        </li>
      ))}
      <li>
        <button
          type="button"
          className="reaction reaction-add"
          aria-label="Add a reaction"
          onClick={(event) => onPick(message, event.currentTarget)}
        >
          <SmileIcon />
        </button>
      </li>
    </ul>
  )
}

function spokenOf({ emoji, users }: Reaction, viewer: string): string {
  const names = users.map((user) => (user === viewer ? 'you' : user))
  return `${emoji} by ${listed(names)}`
}

const CHOICES = ['👍', '❤️', '😂', '🎉', '🙏', '👀', '🔥', '✅', '😮', '😢', '🤔', '🚀']

interface PickerProps {
  anchor: HTMLElement
  onChoose: (emoji: string) => void
  onClose: () => void
}

/** A dozen feelings beside what was pressed. Esc and a press elsewhere close it. */
export function ReactionPicker({ anchor, onChoose, onClose }: PickerProps) {
  const popover = useRef<HTMLDivElement>(null)
  useLayoutEffect(() => {
    const { current } = popover
    if (!current) return undefined
    const goBack = rememberFocus()
    current.showPopover()
    const { top, bottom, right } = anchor.getBoundingClientRect()
    const { width, height } = current.getBoundingClientRect()
    const fitsBelow = bottom + height + 8 < innerHeight
    current.style.top = `${fitsBelow ? bottom + 4 : Math.max(8, top - height - 4)}px`
    current.style.left = `${Math.max(8, Math.min(right - width, innerWidth - width - 8))}px`
    current.querySelector('button')?.focus()
    const onToggle = ({ newState }: ToggleEvent): void => {
      if (newState === 'closed') onClose()
    }
    current.addEventListener('toggle', onToggle)
    return () => {
      current.removeEventListener('toggle', onToggle)
      if (isFocusLost()) goBack()
    }
  }, [anchor, onClose])
  return (
    <div ref={popover} popover="auto" className="picker" role="group" aria-label="Reactions">
      {CHOICES.map((emoji) => (
        <button
          key={emoji}
          type="button"
          data-testid="emoji"
          onClick={() => {
            onChoose(emoji)
            popover.current?.hidePopover()
          }}
        >
          {emoji}
        </button>
      ))}
    </div>
  )
}
