import type { ChatMessage } from '@tidewire/react'
import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from 'react'
import { labelOf } from '../lib/rooms.ts'
import { type Row, seenBy } from '../lib/rows.ts'
import { rootOf, threadsOf } from '../lib/threads.ts'
import { DownIcon } from '../parts/icons.tsx'
import type { MessageActions } from './message-actions.ts'
import { MessageRow } from './message-row.tsx'
import { BeginningRow, DaySeparator, NewSeparator } from './separators.tsx'
import { useSeen } from './use-seen.ts'
import { useWindow } from './use-window.ts'

interface MessageListProps {
  rows: readonly Row[]
  messages: readonly ChatMessage[]
  receipts: Readonly<Record<string, number>>
  room: string
  viewer: string
  /** Messages that came while the reader was further up. */
  unread: number
  isLoadingOlder: boolean
  actions: MessageActions
  /** The first message of the thread that stands beside the room. */
  openThread: string | undefined
  /** The message that is to be shown. */
  goal: string | undefined
  onGoal: () => void
  onOlder: () => Promise<void>
  onAtBottom: (isAtBottom: boolean) => void
  /** The reader has had this offset on the screen. */
  onSeen: (offset: number) => void
}

const ESTIMATES = { beginning: 120, day: 44, new: 28, message: 28 }
const LEAD_ESTIMATE = 60
const HIGHLIGHT_MS = 1600
const NOBODY: readonly string[] = []

export function MessageList(props: MessageListProps) {
  const { rows, messages, room, viewer, unread, openThread, goal, actions } = props
  const { onOlder, onAtBottom, onSeen, onGoal } = props
  const [arrivedAfter] = useState(() => newestOffset(messages))
  const view = useWindow(
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
  const { scroller, content, from, to, isAtBottom, isNearTop, scrollToBottom, scrollToRow } = view
  const seen = useMemo(
    () => seenBy(messages, props.receipts, viewer),
    [messages, props.receipts, viewer],
  )
  const byId = useMemo(() => new Map(messages.map((message) => [message.id, message])), [messages])
  const threads = useMemo(() => threadsOf(messages), [messages])
  const { highlighted, jump } = useJump(scrollToRow)
  useSeen({ scroller, content, onSeen })

  useEffect(() => onAtBottom(isAtBottom), [isAtBottom, onAtBottom])

  // Once for each list: a search that brought no row goes on when the reader says so.
  const count = rows.length
  useEffect(() => {
    if (isNearTop && count > 1) void onOlder()
  }, [isNearTop, count, onOlder])

  useEffect(() => {
    if (goal === undefined) return
    jump(goal)
    onGoal()
  }, [goal, jump, onGoal])

  // Who writes wants to see it: what is written in a thread is seen there.
  const last = messages.at(-1)
  const isHere = last?.state === 'pending' && rootOf(messages, last.id) !== openThread
  const writing = isHere ? last.id : undefined
  useEffect(() => {
    if (writing !== undefined) scrollToBottom()
  }, [writing, scrollToBottom])

  return (
    <div className="list-frame">
      <div
        ref={scroller}
        className="list"
        role="log"
        aria-label={`Messages in ${labelOf(room, viewer)}`}
        // Rows that appear while the reader scrolls are not news.
        aria-live={isAtBottom ? 'polite' : 'off'}
        // A list that scrolls must be reachable by keyboard.
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        onScroll={view.onScroll}
        onKeyDown={walk}
        data-testid="messages"
      >
        <div
          ref={content}
          className="list-content"
          style={{ paddingTop: view.before, paddingBottom: view.after }}
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
                  viewer={viewer}
                  answered={byId.get(row.message.replyTo ?? '')}
                  thread={threads.get(row.key)}
                  isThreadOpen={row.key === openThread}
                  seen={seen.get(row.key) ?? NOBODY}
                  isArrival={(row.message.offset ?? Infinity) > arrivedAfter}
                  isHighlighted={row.key === highlighted}
                  actions={actions}
                />
              ) : (
                <Between key={row.key} row={row} {...props} />
              ),
            )}
        </div>
      </div>
      {!isAtBottom && (
        <button
          type="button"
          className="pill"
          data-testid="pill"
          // The pill goes with the press: the focus stays where it is, or goes to the list.
          onPointerDown={(event) => event.preventDefault()}
          onClick={({ currentTarget }) => {
            if (document.activeElement === currentTarget) {
              scroller.current?.focus({ preventScroll: true })
            }
            scrollToBottom()
          }}
        >
          {unread > 0 ? `${unread} new` : 'Latest'}
          <DownIcon />
        </button>
      )}
    </div>
  )
}

function newestOffset(messages: readonly ChatMessage[]): number {
  return messages.findLast(({ offset }) => offset !== undefined)?.offset ?? 0
}

/** Shows a message, and for a moment which one it is. */
function useJump(scrollToRow: (key: string) => void): {
  highlighted: string | undefined
  jump: (id: string) => void
} {
  const [highlighted, setHighlighted] = useState<string>()
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  const jump = useCallback(
    (id: string) => {
      scrollToRow(id)
      setHighlighted(id)
      clearTimeout(timer.current)
      timer.current = setTimeout(() => setHighlighted(undefined), HIGHLIGHT_MS)
    },
    [scrollToRow],
  )
  useEffect(() => () => clearTimeout(timer.current), [])
  return { highlighted, jump }
}

const STEPS: Record<string, number> = { ArrowUp: -1, ArrowDown: 1 }

/** The arrow keys go from message to message, beginning with the last one. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = STEPS[event.key]
  const { target, currentTarget } = event
  if (step === undefined || !(target instanceof HTMLElement)) return
  const isOnMessage = target.matches('.message')
  if (target !== currentTarget && !isOnMessage) return
  const messages = [...currentTarget.querySelectorAll<HTMLElement>('.message')]
  const at = isOnMessage ? messages.indexOf(target) + step : messages.length - 1
  const next = messages[at]
  if (!next) return
  event.preventDefault()
  next.focus({ preventScroll: true })
  next.scrollIntoView({ block: 'nearest' })
}

function Between({
  row,
  room,
  viewer,
  isLoadingOlder,
  onOlder,
}: MessageListProps & { row: Exclude<Row, { kind: 'message' }> }) {
  if (row.kind === 'day') return <DaySeparator day={row.day} />
  if (row.kind === 'new') return <NewSeparator />
  return (
    <BeginningRow
      beginning={row.beginning}
      room={room}
      viewer={viewer}
      isLoading={isLoadingOlder}
      onOlder={() => void onOlder()}
    />
  )
}
