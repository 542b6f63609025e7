import type { ChatMessage } from '@tidewire/react'
import type { ReactNode } from 'react'
import { EditIcon, ReplyIcon, SmileIcon, TalkIcon, TrashIcon } from '../parts/icons.tsx'
import type { MessageActions } from './message-actions.ts'

const QUICK = ['👍', '❤️', '😂']

interface MessageToolsProps {
  message: ChatMessage
  isMine: boolean
  actions: MessageActions
}

/** What can be done with the message that the pointer or the keyboard is at. */
export function MessageTools({ message, isMine, actions }: MessageToolsProps) {
  const { openThread } = actions
  return (
    <div className="tools" role="toolbar" aria-label="Message">
      {QUICK.map((emoji) => (
        <Tool
          key={emoji}
          label={`React with ${emoji}`}
          onUse={() => actions.toggle(message, emoji)}
          isQuick
        >
          {emoji}
        </Tool>
      ))}
      <Tool label="Add a reaction" onUse={(anchor) => actions.pick(message, anchor)}>
        <SmileIcon />
      </Tool>
      {openThread !== undefined && (
        <>
          <Tool label="Reply" onUse={() => actions.reply(message)}>
            <ReplyIcon />
          </Tool>
          <Tool label="Open the thread" onUse={() => openThread(message.id)}>
            <TalkIcon />
          </Tool>
        </>
      )}
      {isMine && (
        <>
          <Tool label="Edit" onUse={() => actions.edit(message)}>
            <EditIcon />
          </Tool>
          <Tool label="Delete" onUse={() => actions.remove(message)}>
            <TrashIcon />
          </Tool>
        </>
      )}
    </div>
  )
}

interface ToolProps {
  label: string
  onUse: (anchor: HTMLElement) => void
  children: ReactNode
  isQuick?: boolean
}

function Tool({ label, onUse, children, isQuick = false }: ToolProps) {
  return (
    <button
      type="button"
      className="tool"
      aria-label={label}
      title={label}
      data-quick={isQuick || undefined}
      onClick={(event) => onUse(event.currentTarget)}
    >
      {children}
    </button>
  )
}
