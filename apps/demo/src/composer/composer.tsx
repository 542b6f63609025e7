import { useTyping } from '@tidewire/react'
import {
  type AriaAttributes,
  type ClipboardEvent,
  type KeyboardEvent,
  type RefObject,
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
} from 'react'
import { draftOf, keepDraft } from '../lib/drafts.ts'
import { nameOf } from '../lib/rooms.ts'
import { ClipIcon, SendIcon } from '../parts/icons.tsx'
import type { Files } from './files.ts'
import { FileTray } from './file-tray.tsx'
import { MentionList } from './mention-list.tsx'
import { type Task, TaskBar } from './task-bar.tsx'
import { useDue } from './use-due.ts'
import { type Mention, useMention } from './use-mention.ts'

interface ComposerProps {
  room: string
  /** The first message of the thread that is answered in, which has a draft of its own. */
  thread?: string
  /** What is to be written. */
  label: string
  viewer: string
  isDisabled: boolean
  /** What is written is an answer, or another text of a message. */
  task: Task | undefined
  /** Whom a mention may mean. */
  people: readonly string[]
  files: Files
  onSend: (content: string) => void
  onCancel: () => void
  /** The reader wants to change what they wrote last. */
  onEditLast: () => void
}

/** Enter sends, Shift+Enter makes a new line. What was not sent is kept for each room while the tab is open. */
export function Composer(props: ComposerProps) {
  const { room, thread, label, isDisabled, task, files, onCancel } = props
  const { field, text, change, clear } = useText(thread ? `${room} ${thread}` : room, task)
  const { startTyping, stopTyping } = useTyping(isDisabled ? null : nameOf(room))
  const mention = useMention({ text, people: props.people, field, onChange: change })
  const listId = useId()
  const isEmpty = text.trim() === '' && (files.items.length === 0 || task?.kind === 'edit')
  const isWaiting = files.isBusy && task?.kind !== 'edit'
  const isBlocked = isEmpty || isDisabled || (isWaiting && !files.areComing)
  const send = (): void => {
    if (isEmpty) return
    props.onSend(text.trim())
    clear()
    field.current?.focus()
  }
  const { isDue, setDue, cancel } = useDue(files, isDisabled || task?.kind === 'edit', send)
  const submit = (): void => {
    if (isBlocked) return
    stopTyping()
    if (isWaiting) setDue()
    else send()
  }
  const onKeyDown = (event: KeyboardEvent): void => {
    // Enter that ends the composition of a word is no Enter.
    if (event.nativeEvent.isComposing || mention.onKeyDown(event)) return
    if (event.key === 'Escape') {
      if (task) {
        event.preventDefault()
        onCancel()
      } else if (thread === undefined) field.current?.blur()
    }
    if (event.key === 'ArrowUp' && text === '' && !task) {
      event.preventDefault()
      props.onEditLast()
    }
    if (event.key !== 'Enter' || event.shiftKey) return
    event.preventDefault()
    submit()
  }
  const onPaste = ({ clipboardData: { files: pasted } }: ClipboardEvent): void => {
    if (pasted.length > 0) files.add(pasted)
  }

  return (
    <div className="composer-frame">
      {mention.choices.length > 0 && <MentionList id={listId} mention={mention} />}
      <form
        className="composer"
        onSubmit={(event) => {
          event.preventDefault()
          submit()
        }}
      >
        <div className="composer-box" data-disabled={isDisabled || undefined}>
          {task && <TaskBar task={task} viewer={props.viewer} onCancel={onCancel} />}
          <FileTray files={files} isDue={isDue} />
          <div className="composer-line">
            <AttachButton files={files} isDisabled={isDisabled || task?.kind === 'edit'} />
            <textarea
              ref={field}
              data-testid={thread ? 'thread-composer' : 'composer'}
              value={text}
              onChange={(event) => {
                change(event.target.value)
                cancel()
                mention.onSelect()
                if (event.target.value.trim() === '') stopTyping()
                else startTyping()
              }}
              onKeyDown={onKeyDown}
              onSelect={mention.onSelect}
              onBlur={mention.close}
              onPaste={onPaste}
              placeholder={isDisabled ? 'You cannot write here' : label}
              aria-label={task?.kind === 'edit' ? 'Edit the message' : label}
              {...ariaOf(mention, listId)}
              rows={1}
              dir="auto"
              enterKeyHint="send"
              maxLength={MAX_LENGTH}
              disabled={isDisabled}
              // On a touch screen this would open the keyboard over the room.
              autoFocus={matchMedia('(pointer: fine)').matches}
            />
            <button
              type="submit"
              className="send"
              aria-label={task?.kind === 'edit' ? 'Save' : 'Send'}
              disabled={isBlocked}
              // Keeps the keyboard of a touch screen open.
              onPointerDown={(event) => event.preventDefault()}
            >
              <SendIcon />
            </button>
          </div>
        </div>
        {thread === undefined && <Hint />}
      </form>
    </div>
  )
}

