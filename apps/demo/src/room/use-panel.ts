import { useCallback, useRef, useState } from 'react'
import { rememberFocus } from '../lib/focus.ts'
import { useEscape, useMedia } from '../lib/hooks.ts'
import { recall, remember } from '../lib/storage.ts'
import { WIDE } from '../lib/widths.ts'

/** What stands beside the room; `root`: the id of the message that a thread was opened by. */
type Panel = { readonly kind: 'people' } | { readonly kind: 'thread'; readonly root: string }

interface UsePanelResult {
  panel: Panel | undefined
  togglePeople: () => void
  openThread: (root: string) => void
  close: () => void
}

const PEOPLE: Panel = { kind: 'people' }
const isFlag = (value: unknown): value is boolean => typeof value === 'boolean'

/** People are open where they fit, unless the reader closed them; a thread stands in their place. Esc closes it. */
export function usePanel(): UsePanelResult {
  const isWide = useMedia(WIDE)
  const [wantsPeople, setWantsPeople] = useState(() => recall('people-open', isFlag) ?? true)
  // A sheet opens when it is asked for.
  const [isSheetOpen, setIsSheetOpen] = useState(false)
  const [root, setRoot] = useState<string>()
  const arePeopleOpen = isWide ? wantsPeople : isSheetOpen

  const goBack = useRef<() => void>(undefined)

  const openThread = useCallback((id: string) => {
    goBack.current = rememberFocus()
    setRoot(id)
  }, [])
  const closeThread = (): void => {
    setRoot(undefined)
    if (root !== undefined) goBack.current?.()
  }
  const togglePeople = (): void => {
    const isOpening = root !== undefined || !arePeopleOpen
    closeThread()
    if (!isWide) return setIsSheetOpen(isOpening)
    setWantsPeople(isOpening)
    remember('people-open', isOpening)
  }
  useEscape(closeThread, isWide && root !== undefined)

  const people = arePeopleOpen ? PEOPLE : undefined
  return {
    panel: root === undefined ? people : { kind: 'thread', root },
    togglePeople,
    openThread,
    close: root === undefined ? togglePeople : closeThread,
  }
}
