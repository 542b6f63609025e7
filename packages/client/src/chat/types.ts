import type { TidewireError } from '../errors.ts'

/** One message as it stands now: with its last edit, or deleted, and with its reactions. */
export interface ChatMessage {
  /** The `message_id`: the same from the first try to the entry of the log. */
  readonly id: string
  /** Its place in the log; undefined until the log has it. */
  readonly offset: number | undefined
  /** Who wrote it; undefined for an own message sent before the first connection. */
  readonly user: string | undefined
  /** Milliseconds since 1970: when the server accepted it, or when it was sent while that is not known. */
  readonly at: number
  /** Empty when it is deleted. */
  readonly content: string
  readonly attachments: readonly Attachment[]
  /** Users that the server found in the content. */
  readonly mentions: readonly string[]
  /** The `message_id` of the message that it answers. */
  readonly replyTo: string | undefined
  readonly edited: boolean
  /** Its body is gone everywhere; what is left holds its place. */
  readonly deleted: boolean
  /** In the order of the emoji. */
  readonly reactions: readonly Reaction[]
  readonly state: 'pending' | 'sent' | 'failed'
  /** Why it failed. */
  readonly error: TidewireError | undefined
}

/** A file that was uploaded before. */
export interface Attachment {
  readonly id: string
  readonly name: string
  /** Media type. */
  readonly type: string
  /** Bytes. */
  readonly size: number
}

export interface Reaction {
  readonly emoji: string
  /** Ascending, each once. */
  readonly users: readonly string[]
}

/** A room as it stands. Immutable: the same object until something changes. */
export interface RoomSnapshot {
  /**
   * - `left`: not joined, closed, or refused (`error`)
   * - `joining`: waits for the connection, or for the server
   * - `joined`: live
   * - `reading`: messages are live, but the transport carries no commands, or the server has no rooms: nothing is known
   *   of members, typing and receipts
   */
  readonly status: 'left' | 'joining' | 'joined' | 'reading'
  /** Why the room may not be joined, or its history could not be read. */
  readonly error: TidewireError | undefined
  /** Ascending by offset, each once; own ones that the log does not have yet come last. */
  readonly messages: readonly ChatMessage[]
  /** The newest messages have not come yet. */
  readonly loading: boolean
  readonly loadingMore: boolean
  /** There are older messages: `loadMore()`. */
  readonly hasMore: boolean
  /** Users, ascending; of a large room the first ones. Empty for a direct talk. */
  readonly members: readonly string[]
  readonly memberCount: number
  /** Others who type now, ascending. */
  readonly typing: readonly string[]
  /** User → the offset that they have read to. */
  readonly receipts: Readonly<Record<string, number>>
  /** The offset that this user has read to. */
  readonly lastRead: number
  /** Messages of others after `lastRead`. */
  readonly unread: number
}

export interface SendOptions {
  /** The `message_id` of the message that it answers. */
  replyTo?: string | undefined
  attachments?: readonly Attachment[] | undefined
}
