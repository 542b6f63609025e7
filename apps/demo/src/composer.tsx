import { type KeyboardEvent, useLayoutEffect, useRef, useState } from 'react'
import { SendIcon } from './icons.tsx'
import { labelOf } from './lib/rooms.ts'
import { draftOf, keepDraft } from './lib/drafts.ts'

interface ComposerProps {
  room: string
  isDisabled: boolean
  onSend: (content: string) => void
}

/** Enter sends, Shift+Enter makes a new line. What was not sent is kept for each room while the tab is open. */
export function Composer({ room, isDisabled, onSend }: ComposerProps) {
  const [text, setText] = useState(() => draftOf(room))
  const field = useRef<HTMLTextAreaElement>(null)
  const isEmpty = text.trim() === ''

  useLayoutEffect(() => {
    const { current } = field
    if (!current) return
    current.style.height = 'auto'
    if (text !== '') current.style.height = `${current.scrollHeight}px`
  }, [text])

  const change = (value: string): void => {
    setText(value)
    keepDraft(room, value)
  }
  const submit = (): void => {
    if (isEmpty || isDisabled) return
    onSend(text.trim())
    change('')
    field.current?.focus()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === 'Escape') field.current?.blur()
    // Enter that ends the composition of a word is no Enter.
    if (event.key !== 'Enter' || event.shiftKey || event.nativeEvent.isComposing) return
    event.preventDefault()
    submit()
  }

  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <div className="composer-box" data-disabled={isDisabled || undefined}>
        <textarea
          ref={field}
          data-testid="composer"
          value={text}
          onChange={(event) => change(event.target.value)}
          onKeyDown={onKeyDown}
          placeholder={isDisabled ? 'You cannot write here' : `Message ${labelOf(room)}`}
          aria-label={`Message ${labelOf(room)}`}
          rows={1}
          dir="auto"
          enterKeyHint="send"
          disabled={isDisabled}
          // On a touch screen this would open the keyboard over the room.
          autoFocus={matchMedia('(pointer: fine)').matches}
        />
        <button
          type="submit"
          className="send"
          aria-label="Send"
          disabled={isEmpty || isDisabled}
          // Keeps the keyboard of a touch screen open.
          onPointerDown={(event) => event.preventDefault()}
        >
          <SendIcon />
        </button>
      </div>
      <p className="composer-hint" aria-hidden="true">
        <kbd>Enter</kbd> sends <kbd>Shift Enter</kbd> new line <kbd>Esc</kbd> then <kbd>/</kbd>{' '}
        rooms
      </p>
    </form>
  )
}
