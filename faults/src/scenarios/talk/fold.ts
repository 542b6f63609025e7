import type { JsonObject, Publication } from '@tidewire/protocol'

/** A message as PROTOCOL.md §6 says that it stands. */
export interface Message {
  id: string
  offset: number
  user: string | undefined
  content: string
  mentions: readonly string[]
  deleted: boolean
  /** Emoji → users. */
  reactions: Map<string, Set<string>>
}

/** What became of the messages of a channel: the fold of its log, in the order of offsets. */
export function folded(publications: readonly Publication[]): Message[] {
  const messages = new Map<string, Message>()
  for (const { type, payload, metadata } of publications) {
    const { message_id: id, user, offset = 0 } = metadata
    if (type === 'message') {
      if (!messages.has(id)) messages.set(id, { id, offset, user, ...said(payload) })
      continue
    }
    const message = messages.get(textOf(payload['message_id']))
    if (message !== undefined && !message.deleted) change(message, type, payload, user)
  }
  return [...messages.values()]
}

/** Messages of others after `lastRead`, and those of them that mention the user. */
export function unreadIn(
  messages: readonly Message[],
  user: string,
  lastRead: number,
): { unread: number; mentions: number } {
  const unread = messages.filter((message) => {
    return !message.deleted && message.user !== user && message.offset > lastRead
  })
  const mentions = unread.filter((message) => message.mentions.includes(user))
  return { unread: unread.length, mentions: mentions.length }
}

/** In a form in which two of them can be compared. */
export function lineOf({
  id,
  offset,
  user,
  content,
  mentions,
  deleted,
  reactions,
}: Message): string {
  const emoji = [...reactions]
    .filter(([, users]) => users.size > 0)
    .map(([one, users]) => `${one}${[...users].sort().join('+')}`)
    .sort()
  const body = deleted
    ? 'deleted'
    : `${content} @${[...mentions].sort().join('@')} ${emoji.join(' ')}`
  return `${offset} ${id} ${user}: ${body}`
}

function change(
  message: Message,
  type: string,
  payload: JsonObject,
  user: string | undefined,
): void {
  if (type === 'message_delete') Object.assign(message, said({ deleted: true }))
  // A row whose message was deleted later has no content any more.
  if (type === 'message_edit' && message.user === user && typeof payload['content'] === 'string') {
    const { content, mentions } = said(payload)
    Object.assign(message, { content, mentions })
  }
  if (type !== 'reaction' || user === undefined) return
  const emoji = textOf(payload['emoji'])
  const users = message.reactions.get(emoji) ?? new Set()
  if (payload['remove'] === true) users.delete(user)
  else users.add(user)
  message.reactions.set(emoji, users)
}

function said(
  payload: JsonObject,
): Pick<Message, 'content' | 'mentions' | 'deleted' | 'reactions'> {
  const { content, mentions, reactions } = payload as {
    content?: string
    mentions?: string[]
    reactions?: Record<string, string[]>
  }
  return {
    content: content ?? '',
    mentions: mentions ?? [],
    deleted: payload['deleted'] === true,
    reactions: new Map(
      Object.entries(reactions ?? {}).map(([emoji, users]) => [emoji, new Set(users)]),
    ),
  }
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
