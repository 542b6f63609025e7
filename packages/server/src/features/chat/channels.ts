import { isChannelName, ProtocolError } from '@tidewire/protocol'

/** The namespaces of rooms and of direct talks. */
export const ROOMS = 'chat'
export const DIRECT = 'dm'

const USER = /^[A-Za-z0-9_.@-]{1,128}$/

export function isUser(id: unknown): id is string {
  return typeof id === 'string' && USER.test(id)
}

export function isRoom(room: unknown): room is string {
  return typeof room === 'string' && isChannelName(`${ROOMS}:${room}`)
}

/** The channel of a room. Throws `bad_envelope` for what names none. */
export function channelOf(room: string): string {
  if (isRoom(room)) return `${ROOMS}:${room}`
  throw new ProtocolError('bad_envelope', 'This is not the name of a room, such as `general`.')
}

/** The room of a channel; undefined for direct talks. */
export function roomOf(channel: string): string | undefined {
  return channel.startsWith(`${ROOMS}:`) ? channel.slice(ROOMS.length + 1) : undefined
}

/** The two users of a direct talk; undefined for what is none: the ids are sorted, so that two users have one. */
export function directUsers(channel: string): readonly [string, string] | undefined {
  if (!channel.startsWith(`${DIRECT}:`)) return undefined
  const [a, b, ...others] = channel.slice(DIRECT.length + 1).split(',')
  if (!isUser(a) || !isUser(b) || others.length > 0 || a >= b) return undefined
  return [a, b]
}

/** Whether the channel is a room or a direct talk. */
export function isTalk(channel: unknown): channel is string {
  if (!isChannelName(channel)) return false
  return roomOf(channel) !== undefined || directUsers(channel) !== undefined
}
