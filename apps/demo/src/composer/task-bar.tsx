import type { ChatMessage } from '@tidewire/react'
import { authorOf } from '../lib/rows.ts'
import { CloseIcon, EditIcon, ReplyIcon } from '../parts/icons.tsx'
import { gistOf } from '../room/quote.tsx'

/** What the next message is for. */
export interface Task {
  readonly kind: 'reply' | 'edit'
  readonly message: ChatMessage
}

interface TaskBarProps {
  task: Task
  viewer: string
  onCancel: () => void
}

export function TaskBar({ task: { kind, message }, viewer, onCancel }: TaskBarProps) {
  return (
    <div className="task" data-testid="task">
      {kind === 'reply' ? <ReplyIcon /> : <EditIcon />}
      <span className="task-words">
        {kind === 'reply' ? (
          <>
            Replying to <bdi>{authorOf(message, viewer)}</bdi>
          </>
        ) : (
          'Editing your message'
        )}
      </span>
      <span className="ellipsis task-gist" dir="auto">
        {kind === 'reply' && gistOf(message)}
      </span>
      <button
        type="button"
        className="icon-button"
        onClick={onCancel}
        aria-label={kind === 'reply' ? 'Do not reply' : 'Do not edit'}
        title="Esc"
      >
        <CloseIcon />
      </button>
    </div>
  )
}
