import { type UseRoomResult, useConnection, useReceipts, useRoom } from '@tidewire/react'
import { useEffect, useMemo } from 'react'
import { Composer } from '../composer/composer.tsx'
import { useFiles } from '../composer/use-files.ts'
import { connectionWords } from '../lib/connection-words.ts'
import { isDirect, labelOf, nameOf, otherOf } from '../lib/rooms.ts'
import { type Beginning, rowsOf } from '../lib/rows.ts'
import { CloseIcon } from '../parts/icons.tsx'
import { Skeleton } from '../parts/notice.tsx'
import { usePeople } from '../people/people.tsx'
import { DeleteDialog } from './delete-dialog.tsx'
import { DropZone } from './drop-zone.tsx'
import { MessageList } from './message-list.tsx'
import { ReactionPicker } from './reactions.tsx'
import { RoomHead } from './room-head.tsx'
import { EmptyRoom, Refused, Stopped } from './room-states.tsx'
import { TypingLine } from './typing-line.tsx'
import { useChannelState, useIsRestarted } from './use-channel-state.ts'
import { useReadNotices } from './use-read-notices.ts'
import { useReading } from './use-reading.ts'
import { useRoomActions } from './use-room-actions.ts'

interface RoomProps {
  /** Its channel. */
  room: string
  viewer: string
  isPeopleOpen: boolean
  onPeople: () => void
}

/** One room or direct talk: its head, its messages, and where to write. */
export function Room({ room, viewer, isPeopleOpen, onPeople }: RoomProps) {
  const name = nameOf(room)
  const here = useRoom(name)
  const files = useFiles(room)
  const reading = useReading(here)
  const doing = useRoomActions(here, viewer)
  const people = useCandidates(here, room, viewer)
  const { task, setTask, picking, setPicking, deleting, setDeleting, attempt } = doing
  const isRefused = here.status === 'left' && here.error !== undefined
  const label = labelOf(room, viewer)

  useReadNotices(here, room, viewer)

  const { send, edit, remove, messages } = here
  const { forget } = reading
  const onSend = (content: string): void => {
    if (task?.kind === 'edit') {
      if (content !== task.message.content) attempt(edit(task.message.id, content))
    } else {
      send(content, { replyTo: task?.message.id, attachments: files.take() })
      forget()
    }
    setTask(undefined)
  }
  const onEditLast = (): void => {
    const last = messages.findLast(
      ({ user, state, deleted }) => user === viewer && state === 'sent' && !deleted,
    )
    if (last) setTask({ kind: 'edit', message: last })
  }

  return (
    <DropZone label={label} isDisabled={isRefused} onFiles={files.add}>
      <RoomHead room={room} viewer={viewer} isPeopleOpen={isPeopleOpen} onPeople={onPeople} />
      <RoomBody {...{ room, viewer, here, reading, doing }} />
      <TypingLine name={name} />
      {doing.problem !== undefined && (
        <p className="problem" role="alert">
          <span>{doing.problem}</span>
          <button
            type="button"
            className="icon-button"
            aria-label="Close"
            onClick={doing.forgetProblem}
          >
            <CloseIcon />
          </button>
        </p>
      )}
      <Composer
        room={room}
        viewer={viewer}
        isDisabled={isRefused}
        task={task}
        people={people}
        files={files}
        onSend={onSend}
        onCancel={() => setTask(undefined)}
        onEditLast={onEditLast}
      />
      {picking && (
        <ReactionPicker
          anchor={picking.anchor}
          onChoose={(emoji) => doing.actions.toggle(picking.message, emoji)}
          onClose={() => setPicking(undefined)}
        />
      )}
      {deleting && (
        <DeleteDialog
          message={deleting}
          onDelete={() => {
            attempt(remove(deleting.id))
            setDeleting(undefined)
          }}
          onClose={() => setDeleting(undefined)}
        />
      )}
    </DropZone>
  )
}

interface RoomBodyProps {
  room: string
  viewer: string
  here: UseRoomResult
  reading: ReturnType<typeof useReading>
  doing: ReturnType<typeof useRoomActions>
}

function RoomBody({ room, viewer, here, reading, doing }: RoomBodyProps) {
  const { state: connection, connect } = useConnection()
  const subscription = useChannelState(room)
  const { markRead } = useReceipts(nameOf(room))
  const beginning = beginningOf(here, useIsRestarted(room))
  const { messages, hasMore, loading, status, error } = here
  const { readTo } = reading
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
        isLoadingOlder={here.loadingMore}
        actions={doing.actions}
        onOlder={here.loadMore}
        onAtBottom={reading.setIsAtBottom}
        onSeen={markRead}
      />
    )
  }
  if (connection.name === 'failed') {
    const { sentence } = connectionWords(connection, subscription, 0)
    return <Stopped message={sentence ?? ''} onRetry={connect} />
  }
  if (loading || status === 'joining') return <Skeleton label="messages" />
  return <EmptyRoom label={labelOf(room, viewer)} isDirect={isDirect(room)} />
}

/** Whom a mention may mean: who is here first, then everybody else. */
function useCandidates(here: UseRoomResult, room: string, viewer: string): readonly string[] {
  const { people, onMet } = usePeople()
  const { members, messages } = here
  const inRoom = useMemo(() => {
    const authors = messages.flatMap(({ user }) => user ?? [])
    const users = new Set([...members, ...authors])
    users.delete(viewer)
    return [...users].toSorted((a, b) => a.localeCompare(b))
  }, [members, messages, viewer])
  const other = otherOf(room, viewer)
  useEffect(() => onMet(other === undefined ? inRoom : [other]), [inRoom, other, onMet])
  return useMemo(() => {
    if (other !== undefined) return [other]
    return [...new Set([...inRoom, ...people.map(({ user }) => user)])]
  }, [inRoom, people, other])
}

function beginningOf(here: UseRoomResult, isRestarted: boolean): Beginning {
  const { hasMore, loadingMore, error, messages } = here
  if (hasMore) return error && !loadingMore ? 'failed' : 'more'
  if (isRestarted) return 'restarted'
  return (messages[0]?.offset ?? 1) > 1 ? 'expired' : 'start'
}
