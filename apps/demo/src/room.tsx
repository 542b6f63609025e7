import { type Position, useConnection, useMessages } from '@tidewire/react'
import { useCallback, useEffect, useMemo } from 'react'
import { Composer } from './composer.tsx'
import { connectionWords } from './lib/connection-words.ts'
import { labelOf } from './lib/rooms.ts'
import { type Beginning, rowsOf } from './lib/rows.ts'
import { MessageList } from './message-list.tsx'
import { EmptyRoom, Refused, Skeleton, Stopped } from './room-states.tsx'
import { useReading } from './use-reading.ts'

interface RoomProps {
  room: string
  user: string
  /** How far the reader has come, and how far the log goes. */
  read: Position | undefined
  newest: Position | undefined
  onRead: (room: string) => void
}

/** One room: its head, its messages, and where to write. */
export function Room({ room, user, read, newest, onRead }: RoomProps) {
  const { state: connection, connect } = useConnection()
  const list = useMessages<{ content: string }>(room, { type: 'message' })
  const { messages, loading, hasMore, state, error, send, loadMore, pin } = list
  const reading = useReading({ room, read, newest, onRead })
  const { readTo, isAtBottom, forget } = reading
  const beginning = beginningOf(list)
  const rows = useMemo(
    () => rowsOf(messages, beginning, readTo, user),
    [messages, beginning, readTo, user],
  )
  const refusal = state.name === 'unsubscribed' ? error : undefined
  const { tone, label, sentence } = connectionWords(connection, state, 0)

  useEffect(() => {
    pin(!isAtBottom)
    return () => pin(false)
  }, [pin, isAtBottom])

  const onSend = useCallback(
    (content: string) => {
      send({ content })
      forget()
    },
    [send, forget],
  )

  return (
    <main className="room">
      <header className="room-head">
        <h1>
          <span className="hash" aria-hidden="true">
            #
          </span>
          <span className="ellipsis">{labelOf(room)}</span>
        </h1>
        <span className="room-status" data-tone={tone}>
          {label}
        </span>
      </header>
      {refusal ? (
        <Refused error={refusal} />
      ) : messages.length > 0 || (hasMore && !loading) ? (
        <MessageList
          rows={rows}
          room={room}
          user={user}
          unread={newest && read ? newest.offset - read.offset : 0}
          onOlder={loadMore}
          isLoadingOlder={list.loadingMore}
          onAtBottom={reading.setIsAtBottom}
          onRetry={list.retry}
          onDiscard={list.discard}
        />
      ) : connection.name === 'failed' ? (
        <Stopped message={sentence ?? ''} onRetry={connect} />
      ) : loading ? (
        <Skeleton />
      ) : (
        <EmptyRoom room={room} expired={list.expired} />
      )}
      <Composer key={room} room={room} isDisabled={refusal !== undefined} onSend={onSend} />
    </main>
  )
}

type Beginnings = Pick<
  ReturnType<typeof useMessages>,
  'hasMore' | 'loadingMore' | 'expired' | 'reset' | 'error'
>

function beginningOf({ hasMore, loadingMore, expired, reset, error }: Beginnings): Beginning {
  if (hasMore) return error && !loadingMore ? 'failed' : 'more'
  if (reset?.reason === 'epoch_changed') return 'restarted'
  return expired ? 'expired' : 'start'
}
