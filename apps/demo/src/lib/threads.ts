import type { ChatMessage } from '@tidewire/react'

/** The answers to one message, and the answers to them, as they came. */
export interface Thread {
  readonly replies: readonly ChatMessage[]
  /** Who wrote them, each once, the latest last. */
  readonly users: readonly string[]
}

/**
 * Id of a first message → its thread. An answer to an answer belongs to the message that all began with, as far back as
 * there are messages here; the first message itself need not be among them.
 */
export function threadsOf(messages: readonly ChatMessage[]): ReadonlyMap<string, Thread> {
  const threads = new Map<string, { replies: ChatMessage[]; users: string[] }>()
  const roots = rootsOf(messages)
  for (const message of messages) {
    const root = roots.get(message.id)
    if (root === undefined || root === message.id) continue
    const thread = threads.get(root) ?? { replies: [], users: [] }
    const { user } = message
    thread.replies.push(message)
    if (user !== undefined) thread.users = [...thread.users.filter((u) => u !== user), user]
    threads.set(root, thread)
  }
  return threads
}

/** The message that the thread of `id` began with; `id` itself when it answers none. */
export function rootOf(messages: readonly ChatMessage[], id: string): string {
  return rootsOf(messages).get(id) ?? id
}

function rootsOf(messages: readonly ChatMessage[]): ReadonlyMap<string, string> {
  const roots = new Map<string, string>()
  for (const { id, replyTo } of messages) {
    roots.set(id, replyTo === undefined ? id : (roots.get(replyTo) ?? replyTo))
  }
  return roots
}
