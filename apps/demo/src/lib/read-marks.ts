import type { Position } from '@tidewire/react'

export type Positions = Readonly<Record<string, Position>>

/** How far each room's log goes, and how far this user has read. */
export interface ReadMarks {
  readonly newest: Positions
  readonly read: Positions
}

/** How many messages of a room are new to the reader. A room that was never opened has none. */
export function unreadOf({ newest, read }: ReadMarks, room: string): number {
  const last = newest[room]
  const mark = read[room]
  if (!last || !mark || last.epoch !== mark.epoch) return 0
  return Math.max(0, last.offset - mark.offset)
}

/** A room's log was seen to reach `position`. */
export function seen(marks: ReadMarks, room: string, position: Position): ReadMarks {
  const last = marks.newest[room]
  if (last?.epoch === position.epoch && last.offset >= position.offset) return marks
  const mark = marks.read[room]
  const newest = { ...marks.newest, [room]: position }
  return mark?.epoch === position.epoch
    ? { ...marks, newest }
    : { newest, read: { ...marks.read, [room]: position } }
}

/** Everything in the room has been read. */
export function readAll(marks: ReadMarks, room: string): ReadMarks {
  const last = marks.newest[room]
  return !last || marks.read[room] === last
    ? marks
    : { ...marks, read: { ...marks.read, [room]: last } }
}

export function isPositions(value: unknown): value is Positions {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every(
      (mark: unknown) => typeof mark === 'object' && mark !== null && 'epoch' in mark,
    )
  )
}
