import type { ReactNode } from 'react'
import { useMedia } from '../lib/hooks.ts'
import { WIDE } from '../lib/widths.ts'
import { CloseIcon } from './icons.tsx'
import { Sheet } from './sheet.tsx'

interface SideProps {
  label: string
  /** It needs the width of text, or all of a narrow screen. */
  isLarge?: boolean
  onClose: () => void
  children: ReactNode
}

/** Beside the main pane where there is space, else above it. */
export function Side({ label, isLarge = false, onClose, children }: SideProps) {
  const isWide = useMedia(WIDE)
  if (isWide) {
    return (
      <aside className="side" data-large={isLarge || undefined} aria-label={label}>
        {children}
      </aside>
    )
  }
  return (
    <Sheet label={label} isFull={isLarge} onClose={onClose}>
      {children}
    </Sheet>
  )
}

interface SideHeadProps {
  title: string
  /** What is closed, in words. */
  closes: string
  onClose: () => void
  children?: ReactNode
}

export function SideHead({ title, closes, onClose, children }: SideHeadProps) {
  return (
    <header className="panel-head">
      <h2>{title}</h2>
      {children}
      <button
        type="button"
        className="icon-button"
        aria-label={`Close ${closes}`}
        title="Close"
        onClick={onClose}
      >
        <CloseIcon />
      </button>
    </header>
  )
}
