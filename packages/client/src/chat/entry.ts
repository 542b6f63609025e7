import type { Json, JsonObject, Publication } from '@tidewire/protocol'
import type { Attachment, ChatMessage, Reaction } from './types.ts'

/**
 * What is known of one message. Events may come before the message that they are about, and a page of history may tell
 * what an event told already: each field is decided by the publication with the highest offset that speaks of it, so
 * that no order of arrival makes a difference.
 */
export interface Entry {
  /** As it stands; undefined until its publication has come. */
  readonly message: ChatMessage | undefined
  /** The publication itself. What the log brings of it may hold later edits already. */
  readonly base: ChatMessage | undefined
  readonly edit: Edit | undefined
  readonly deleted: boolean
  /** Emoji and user → the last that was said of the two. */
  readonly marks: ReadonlyMap<string, Mark>
  /** The highest offset that spoke of it. */
  readonly touched: number
}

interface Edit {
  readonly offset: number
  readonly user: string | undefined
  readonly content: string
  readonly mentions: readonly string[]
}

interface Mark {
  readonly offset: number
  readonly emoji: string
  readonly user: string
  readonly on: boolean
}

const UNKNOWN: Entry = {
  message: undefined,
  base: undefined,
  edit: undefined,
  deleted: false,
  marks: new Map(),
  touched: 0,
}

/** What this user does to a message, from the moment that it is done until the log tells it. */
export interface Change {
  /** The `message_id` of its own publication. */
  readonly id: string
  readonly type: 'message_edit' | 'message_delete' | 'reaction'
  readonly payload: JsonObject
  readonly user: string | undefined
  /** Its place in the log, once that is known. */
  readonly offset: number | undefined
}

/** The `message_id` of the message that a publication speaks of; undefined when it speaks of none. */
export function subjectOf({ type, payload, metadata }: Publication): string | undefined {
  if (metadata.offset === undefined) return undefined
  if (type === 'message') return metadata.message_id
  if (type !== 'message_edit' && type !== 'message_delete' && type !== 'reaction') return undefined
  return textOf(payload['message_id'])
}

/** `publication` speaks of this entry. */
export function withPublication(entry: Entry = UNKNOWN, publication: Publication): Entry {
  const next = told(entry, publication)
  const touched = Math.max(entry.touched, publication.metadata.offset ?? 0)
  return { ...next, touched, message: next.base && asItStands(next.base, next) }
}

/** The message as it will stand when the log has told the change. Whom a new text mentions is found by the server. */
export function withChange(message: ChatMessage, { type, payload, user }: Change): ChatMessage {
  if (message.deleted) return message
  if (type === 'message_delete') return tombstoneOf(message)
  if (type === 'message_edit') {
    return { ...message, content: textOf(payload['content']) ?? '', edited: true }
  }
  const emoji = textOf(payload['emoji'])
  if (emoji === undefined || user === undefined) return message
  const mark = { offset: Infinity, emoji, user, on: payload['remove'] !== true }
  return { ...message, reactions: marked(message.reactions, new Map([[keyOf(emoji, user), mark]])) }
}

function told(entry: Entry, publication: Publication): Entry {
  const { type, payload, metadata } = publication
  const { offset = 0, user } = metadata
  switch (type) {
    case 'message':
      // The first with an id counts.
      if (offset > (entry.base?.offset ?? Infinity)) return entry
      return { ...entry, base: baseOf(publication) }
    case 'message_delete':
      return { ...entry, deleted: true }
    case 'message_edit': {
      const content = textOf(payload['content'])
      // Its text is gone when the message was edited again, or deleted.
      if (content === undefined || offset < (entry.edit?.offset ?? 0)) return entry
      const mentions = textsOf(payload['mentions'])
      return { ...entry, edit: { offset, user: metadata.user, content, mentions } }
    }
    default: {
      const emoji = textOf(payload['emoji'])
      if (emoji === undefined || user === undefined) return entry
      const key = keyOf(emoji, user)
      if (offset < (entry.marks.get(key)?.offset ?? 0)) return entry
      const mark = { offset, emoji, user, on: payload['remove'] !== true }
      return { ...entry, marks: new Map(entry.marks).set(key, mark) }
    }
  }
}

function baseOf({ payload, metadata }: Publication): ChatMessage {
  return {
    id: metadata.message_id,
    offset: metadata.offset,
    user: metadata.user,
    at: Date.parse(metadata.timestamp),
    content: textOf(payload['content']) ?? '',
    attachments: listOf(payload['attachments']).filter(isObject) as unknown as Attachment[],
    mentions: textsOf(payload['mentions']),
    replyTo: textOf(payload['reply_to']),
    edited: payload['edited_at'] !== undefined,
    deleted: payload['deleted'] === true,
    reactions: reactionsOf(payload['reactions']),
    state: 'sent',
    error: undefined,
  }
}

function asItStands(base: ChatMessage, { edit, deleted, marks }: Entry): ChatMessage {
  if (deleted || base.deleted) return tombstoneOf(base)
  const reactions = marks.size === 0 ? base.reactions : marked(base.reactions, marks)
  if (edit === undefined || edit.user !== base.user) return { ...base, reactions }
  const { content, mentions } = edit
  return { ...base, content, mentions, edited: true, reactions }
}

function tombstoneOf(message: ChatMessage): ChatMessage {
  return {
    ...message,
    content: '',
    attachments: [],
    mentions: [],
    replyTo: undefined,
    edited: false,
    deleted: true,
    reactions: [],
  }
}

function marked(
  reactions: readonly Reaction[],
  marks: ReadonlyMap<string, Mark>,
): readonly Reaction[] {
  const users = new Map(reactions.map((reaction) => [reaction.emoji, new Set(reaction.users)]))
  for (const { emoji, user, on } of marks.values()) {
    const of = users.get(emoji) ?? new Set<string>()
    if (on) of.add(user)
    else of.delete(user)
    users.set(emoji, of)
  }
  return inOrder(users)
}

/** `{ emoji: [user…] }`, as the log tells what became of them. */
function reactionsOf(value: Json | undefined): readonly Reaction[] {
  if (!isObject(value)) return []
  return inOrder(
    new Map(Object.entries(value).map(([emoji, users]) => [emoji, new Set(textsOf(users))])),
  )
}

function inOrder(users: ReadonlyMap<string, ReadonlySet<string>>): readonly Reaction[] {
  return [...users]
    .filter(([, of]) => of.size > 0)
    .map(([emoji, of]) => ({ emoji, users: [...of].sort() }))
    .sort((a, b) => (a.emoji < b.emoji ? -1 : 1))
}

function keyOf(emoji: string, user: string): string {
  return `${user} ${emoji}`
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function textsOf(value: Json | undefined): readonly string[] {
  return listOf(value).filter((one) => typeof one === 'string')
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : []
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
