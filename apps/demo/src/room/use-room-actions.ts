import type { ChatMessage, TidewireError, UseRoomResult } from '@tidewire/react'
import { useCallback, useMemo, useState } from 'react'
import type { Task } from '../composer/task-bar.tsx'
import type { MessageActions } from './message-actions.ts'

interface Picking {
  message: ChatMessage
  anchor: HTMLElement
}

export interface UseRoomActionsResult {
  actions: Omit<MessageActions, 'jump' | 'openThread'>
  /** What the next message is for. */
  task: Task | undefined
  setTask: (task: Task | undefined) => void
  picking: Picking | undefined
  setPicking: (picking: Picking | undefined) => void
  deleting: ChatMessage | undefined
  setDeleting: (message: ChatMessage | undefined) => void
  remove: (message: ChatMessage) => void
  /** The text of the message that is edited now. */
  saveEdit: (message: ChatMessage, content: string) => void
  /** Edits the last of these messages that is the viewer's own. */
  editLast: (messages: readonly ChatMessage[]) => void
  /** What was refused, and why. */
  problem: string | undefined
  forgetProblem: () => void
}

/** What a reader does with the messages of a room. */
export function useRoomActions(room: UseRoomResult, viewer: string): UseRoomActionsResult {
  const { retry, discard, react, edit, remove } = room
  const [task, setTask] = useState<Task>()
  const [picking, setPicking] = useState<Picking>()
  const [deleting, setDeleting] = useState<ChatMessage>()
  const [problem, setProblem] = useState<string>()
  const attempt = useCallback((deed: Promise<unknown>) => {
    setProblem(undefined)
    deed.catch((error: TidewireError) => setProblem(error.message))
  }, [])
  const actions = useMemo(
    () => ({
      retry,
      discard,
      reply: (message: ChatMessage) => setTask({ kind: 'reply', message }),
      edit: (message: ChatMessage) => setTask({ kind: 'edit', message }),
      remove: setDeleting,
      toggle: ({ id, reactions }: ChatMessage, emoji: string) => {
        const users = reactions.find((reaction) => reaction.emoji === emoji)?.users ?? []
        attempt(react(id, emoji, { remove: users.includes(viewer) }))
      },
      pick: (message: ChatMessage, anchor: HTMLElement) => setPicking({ message, anchor }),
    }),
    [retry, discard, react, attempt, viewer],
  )
  return {
    actions,
    task,
    setTask,
    picking,
    setPicking,
    deleting,
    setDeleting,
    remove: ({ id }) => attempt(remove(id)),
    saveEdit: ({ id, content: before }, content) => {
      if (content !== before) attempt(edit(id, content))
    },
    editLast: (messages) => {
      const last = messages.findLast(
        ({ user, state, deleted }) => user === viewer && state !== 'failed' && !deleted,
      )
      if (last) setTask({ kind: 'edit', message: last })
    },
    problem,
    forgetProblem: useCallback(() => setProblem(undefined), []),
  }
}
