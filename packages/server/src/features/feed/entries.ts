import type { Activity } from './schemas.ts'

/** What is told together: the same verb and object, within an hour of the first. */
export interface FeedEntry {
  /** Of the newest activity, as are `seq`, `at`, `target` and `text`. */
  id: string
  seq: number
  at: string
  first_at: string
  verb: string
  object?: string
  target?: string
  text?: string
  /** The last three who did it, the newest first. */
  actors: string[]
  /** How many did it beside them. */
  others: number
}

const TOGETHER_MS = 3_600_000
const NAMED = 3

interface Group {
  first: Activity
  newest: Activity
  /** Whoever did it last is the last. */
  actors: Set<string>
}

/**
 * The entries of a feed, the newest first, of its activities in ascending order. What comes later changes no entry but
 * the one that it joins, which moves to the top: so a page of older ones stays what it is.
 */
export function entriesOf(activities: readonly Activity[]): FeedEntry[] {
  const open = new Map<string, Group>()
  const groups = new Set<Group>()
  for (const activity of activities) {
    const key = activity.object === undefined ? activity.id : `${activity.verb} ${activity.object}`
    const known = open.get(key)
    if (known !== undefined && joins(activity, known.first)) {
      groups.delete(known)
      known.newest = activity
      known.actors.delete(activity.actor)
      known.actors.add(activity.actor)
      groups.add(known)
    } else {
      const group = { first: activity, newest: activity, actors: new Set([activity.actor]) }
      open.set(key, group)
      groups.add(group)
    }
  }
  return [...groups].toReversed().map(toEntry)
}

function joins(activity: Activity, first: Activity): boolean {
  return Date.parse(activity.at) - Date.parse(first.at) <= TOGETHER_MS
}

function toEntry({ first, newest, actors }: Group): FeedEntry {
  const { id, seq, at, verb, object, target, text } = newest
  return {
    id,
    seq,
    at,
    first_at: first.at,
    verb,
    ...(object === undefined ? {} : { object }),
    ...(target === undefined ? {} : { target }),
    ...(text === undefined ? {} : { text }),
    actors: [...actors].toReversed().slice(0, NAMED),
    others: Math.max(0, actors.size - NAMED),
  }
}
