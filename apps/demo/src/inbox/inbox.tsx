import { type Notification, useNotifications } from '@tidewire/react'
import { useMemo } from 'react'
import { useNow } from '../lib/hooks.ts'
import { hrefOf } from '../lib/places.ts'
import { isRoom, labelOf } from '../lib/rooms.ts'
import { dayName, dayOf, fullTime } from '../lib/time.ts'
import { ago } from '../lib/words.ts'
import { Avatar } from '../parts/avatar.tsx'
import { AtIcon, BellIcon, TalkIcon, TicksIcon, WarningIcon } from '../parts/icons.tsx'
import { More } from '../parts/more.tsx'
import { Notice, Skeleton } from '../parts/notice.tsx'
import { PageHead } from '../parts/page-head.tsx'

/** What happened to the viewer, on every device the same. */
export function Inbox({ viewer }: { viewer: string }) {
  const inbox = useNotifications(viewer)
  const { items, unread, loading, error, markRead } = inbox
  return (
    <main className="page" data-testid="inbox">
      <PageHead icon={<BellIcon />} title="Inbox">
        <button
          type="button"
          className="button button-quiet"
          disabled={unread === 0}
          onClick={() => void markRead('all')}
        >
          <TicksIcon />
          Mark all read
        </button>
      </PageHead>
      {items.length > 0 ? (
        <List viewer={viewer} inbox={inbox} />
      ) : error && !loading ? (
        <Notice icon={<WarningIcon size={24} />} isProblem>
          <h2>The inbox did not open</h2>
          <p>{error.message}</p>
        </Notice>
      ) : loading ? (
        <Skeleton label="notifications" />
      ) : (
        <Notice icon={<BellIcon size={24} />}>
          <h2>Nothing here yet</h2>
          <p>When somebody mentions you or writes to you, it is kept here until you read it.</p>
        </Notice>
      )}
    </main>
  )
}

interface ListProps {
  viewer: string
  inbox: ReturnType<typeof useNotifications>
}

function List({ viewer, inbox }: ListProps) {
  const { items, hasMore, loadingMore, loadMore, markRead } = inbox
  const now = useNow(60_000)
  const days = useMemo(() => byDay(items), [items])
  return (
    <div className="page-scroll">
      <div className="page-content">
        {days.map(({ day, notifications }) => (
          <section key={day} aria-label={dayName(day, now)}>
            <h2 className="page-title">{dayName(day, now)}</h2>
            <ul className="cards">
              {notifications.map((notification) => (
                <Entry
                  key={notification.id}
                  notification={notification}
                  viewer={viewer}
                  now={now}
                  onRead={() => void markRead([notification.id])}
                />
              ))}
            </ul>
          </section>
        ))}
        {hasMore && <More isLoading={loadingMore} onMore={loadMore} />}
      </div>
    </div>
  )
}

interface Day {
  day: number
  notifications: Notification[]
}

function byDay(items: readonly Notification[]): Day[] {
  const days: Day[] = []
  for (const notification of items) {
    const day = dayOf(Date.parse(notification.created_at))
    const last = days.at(-1)
    if (last?.day === day) last.notifications.push(notification)
    else days.push({ day, notifications: [notification] })
  }
  return days
}

interface EntryProps {
  notification: Notification
  viewer: string
  now: number
  onRead: () => void
}

function Entry({ notification, viewer, now, onRead }: EntryProps) {
  const { id, kind, title, body, data, created_at, read } = notification
  const at = Date.parse(created_at)
  const from = data?.['user']
  const channel = data?.['channel']
  const place = isRoom(channel) ? channel : undefined
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
        <a className="card-main" href={hrefOf(place)} onClick={read ? undefined : onRead}>
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
