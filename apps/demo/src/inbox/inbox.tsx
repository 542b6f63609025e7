import {
  type Notification,
  type QuietHours,
  useNotificationPreferences,
  useNotifications,
} from '@tidewire/react'
import { useMemo, useState } from 'react'
import { useEscape, useNow } from '../lib/hooks.ts'
import { isQuietAt } from '../lib/quiet.ts'
import { dayName, dayOf } from '../lib/time.ts'
import { BellIcon, MoonIcon, SlidersIcon, TicksIcon, WarningIcon } from '../parts/icons.tsx'
import { More } from '../parts/more.tsx'
import { Notice, Skeleton } from '../parts/notice.tsx'
import { PageHead } from '../parts/page-head.tsx'
import { Side } from '../parts/side.tsx'
import { InboxEntry } from './inbox-entry.tsx'
import { Settings } from './settings.tsx'

/** What happened to the viewer, on every device the same. */
export function Inbox({ viewer }: { viewer: string }) {
  const inbox = useNotifications(viewer)
  const settings = useNotificationPreferences()
  const { items, unread, loading, error, markRead } = inbox
  const [isOpen, setIsOpen] = useState(false)
  const close = (): void => setIsOpen(false)
  useEscape(close, isOpen)
  const quiet = settings.preferences?.quiet_hours
  return (
    <>
      <main className="page" data-testid="inbox">
        <PageHead icon={<BellIcon />} title="Inbox">
          {quiet && <QuietNow quiet={quiet} />}
          <button
            type="button"
            className="button button-quiet"
            // Who has just pressed it keeps the focus.
            aria-disabled={unread === 0}
            onClick={() => {
              if (unread > 0) void markRead('all')
            }}
          >
            <TicksIcon />
            Mark all read
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label="Inbox settings"
            title="Inbox settings"
            aria-expanded={isOpen}
            onClick={() => setIsOpen(!isOpen)}
          >
            <SlidersIcon />
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
      {isOpen && (
        <Side label="Inbox settings" onClose={close}>
          <Settings settings={settings} items={items} onClose={close} />
        </Side>
      )}
    </>
  )
}

/** Says so while nothing is pushed. */
function QuietNow({ quiet }: { quiet: QuietHours }) {
  const now = useNow(30_000)
  if (!isQuietAt(quiet, now)) return null
  return (
    <span className="quiet-now" data-testid="quiet-now">
      <MoonIcon size={14} />
      Quiet until {quiet.to}
    </span>
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
                <InboxEntry
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
