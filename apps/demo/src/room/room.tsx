import { type UseRoomResult, useRoom } from '@tidewire/react'
import { useCallback, useMemo } from 'react'
import { Composer } from '../composer/composer.tsx'
import { useFiles } from '../composer/use-files.ts'
import { labelOf, nameOf } from '../lib/rooms.ts'
import { rootOf } from '../lib/threads.ts'
import { Side } from '../parts/side.tsx'
import { PeoplePanel } from '../people/people-panel.tsx'
import { ThreadPanel } from '../thread/thread-panel.tsx'
import { DropZone } from './drop-zone.tsx'
import { MissedBar } from './missed-bar.tsx'
import { RoomBody } from './room-body.tsx'
import { Problem, RoomDialogs } from './room-dialogs.tsx'
import { RoomHead } from './room-head.tsx'
import { TypingLine } from './typing-line.tsx'
import { useCandidates } from './use-candidates.ts'
import { useGoal, type UseGoalResult } from './use-goal.ts'
import { useMissed } from './use-missed.ts'
import { usePanel } from './use-panel.ts'
import { useReadNotices } from './use-read-notices.ts'
import { useReading } from './use-reading.ts'
import { useRoomActions } from './use-room-actions.ts'

interface RoomProps {
  /** Its channel. */
  room: string
  viewer: string
  onSearch: () => void
}

/** One room or direct talk: its head, its messages, where to write, and what stands beside it. */
export function Room({ room, viewer, onSearch }: RoomProps) {
  const name = nameOf(room)
  const here = useRoom(name)
  const files = useFiles(room)
  const reading = useReading(here)
  const doing = useRoomActions(here, viewer)
  const people = useCandidates(here, room, viewer)
  const going = useGoal(here)
  const missing = useMissed(room, viewer)
  const { panel, togglePeople, openThread, close } = usePanel()
  const { task, setTask } = doing
  const isRefused = here.status === 'left' && here.error !== undefined
  const label = labelOf(room, viewer)
  const { send, messages } = here
  const { goTo } = going
  const { missed } = missing
  // It is opened by any message of it.
  const opened = panel?.kind === 'thread' ? panel.root : undefined
  const thread = useMemo(
    () => (opened === undefined ? undefined : rootOf(messages, opened)),
    [opened, messages],
  )

  useReadNotices(here, room, viewer)

  const actions = useMemo(
    () => ({
      ...doing.actions,
      jump: (id: string) => goTo({ id }),
      openThread,
    }),
    [doing.actions, goTo, openThread],
  )
  const onSend = (content: string): void => {
    if (task?.kind === 'edit') doing.saveEdit(task.message, content)
    else {
      send(content, { replyTo: task?.message.id, attachments: files.take() })
      reading.forget()
      missing.forget()
    }
    setTask(undefined)
  }
  const showMissed = (): void => {
    if (missed) goTo({ offset: missed.first })
    missing.close()
  }

  return (
    <>
      <DropZone label={label} isDisabled={isRefused} onFiles={files.add}>
        <RoomHead
          room={room}
          viewer={viewer}
          isJoining={here.status === 'joining'}
          isPeopleOpen={panel?.kind === 'people'}
          onPeople={togglePeople}
          onSearch={onSearch}
        />
        <div className="room-main">
          <RoomBody
            {...{ room, viewer, here, going, actions }}
            readTo={earlier(reading.readTo, missed && missed.first - 1)}
            onAtBottom={reading.setIsAtBottom}
            openThread={thread}
          />
          <OnTheWay going={going} />
          {missed && missing.isNews && !going.isOnTheWay && (
            <MissedBar missed={missed} onShow={showMissed} onClose={missing.close} />
          )}
        </div>
        <TypingLine name={name} />
        <Problem doing={doing} />
        <Composer
          room={room}
          label={`Message ${label}`}
          isDisabled={isRefused}
          task={task}
          viewer={viewer}
          people={people}
          files={files}
          onSend={onSend}
          onCancel={() => setTask(undefined)}
          onEditLast={() => doing.editLast(messages)}
        />
        <RoomDialogs doing={doing} />
      </DropZone>
      {panel && <Beside {...{ thread, room, viewer, here, goTo, people }} onClose={close} />}
    </>
  )
}

function earlier(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined ? (one ?? other) : Math.min(one, other)
}

/** While a message is looked for, and when it is not there. */
function OnTheWay({ going: { isOnTheWay, problem, forget } }: { going: UseGoalResult }) {
  if (!isOnTheWay && problem === undefined) return null
  return (
    <div className="missed" role="status" data-testid="on-the-way">
      <span className="missed-show">{problem ?? 'Going back to that message'}</span>
      <button type="button" className="link-button missed-stop" onClick={forget}>
        {isOnTheWay ? 'Stop' : 'Close'}
      </button>
    </div>
  )
}

interface BesideProps {
  /** The first message of the thread; undefined for the people. */
  thread: string | undefined
  room: string
  viewer: string
  here: UseRoomResult
  goTo: UseGoalResult['goTo']
  people: readonly string[]
  onClose: () => void
}

function Beside({ thread, goTo, onClose, ...props }: BesideProps) {
  const { room, viewer } = props
  const isThread = thread !== undefined
  const onShow = useCallback((id: string) => goTo({ id }), [goTo])
  return (
    <Side label={isThread ? 'Thread' : 'People'} isLarge={isThread} onClose={onClose}>
      {isThread ? (
        <ThreadPanel key={thread} {...props} root={thread} {...{ onShow, onClose }} />
      ) : (
        <PeoplePanel {...{ room, viewer, onClose }} />
      )}
    </Side>
  )
}
