import type { ChatMessage } from '@tidewire/react'
import { Sheet } from '../parts/sheet.tsx'
import { gistOf } from './quote.tsx'

interface DeleteDialogProps {
  message: ChatMessage
  onDelete: () => void
  onClose: () => void
}

/** Asks before a message goes for good. */
export function DeleteDialog({ message, onDelete, onClose }: DeleteDialogProps) {
  return (
    <Sheet label="Delete the message" kind="dialog" onClose={onClose}>
      <div className="confirm">
        <h2>Delete this message?</h2>
        <p className="muted">Its text leaves every device and the server. Its place stays.</p>
        <p className="confirm-gist ellipsis" dir="auto">
          {gistOf(message)}
        </p>
        <div className="confirm-actions">
          <button type="button" className="button" onClick={onClose}>
            Keep it
          </button>
          <button type="button" className="button button-danger" onClick={onDelete}>
            Delete
          </button>
        </div>
      </div>
    </Sheet>
  )
}
