import { type KeyboardEvent, useEffect, useRef } from 'react'
import { SearchIcon } from '../parts/icons.tsx'

interface FindFieldProps {
  value: string
  onChange: (value: string) => void
  onMove: (by: 1 | -1) => void
  onSubmit: () => void
}

/** Where rooms and people are found. `/` goes there. */
export function FindField(props: FindFieldProps) {
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
    if (event.key === 'Enter') {
      // Its line break would go where the focus goes next.
      event.preventDefault()
      props.onSubmit()
    }
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
        placeholder="Find a room or a person"
        aria-label="Find a room or a person"
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