const KEYS = [
  ['Enter', 'sends'],
  ['Shift Enter', 'new line'],
  ['↑', 'edits'],
  ['@', 'mentions'],
] as const

/** As many of the keys as there is space for. */
function Hint() {
  return (
    <p className="composer-hint" aria-hidden="true">
      {KEYS.map(([key, what]) => (
        <span key={key}>
          <kbd>{key}</kbd> {what}
        </span>
      ))}
    </p>
  )
}

/** As the server takes it. */
const MAX_LENGTH = 10_000

function ariaOf({ choices, chosen }: Mention, listId: string): AriaAttributes {
  if (choices.length === 0) return { 'aria-autocomplete': 'list' }
  return {
    'aria-autocomplete': 'list',
    'aria-controls': listId,
    'aria-activedescendant': `${listId}-${chosen}`,
  }
}

interface UseTextResult {
  field: RefObject<HTMLTextAreaElement | null>
  text: string
  change: (text: string) => void
  /** It was sent. */
  clear: () => void
}

/** The draft of the room or thread; while a message is edited its text instead, with the draft behind it. */
function useText(place: string, task: Task | undefined): UseTextResult {
  const field = useRef<HTMLTextAreaElement>(null)
  const [draft, setDraft] = useState(() => draftOf(place))
  const edited = task?.kind === 'edit' ? task.message : undefined
  const [edit, setEdit] = useState<{ id: string; text: string }>()
  if (edited && edited.id !== edit?.id) setEdit({ id: edited.id, text: edited.content })
  const text = edited ? (edit?.id === edited.id ? edit.text : edited.content) : draft

  useLayoutEffect(() => {
    const { current } = field
    if (!current) return
    current.style.height = 'auto'
    if (text !== '') current.style.height = `${current.scrollHeight}px`
  }, [text])

  // Who was given a task goes on in the field, at the end of what is there.
  const taskId = task && `${task.kind} ${task.message.id}`
  useEffect(() => {
    const { current } = field
    if (taskId === undefined || !current) return
    current.focus()
    current.setSelectionRange(current.value.length, current.value.length)
  }, [taskId])

  const change = (value: string): void => {
    if (edited) return setEdit({ id: edited.id, text: value })
    setDraft(value)
    keepDraft(place, value)
  }
  const clear = (): void => {
    if (edited) setEdit(undefined)
    else change('')
  }
  return { field, text, change, clear }
}

function AttachButton({ files, isDisabled }: { files: Files; isDisabled: boolean }) {
  const input = useRef<HTMLInputElement>(null)
  return (
    <>
      <button
        type="button"
        className="icon-button attach"
        aria-label="Attach files"
        title="Attach files"
        disabled={isDisabled}
        onClick={() => input.current?.click()}
      >
        <ClipIcon />
      </button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        data-testid="file-input"
        onChange={({ target }) => {
          if (target.files) files.add(target.files)
          target.value = ''
        }}
      />
    </>
  )
}
