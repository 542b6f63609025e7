import type { Tidewire } from '../client.ts'
import { TidewireError } from '../errors.ts'
import type { ConnectionState } from '../types.ts'
import { Wait, type WaitOptions } from '../wait.ts'
import { directChannel } from './direct.ts'
import { Room, type RoomOptions } from './room.ts'
import { type FoundMessage, type FoundPage, search, type SearchOptions } from './search.ts'
import { NO_UNREAD, Unread, type UnreadOptions, type UnreadSnapshot } from './unread.ts'
import type { UnreadCount } from './unread-counts.ts'

export { directChannel, NO_UNREAD }
export type { FoundMessage, FoundPage, SearchOptions }
export type { Room, RoomOptions, Unread, UnreadCount, UnreadOptions, UnreadSnapshot }
export type { Attachment, ChatMessage, Reaction, RoomSnapshot, SendOptions } from './types.ts'

/**
 * The handle of the room `name`, whose channel is `chat:<name>`, or of the direct talk `dm:<a>,<b>`. Throws
 * `invalid_argument` for what is neither.
 */
export function room<Events>(client: Tidewire<Events>, name: string, options?: RoomOptions): Room {
  return new Room(client as unknown as Tidewire, name, options)
}

/**
 * The handle of the direct talk with `user`. Waits for the first connection, which tells who this user is; rejects with
 * `unauthorized` when it is nobody.
 */
export async function direct<Events>(
  client: Tidewire<Events>,
  user: string,
  { signal, timeout, ...options }: RoomOptions & WaitOptions = {},
): Promise<Room> {
  const me = await ownUser(client as unknown as Tidewire, { signal, timeout })
  if (me !== undefined) return room(client, directChannel(me, user), options)
  throw new TidewireError('unauthorized', 'A direct talk needs a user: connect with a token.')
}

async function ownUser(client: Tidewire, options: WaitOptions): Promise<string | undefined> {
  const connected = new Wait<string | undefined>('The connection', options, () => undefined)
  const look = (state: ConnectionState): void => {
    if (state.name === 'connected') connected.resolve(state.user)
    if (state.name === 'failed') connected.reject(state.error)
  }
  const off = client.on('state', ({ to }) => look(to))
  look(client.state)
  try {
    return await connected.promise
  } finally {
    off()
  }
}

/**
 * Messages with all the words of `query` in the room or direct talk `name`, newest first; of its last word the beginning is
 * enough. Rejects with what the server refused it for: `bad_envelope` when the query has neither a letter nor a number,
 * `forbidden` where this user may not read.
 */
export function searchMessages<Events>(
  client: Tidewire<Events>,
  name: string,
  query: string,
  options?: SearchOptions,
): Promise<FoundPage> {
  return search(client as unknown as Tidewire, name, query, options)
}

/** What is unread over the rooms and direct talks of this user. Nothing is counted before `open()`. */
export function unread<Events>(client: Tidewire<Events>, options?: UnreadOptions): Unread {
  return new Unread(client as unknown as Tidewire, options)
}
