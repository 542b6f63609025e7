import type { ChatMessage } from '@tidewire/react'
import { memo, type FocusEvent, useState } from 'react'
import type { Thread } from '../lib/threads.ts'
import { clockTime, fullTime } from '../lib/time.ts'
import { Avatar } from '../parts/avatar.tsx'
import { ClockIcon, TickIcon, WarningIcon } from '../parts/icons.tsx'
import { MessageText } from '../parts/rich-text.tsx'
import { Attachments } from './attachments.tsx'
import type { MessageActions } from './message-actions.ts'
import { MessageTools } from './message-tools.tsx'
import { Quote } from './quote.tsx'
import { Reactions } from './reactions.tsx'
import { SeenBy } from './seen-by.tsx'
import { ThreadLink } from './thread-link.tsx'

interface MessageRowProps {
  message: ChatMessage
  author: string
  /** Stands under its author's name; the others of its group follow without one. */
  leads: boolean
  viewer: string
  /** The message that it answers, where it is loaded. */
  answered: ChatMessage | undefined
  /** What others answered to it. */
  thread?: Thread | undefined
  /** Its thread stands beside the room. */
  isThreadOpen?: boolean
  /** Who has read up to here. */
  seen: readonly string[]
  /** Came while the reader was here. */
  isArrival: boolean
  isHighlighted: boolean
  actions: MessageActions
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, author, leads, viewer, seen, actions } = props
  const { id, offset, at, state, deleted } = message
  const { openThread } = actions
  const isMine = author === viewer
  // The tools of a message are made when somebody is at it.
  const [isActive, setIsActive] = useState(false)
  const onBlur = ({ currentTarget, relatedTarget }: FocusEvent): void => {
    if (!currentTarget.contains(relatedTarget)) setIsActive(false)
  }
  const canAct = isActive && state !== 'failed' && !deleted
  return (
    <article
      className="message"
      data-testid={openThread === undefined ? 'thread-message' : 'message'}
      data-message-id={id}
      data-offset={offset}
      data-state={state}
      data-leads={leads || undefined}
      data-arrival={props.isArrival || undefined}
      data-deleted={deleted || undefined}
      data-highlighted={props.isHighlighted || undefined}
      data-mentioned={message.mentions.includes(viewer) || undefined}
      aria-label={`${author}, ${clockTime(at)}`}
      // The arrow keys go from message to message.
      tabIndex={-1}
      // A finger that scrolls by means nothing; one that taps gives the focus.
      onPointerEnter={({ pointerType }) => {
        if (pointerType !== 'touch') setIsActive(true)
      }}
      onPointerLeave={({ currentTarget }) =>
        setIsActive(currentTarget.contains(document.activeElement))
      }
      onFocus={() => setIsActive(true)}
      onBlur={onBlur}
    >
      <div>{leads && <Avatar user={author} />}</div>
      <div className="message-main">
        {leads && (
          <header className="message-head">
            <bdi className="message-author ellipsis">{author}</bdi>
            <time dateTime={new Date(at).toISOString()} title={fullTime(at)}>
              {clockTime(at)}
            </time>
          </header>
        )}
        <Body {...props} />
        {state === 'failed' && <Failed message={message} actions={actions} />}
        <Reactions
          message={message}
          viewer={viewer}
          onToggle={actions.toggle}
          onPick={actions.pick}
        />
        {props.thread && openThread && (
          <ThreadLink
            thread={props.thread}
            isOpen={props.isThreadOpen ?? false}
            onOpen={() => openThread(id)}
          />
        )}
      </div>
      <div className="message-side">
        {offset !== undefined && (
          <span className="message-offset" title={`Offset ${offset} of the log`}>
            {offset}
          </span>
        )}
        {seen.length > 0 ? (
          <SeenBy users={seen} />
        ) : (
          isMine && state !== 'failed' && <Delivery state={state} />
        )}
      </div>
      {canAct && <MessageTools message={message} isMine={isMine} actions={actions} />}
    </article>
  )
})

function Body({ message, answered, viewer, actions }: MessageRowProps) {
  const { content, attachments, deleted, replyTo } = message
  if (deleted) {
    return (
      <p className="message-text tombstone" data-testid="text">
        This message was deleted.
      </p>
    )
  }
  return (
    <>
      {replyTo !== undefined && actions.openThread && (
        <Quote message={answered} viewer={viewer} onOpen={() => actions.jump(replyTo)} />
      )}
      {content !== '' && (
        <MessageText
          text={content}
          mentions={message.mentions}
          viewer={viewer}
          isEdited={message.edited}
        />
      )}
      <Attachments attachments={attachments} />
    </>
  )
}

const DELIVERY = {
  pending: { icon: <ClockIcon />, words: 'Sending' },
  sent: { icon: <TickIcon />, words: 'Sent' },
}

function Delivery({ state }: { state: keyof typeof DELIVERY }) {
  const { icon, words } = DELIVERY[state]
  return (
    <span className="delivery" data-state={state} title={words}>
      {icon}
      <span className="visually-hidden">{words}</span>
    </span>
  )
}

function Failed({ message, actions }: { message: ChatMessage; actions: MessageActions }) {
  return (
    <p className="message-failed">
      <span className="message-reason">
        <WarningIcon /> Not sent. {message.error?.message}
      </span>
      <button type="button" className="link-button" onClick={() => actions.retry(message.id)}>
        Try again
      </button>
      <button type="button" className="link-button" onClick={() => actions.discard(message.id)}>
        Delete
      </button>
    </p>
  )
}
