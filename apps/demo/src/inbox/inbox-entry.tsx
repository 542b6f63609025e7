import type { Notification } from '@tidewire/react'
import { hrefOf } from '../lib/places.ts'
import { isRoom, labelOf } from '../lib/rooms.ts'
import { fullTime } from '../lib/time.ts'
import { ago } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'
import { AtIcon, BellIcon, TalkIcon } from '../parts/icons.tsx'

interface InboxEntryProps {
  notification: Notification
  viewer: string
  now: number
  onRead: () => void
}

/** What happened, and the way to where it did. */
export function InboxEntry({ notification, viewer, now, onRead }: InboxEntryProps) {
  const { id, kind, title, body, data, created_at, read } = notification
  const at = Date.parse(created_at)
  const from = data?.['user']
  const channel = data?.['channel']
  const place = isRoom(channel) ? channel : undefined
  const message = data?.['message_id']
  const goal = typeof message === 'string' ? { id: message } : undefined
  const content = (
    <>
      {typeof from === 'string' ? (
        <Avatar user={from} />
      ) : (
        <span className="avatar avatar-empty">
          <BellIcon />
        </span>
      )}
      <span className="card-words">
        <span className="card-title" dir="auto">
          {title}
        </span>
        {body !== undefined && body !== '' && (
          <span className="card-body" dir="auto">
            {body}
          </span>
        )}
        <span className="card-meta">
          <KindIcon kind={kind} />
          {place !== undefined && (
            <span className="ellipsis">
              {place.startsWith('dm:') ? '' : '#'}
              {labelOf(place, viewer)}
            </span>
          )}
          <time dateTime={created_at} title={fullTime(at)}>
            {ago(at, now)}
          </time>
        </span>
      </span>
    </>
  )
  return (
    <li
      className="card"
      data-testid="notification"
      data-id={id}
      data-kind={kind}
      data-unread={!read || undefined}
    >
      {place === undefined ? (
        <span className="card-main">{content}</span>
      ) : (
        <a className="card-main" href={hrefOf(place, goal)} onClick={read ? undefined : onRead}>
          {content}
        </a>
      )}
      {!read && (
        <button
          type="button"
          className="icon-button"
          aria-label="Mark as read"
          title="Mark as read"
          onClick={onRead}
        >
          <span className="unread-dot" />
        </button>
      )}
    </li>
  )
}

function KindIcon({ kind }: { kind: string }) {
  if (kind === 'mention') return <AtIcon size={14} />
  return kind === 'direct' ? <TalkIcon size={14} /> : <BellIcon size={14} />
}
