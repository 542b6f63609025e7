import { useEffect, useMemo, useState } from 'react'
import { DownIcon } from './icons.tsx'
import { labelOf } from './lib/rooms.ts'
import type { Row } from './lib/rows.ts'
import { BeginningRow, DaySeparator, MessageRow, NewSeparator } from './message-row.tsx'
import { useWindow } from './use-window.ts'

interface MessageListProps {
  rows: readonly Row[]
  room: string
  user: string
  /** Messages that came while the reader was further up. */
  unread: number
  onOlder: () => Promise<void>
  isLoadingOlder: boolean
  onAtBottom: (isAtBottom: boolean) => void
  onRetry: (id: string) => void
  onDiscard: (id: string) => void
}

const ESTIMATES = { beginning: 120, day: 44, new: 28, message: 28 }
const LEAD_ESTIMATE = 60

export function MessageList(props: MessageListProps) {
  const { rows, room, user, unread, onOlder, isLoadingOlder, onAtBottom, onRetry, onDiscard } =
    props
  const [arrivedAfter] = useState(() => newestOffset(rows))
  const {
    scroller,
    content,
    from,
    to,
    before,
    after,
    isAtBottom,
    isNearTop,
    onScroll,
    scrollToBottom,
  } = useWindow(
    useMemo(
      () =>
        rows.map((row) => ({
          key: row.key,
          isFirm: row.kind === 'message',
          estimate: row.kind === 'message' && row.leads ? LEAD_ESTIMATE : ESTIMATES[row.kind],
        })),
      [rows],
    ),
  )

  useEffect(() => onAtBottom(isAtBottom), [isAtBottom, onAtBottom])

  // Once for each list: a search that brought no row goes on when the reader says so.
  const count = rows.length
  useEffect(() => {
    if (isNearTop && count > 1) void onOlder()
  }, [isNearTop, count, onOlder])

  // Who writes wants to see it.
  const last = rows.at(-1)
  const writing =
    last?.kind === 'message' && last.message.state === 'pending' ? last.key : undefined
  useEffect(() => {
    if (writing !== undefined) scrollToBottom()
  }, [writing, scrollToBottom])

  return (
    <div className="list-frame">
      <div
        ref={scroller}
        className="list"
        role="log"
        aria-label={`Messages in ${labelOf(room)}`}
        // Rows that appear while the reader scrolls are not news.
        aria-live={isAtBottom ? 'polite' : 'off'}
        // A list that scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={onScroll}
        data-testid="messages"
      >
        <div
          ref={content}
          className="list-content"
          style={{ paddingTop: before, paddingBottom: after }}
        >
          {rows
            .slice(from, to)
            .map((row) =>
              row.kind === 'message' ? (
                <MessageRow
                  key={row.key}
                  message={row.message}
                  author={row.author}
                  leads={row.leads}
                  user={user}
                  isArrival={(row.message.offset ?? Infinity) > arrivedAfter}
                  onRetry={onRetry}
                  onDiscard={onDiscard}
                />
              ) : (
                <Between
                  key={row.key}
                  row={row}
                  room={room}
                  isLoading={isLoadingOlder}
                  onOlder={() => void onOlder()}
                />
              ),
            )}
        </div>
      </div>
      {!isAtBottom && (
        <button type="button" className="pill" data-testid="pill" onClick={scrollToBottom}>
          {unread > 0 ? `${unread} new` : 'Latest'}
          <DownIcon />
        </button>
      )}
    </div>
  )
}

function newestOffset(rows: readonly Row[]): number {
  const last = rows.findLast((row) => row.kind === 'message' && row.message.offset !== undefined)
  return last?.kind === 'message' ? (last.message.offset ?? 0) : 0
}

function Between({
  row,
  room,
  isLoading,
  onOlder,
}: {
  row: Exclude<Row, { kind: 'message' }>
  room: string
  isLoading: boolean
  onOlder: () => void
}) {
  if (row.kind === 'beginning') {
    return (
      <BeginningRow beginning={row.beginning} room={room} isLoading={isLoading} onOlder={onOlder} />
    )
  }
  return row.kind === 'day' ? <DaySeparator day={row.day} /> : <NewSeparator />
}
