import { type UseRoomResult, useConnection, useReceipts } from '@tidewire/react'
import { useMemo } from 'react'
import { connectionWords } from '../lib/connection-words.ts'
import { isDirect, labelOf, nameOf } from '../lib/rooms.ts'
import { type Beginning, rowsOf } from '../lib/rows.ts'
import { Skeleton } from '../parts/notice.tsx'
import type { MessageActions } from './message-actions.ts'
import { MessageList } from './message-list.tsx'
import { EmptyRoom, Refused, Stopped } from './room-states.tsx'
import type { UseGoalResult } from './use-goal.ts'
import { useIsRestarted } from './use-is-restarted.ts'

interface RoomBodyProps {
  room: string
  viewer: string
  here: UseRoomResult
  /** The offset after which everything is new to the reader. */
  readTo: number | undefined
  onAtBottom: (isAtBottom: boolean) => void
  going: UseGoalResult
  actions: MessageActions
  openThread: string | undefined
}

/** The messages of a room, or what stands in their place. */
export function RoomBody(props: RoomBodyProps) {
  const { room, viewer, here, readTo, going } = props
  const { state: connection, connect } = useConnection()
  const { markRead } = useReceipts(nameOf(room))
  const beginning = beginningOf(here, useIsRestarted(room))
  const { messages, hasMore, loading, status, error } = here
  // What is marked before the server has told how far the reader was would be no news any more.
  const isKnown = status === 'joined' || status === 'reading'
  const rows = useMemo(
    () => rowsOf(messages, beginning, readTo, viewer),
    [messages, beginning, readTo, viewer],
  )
  if (status === 'left' && error) return <Refused error={error} />
  if (messages.length > 0 || (hasMore && !loading)) {
    return (
      <MessageList
        rows={rows}
        messages={messages}
        receipts={here.receipts}
        room={room}
        viewer={viewer}
        unread={here.unread}
        isLoadingOlder={here.loadingMore || loading}
        actions={props.actions}
        openThread={props.openThread}
        goal={going.goal}
        onGoal={going.forget}
        onOlder={here.loadMore}
        onAtBottom={props.onAtBottom}
        onSeen={isKnown ? markRead : ignore}
      />
    )
  }
  if (connection.name === 'failed') {
    const { sentence } = connectionWords(connection, false, 0)
    return <Stopped message={sentence ?? ''} onRetry={connect} />
  }
  if (loading || status === 'joining') return <Skeleton label="messages" />
  return <EmptyRoom label={labelOf(room, viewer)} isDirect={isDirect(room)} />
}

const ignore = (): void => undefined

function beginningOf(here: UseRoomResult, isRestarted: boolean): Beginning {
  const { hasMore, loadingMore, error, messages } = here
  if (hasMore) return error && !loadingMore ? 'failed' : 'more'
  if (isRestarted) return 'restarted'
  return (messages[0]?.offset ?? 1) > 1 ? 'expired' : 'start'
}
