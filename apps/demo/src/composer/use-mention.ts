import { type KeyboardEvent, type RefObject, useLayoutEffect, useRef, useState } from 'react'
import { completed, matching, mentionAt } from '../lib/mention.ts'

interface UseMentionOptions {
  text: string
  people: readonly string[]
  field: RefObject<HTMLTextAreaElement | null>
  onChange: (text: string) => void
}

export interface Mention {
  choices: readonly string[]
  /** The index of the one that Enter takes. */
  chosen: number
  take: (user: string) => void
  close: () => void
  onSelect: () => void
  /** Whether the key was for the choices. */
  onKeyDown: (event: KeyboardEvent) => boolean
}

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 }

/** Offers people while somebody writes a mention. */
export function useMention({ text, people, field, onChange }: UseMentionOptions): Mention {
  const [caret, setCaret] = useState(-1)
  const [moved, setMoved] = useState({ prefix: '', by: 0 })
  const next = useRef<number>(undefined)
  const started = caret < 0 ? undefined : mentionAt(text, caret)
  const choices = started ? matching(people, started.prefix) : []
  const by = moved.prefix === started?.prefix ? moved.by : 0
  const chosen = choices.length === 0 ? 0 : (by + choices.length) % choices.length

  // After the text that it stands in.
  useLayoutEffect(() => {
    if (next.current === undefined) return
    field.current?.setSelectionRange(next.current, next.current)
    next.current = undefined
  })

  const take = (user: string): void => {
    if (!started) return
    const { text: whole, caret: after } = completed(text, caret, started, user)
    next.current = after
    setCaret(-1)
    onChange(whole)
    field.current?.focus()
  }
  const onSelect = (): void => {
    const { current } = field
    const isPoint = current !== null && current.selectionStart === current.selectionEnd
    setCaret(isPoint && document.activeElement === current ? current.selectionEnd : -1)
  }
  const onKeyDown = (event: KeyboardEvent): boolean => {
    const user = choices[chosen]
    const step = STEPS[event.key]
    if (user === undefined || event.shiftKey) return false
    // Nothing is left to write of it.
    if (event.key === 'Enter' && user === started?.prefix) return false
    if (step !== undefined) {
      const at = (chosen + step + choices.length) % choices.length
      setMoved({ prefix: started?.prefix ?? '', by: at })
    } else if (event.key === 'Enter' || event.key === 'Tab') take(user)
    else if (event.key === 'Escape') setCaret(-1)
    else return false
    event.preventDefault()
    return true
  }
  return { choices, chosen, take, close: () => setCaret(-1), onSelect, onKeyDown }
}
