import { DEFAULT_ROOMS, isDirect, isRoom, MAX_ROOMS } from './rooms.ts'

/** The rooms and direct talks of the rail, and those that the reader took out of it. */
export interface RoomList {
  readonly names: readonly string[]
  readonly hidden: readonly string[]
}

export const FIRST_LIST: RoomList = { names: DEFAULT_ROOMS, hidden: [] }

type Counts = Readonly<Record<string, { readonly unread: number }>>

/**
 * The list with the room that is open, and with those that the server knows the reader by. What was taken out comes back
 * when it is opened, a direct talk also when somebody writes there. The same list when nothing is new.
 */
export function withRooms(list: RoomList, counts: Counts, open: string | undefined): RoomList {
  const { names, hidden } = list
  const isWanted = (room: string): boolean => {
    if (names.includes(room) || !isRoom(room)) return false
    if (!hidden.includes(room)) return true
    return isDirect(room) && (counts[room]?.unread ?? 0) > 0
  }
  const wanted = Object.keys(counts).filter(isWanted)
  if (open !== undefined && !names.includes(open) && !wanted.includes(open)) wanted.push(open)
  if (wanted.length === 0) return list
  return {
    names: [...names, ...wanted].slice(-MAX_ROOMS),
    hidden: hidden.filter((room) => !wanted.includes(room)),
  }
}

export function withoutRoom({ names, hidden }: RoomList, room: string): RoomList {
  return {
    names: names.filter((other) => other !== room),
    hidden: [...hidden.filter((other) => other !== room), room].slice(-MAX_ROOMS),
  }
}

const isRooms = (value: unknown): value is string[] => Array.isArray(value) && value.every(isRoom)

export function isRoomList(value: unknown): value is RoomList {
  if (typeof value !== 'object' || value === null) return false
  const { names, hidden } = value as Partial<RoomList>
  return isRooms(names) && names.length > 0 && isRooms(hidden)
}
