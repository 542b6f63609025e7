import { type ReactNode, useEffect, useRef } from 'react'
import { isFocusLost, rememberFocus } from '../lib/focus.ts'

interface SheetProps {
  label: string
  onClose: () => void
  children: ReactNode
  /** `dialog` stands in the middle, `palette` near the top, `sheet` rises from the edge of a narrow screen. */
  kind?: 'sheet' | 'dialog' | 'palette'
  /** A sheet that needs all of a narrow screen. */
  isFull?: boolean
}

/** Floats above the page; Esc and a tap beside it close it. */
export function Sheet({ label, onClose, children, kind = 'sheet', isFull = false }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const { current } = dialog
    const goBack = rememberFocus()
    current?.showModal()
    // Not its first field: that would open the keyboard. One that is there to be written in asks for it.
    if (kind !== 'palette') current?.focus()
    return () => {
      current?.close()
      // What opened it may be gone, such as the tools of a message.
      if (isFocusLost()) goBack()
    }
  }, [kind])
  return (
    <dialog
      ref={dialog}
      className={kind}
      data-full={isFull || undefined}
      tabIndex={-1}
      aria-label={label}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose()
      }}
    >
      {children}
    </dialog>
  )
}
