import type { Json, JsonObject } from '@tidewire/protocol'

/** Who is a member of a room, and how far each has read. */
export interface People {
  /** Ascending; of a large room the first ones. */
  readonly members: readonly string[]
  readonly count: number
  readonly receipts: Readonly<Record<string, number>>
}

export const NOBODY: People = { members: [], count: 0, receipts: {} }

/** As `room_joined` tells. Receipts that were heard of before stay. */
export function present(people: People, payload: JsonObject): People {
  const told = Array.isArray(payload['members']) ? payload['members'] : []
  const readers = told.flatMap((one) => readerOf(one) ?? [])
  const members = readers.map(({ user }) => user).sort()
  const count = payload['member_count']
  const here = {
    members,
    count: typeof count === 'number' ? count : members.length,
    receipts: people.receipts,
  }
  return readers.reduce((all, { user, offset }) => readTo(all, user, offset), here as People)
}

export function entered(people: People, user: string): People {
  if (people.members.includes(user)) return people
  return { ...people, members: [...people.members, user].sort(), count: people.count + 1 }
}

export function gone(people: People, user: string): People {
  const members = people.members.filter((member) => member !== user)
  const wasListed = members.length < people.members.length
  // Else it was one of those that a large room does not list, or gone before.
  const isCounted = wasListed || people.count > people.members.length
  return isCounted ? { ...people, members, count: people.count - 1 } : people
}

/** Only ever further. */
export function readTo(people: People, user: string, offset: number): People {
  if (offset <= (people.receipts[user] ?? 0)) return people
  return { ...people, receipts: { ...people.receipts, [user]: offset } }
}

function readerOf(value: Json): { user: string; offset: number } | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  const { user, last_read: offset } = value
  if (typeof user !== 'string') return undefined
  return { user, offset: typeof offset === 'number' ? offset : 0 }
}
