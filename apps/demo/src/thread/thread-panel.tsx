import type { ChatMessage, UseRoomResult } from '@tidewire/react'
import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef } from 'react'
import { Composer } from '../composer/composer.tsx'
import { useFiles } from '../composer/use-files.ts'
import { useMedia } from '../lib/hooks.ts'
import { labelOf } from '../lib/rooms.ts'
import { authorOf } from '../lib/rows.ts'
import { type Thread, threadsOf } from '../lib/threads.ts'
import { WIDE } from '../lib/widths.ts'
import { counted } from '../lib/words.ts'
import { TalkIcon } from '../parts/icons.tsx'
import { Notice, Skeleton } from '../parts/notice.tsx'
import { SideHead } from '../parts/side.tsx'
import type { MessageActions } from '../room/message-actions.ts'
import { MessageRow } from '../room/message-row.tsx'
import { Problem, RoomDialogs } from '../room/room-dialogs.tsx'
import { useRoomActions } from '../room/use-room-actions.ts'

interface ThreadPanelProps {
  room: string
  viewer: string
  here: UseRoomResult
  /** The id of its first message. */
  root: string
  /** Whom a mention may mean. */
  people: readonly string[]
  /** Shows a message in the room. */
  onShow: (id: string) => void
  onClose: () => void
}

const NONE: Thread = { replies: [], users: [] }

/** A message, what others answered to it, and where to answer. The answers stand in the room as well. */
export function ThreadPanel(props: ThreadPanelProps) {
  const { room, viewer, here, root, onShow, onClose } = props
  const { messages, hasMore, loadingMore, error, loadMore, send } = here
  const doing = useRoomActions(here, viewer)
  const files = useFiles(room)
  const isWide = useMedia(WIDE)
  const first = messages.find(({ id }) => id === root)
  const thread = useMemo(() => threadsOf(messages).get(root) ?? NONE, [messages, root])
  const isMissing = first === undefined
  const scroller = useStuck()

  // It may have begun long ago.
  useEffect(() => {
    if (isMissing && hasMore && !loadingMore && error === undefined) void loadMore()
  }, [isMissing, hasMore, loadingMore, error, loadMore])

  const { task, setTask } = doing
  const onSend = (content: string): void => {
    if (task?.kind === 'edit') doing.saveEdit(task.message, content)
    else send(content, { replyTo: root, attachments: files.take() })
    setTask(undefined)
  }
  const actions = useMemo(
    () => ({ ...doing.actions, jump: onShow, openThread: undefined }),
    [doing.actions, onShow],
  )
  const show = (): void => {
    if (!isWide) onClose()
    onShow(root)
  }
  return (
    <section className="thread" aria-label="Thread" data-testid="thread">
      <SideHead title="Thread" closes="the thread" onClose={onClose}>
        <span className="thread-where ellipsis">{whereOf(room, viewer)}</span>
        <button type="button" className="button button-quiet" disabled={isMissing} onClick={show}>
          Show in room
        </button>
      </SideHead>
      <div ref={scroller} className="thread-scroll" data-testid="thread-messages">
        {first ? (
          <ThreadMessages {...{ first, thread, viewer, actions }} />
        ) : hasMore && error === undefined ? (
          <Skeleton label="the first message" />
        ) : (
          <ThreadMessages {...{ first, thread, viewer, actions }} />
        )}
      </div>
      <Problem doing={doing} />
      <Composer
        room={room}
        thread={root}
        label="Reply in the thread"
        isDisabled={here.status === 'left'}
        task={task}
        viewer={viewer}
        people={props.people}
        files={files}
        onSend={onSend}
        onCancel={() => setTask(undefined)}
        onEditLast={() => doing.editLast(thread.replies)}
      />
      <RoomDialogs doing={doing} />
    </section>
  )
}

function whereOf(room: string, viewer: string): string {
  return room.startsWith('chat:') ? `#${labelOf(room)}` : labelOf(room, viewer)
}

interface ThreadMessagesProps {
  first: ChatMessage | undefined
  thread: Thread
  viewer: string
  actions: MessageActions
}

const NOBODY: readonly string[] = []

function ThreadMessages({ first, thread: { replies }, viewer, actions }: ThreadMessagesProps) {
  const row = (message: ChatMessage) => (
    <MessageRow
      key={message.id}
      message={message}
      author={authorOf(message, viewer)}
      leads
      viewer={viewer}
      answered={undefined}
      seen={NOBODY}
      isArrival={false}
      isHighlighted={false}
      actions={actions}
    />
  )
  return (
    <>
      {first ? row(first) : <p className="hint thread-lost">Its first message has expired.</p>}
      {replies.length > 0 ? (
        <>
          <div className="separator thread-separator" role="separator">
            <span>{counted(replies.length, 'reply', 'replies')}</span>
          </div>
          <div role="log" aria-label="Replies">
            {replies.map(row)}
          </div>
        </>
      ) : (
        <Notice icon={<TalkIcon size={22} />}>
          <p>Nobody has answered yet. Answers stand here and in the room.</p>
        </Notice>
      )}
    </>
  )
}

const NEAR_PX = 80

/** The list stays at its end, where the reader is there, when something is added. */
function useStuck(): RefObject<HTMLDivElement | null> {
  const scroller = useRef<HTMLDivElement>(null)
  const height = useRef(0)
  useLayoutEffect(() => {
    const { current } = scroller
    if (!current || current.scrollHeight === height.current) return
    const { scrollTop, clientHeight, scrollHeight } = current
    if (height.current - scrollTop - clientHeight < NEAR_PX) current.scrollTop = scrollHeight
    height.current = scrollHeight
  })
  return scroller
}
