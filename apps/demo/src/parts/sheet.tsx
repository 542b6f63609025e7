import { type ReactNode, useEffect, useRef } from 'react'

interface SheetProps {
  label: string
  onClose: () => void
  children: ReactNode
  /** `dialog` stands in the middle, `sheet` rises from the edge of a narrow screen. */
  kind?: 'sheet' | 'dialog'
}

/** Floats above the page; Esc and a tap beside it close it. */
export function Sheet({ label, onClose, children, kind = 'sheet' }: SheetProps) {
  const dialog = useRef<HTMLDialogElement>(null)
  useEffect(() => {
    const { current } = dialog
    current?.showModal()
    // Not its first field: that would open the keyboard.
    current?.focus()
    return () => current?.close()
  }, [])
  return (
    <dialog
      ref={dialog}
      className={kind}
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
