import { memo } from 'react'
import { Avatar } from './avatar.tsx'
import { ClockIcon, TickIcon, WarningIcon } from './icons.tsx'
import { useNow } from './lib/hooks.ts'
import type { Beginning, ChatMessage } from './lib/rows.ts'
import { clockTime, dayName, fullTime } from './lib/time.ts'
import { labelOf } from './lib/rooms.ts'
import { MessageText } from './rich-text.tsx'

interface MessageRowProps {
  message: ChatMessage
  author: string
  /** Stands under its author's name; the others of its group follow without one. */
  leads: boolean
  user: string
  /** Came while the reader was here. */
  isArrival: boolean
  onRetry: (id: string) => void
  onDiscard: (id: string) => void
}

export const MessageRow = memo(function MessageRow(props: MessageRowProps) {
  const { message, author, leads, user, isArrival } = props
  const { id, offset, at, state } = message
  return (
    <article
      className="message"
      data-testid="message"
      data-message-id={id}
      data-offset={offset}
      data-state={state}
      data-leads={leads || undefined}
      data-arrival={isArrival || undefined}
      aria-label={`${author}, ${clockTime(at)}`}
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
        <MessageText text={textOf(message)} />
        {state === 'failed' && <Failed {...props} />}
      </div>
      <div className="message-side">
        {offset !== undefined && (
          <span className="message-offset" title={`Offset ${offset} of the log`}>
            {offset}
          </span>
        )}
        {author === user && <Delivery state={state} />}
      </div>
    </article>
  )
})

/** Anything may be published to a channel: what is not text is shown as what it is. */
function textOf({ payload }: ChatMessage): string {
  const { content } = payload as { content?: unknown }
  return typeof content === 'string' ? content : JSON.stringify(payload)
}

const DELIVERY = {
  pending: { icon: <ClockIcon />, words: 'Sending' },
  sent: { icon: <TickIcon />, words: 'Sent' },
  failed: { icon: <WarningIcon />, words: 'Not sent' },
}

function Delivery({ state }: { state: ChatMessage['state'] }) {
  const { icon, words } = DELIVERY[state]
  return (
    <span className="delivery" data-state={state} title={words}>
      {icon}
      <span className="visually-hidden">{words}</span>
    </span>
  )
}

function Failed({ message, onRetry, onDiscard }: MessageRowProps) {
  return (
    <p className="message-failed">
      <span>Not sent. {message.error?.message}</span>
      <button type="button" className="link-button" onClick={() => onRetry(message.id)}>
        Retry
      </button>
      <button type="button" className="link-button" onClick={() => onDiscard(message.id)}>
        Delete
      </button>
    </p>
  )
}

export function DaySeparator({ day }: { day: number }) {
  const now = useNow(60_000)
  return (
    <div className="separator" role="separator">
      <span>{dayName(day, now)}</span>
    </div>
  )
}

export function NewSeparator() {
  return (
    <div className="separator separator-new" role="separator" data-testid="new">
      <span>New</span>
    </div>
  )
}

interface BeginningRowProps {
  beginning: Beginning
  room: string
  isLoading: boolean
  onOlder: () => void
}

export function BeginningRow({ beginning, room, isLoading, onOlder }: BeginningRowProps) {
  if (isLoading) return <p className="beginning beginning-more">Loading older messages</p>
  if (beginning === 'more' || beginning === 'failed') {
    return (
      <p className="beginning beginning-more">
        {beginning === 'failed' && <span role="alert">Older messages could not be loaded. </span>}
        <button type="button" className="link-button" onClick={onOlder}>
          {beginning === 'failed' ? 'Retry' : 'Look further back'}
        </button>
      </p>
    )
  }
  if (beginning === 'start') {
    return (
      <div className="beginning beginning-start">
        <h2>
          <span className="hash" aria-hidden="true">
            #
          </span>
          {labelOf(room)}
        </h2>
        <p>This is where the room begins.</p>
      </div>
    )
  }
  return (
    <p className="beginning beginning-gap" data-testid="gap">
      {GAPS[beginning]}
    </p>
  )
}

const GAPS = {
  expired: 'History before this point has expired.',
  restarted: 'The log began a new epoch. This is what it holds.',
}
