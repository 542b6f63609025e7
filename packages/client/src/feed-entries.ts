/** What is told together: the same verb and object, within an hour of the first. */
export interface FeedEntry {
  /** Of the newest activity, as are `seq`, `at`, `target` and `text`. */
  readonly id: string
  readonly seq: number
  /** ISO 8601. */
  readonly at: string
  readonly first_at: string
  readonly verb: string
  readonly object?: string
  readonly target?: string
  readonly text?: string
  /** The last three who did it, the newest first. */
  readonly actors: readonly string[]
  /** How many did it beside them. */
  readonly others: number
}

/** An activity as it arrives. */
export interface Activity {
  readonly id: string
  /** Its place in the order of all activities of the server. */
  readonly seq: number
  readonly at: string
  readonly actor: string
  readonly verb: string
  readonly object?: string
  readonly target?: string
  readonly text?: string
}

export interface Merged {
  entries: readonly FeedEntry[]
  /** Whether only the server knows what the entries are now. */
  isUnsure: boolean
}

const TOGETHER_MS = 3_600_000
const NAMED = 3

/**
 * The entries, newest first, with an activity that arrived, as the server would tell them. `hasMore`: it knows older ones,
 * which the activity may belong to. It may also belong to the `others` of an entry, whom nobody named here.
 */
export function merge(entries: readonly FeedEntry[], activity: Activity, hasMore: boolean): Merged {
  const { seq, id, object } = activity
  if (entries.some((entry) => entry.id === id)) return { entries, isUnsure: false }
  const joined = object === undefined ? undefined : entries.find((entry) => joins(activity, entry))
  const rest = entries.filter((entry) => entry !== joined)
  if (seq <= (entries[0]?.seq ?? 0)) {
    // It is late, or known and not the newest of its entry: only the server can tell what it changes.
    const at = entries.findIndex((entry) => entry.seq < seq)
    const place = at < 0 ? entries.length : at
    const isSeen = joined === undefined && (at >= 0 || !hasMore)
    const late = isSeen ? entries.toSpliced(place, 0, alone(activity)) : entries
    return { entries: late, isUnsure: true }
  }
  if (joined !== undefined) {
    const isNamed = joined.actors.includes(activity.actor)
    const isUnsure = !isNamed && joined.others > 0
    return { entries: [withActor(joined, activity), ...rest], isUnsure }
  }
  const oldest = entries.at(-1)
  const mayJoinOlder =
    object !== undefined && hasMore && (oldest === undefined || isTogether(activity, oldest.at))
  return { entries: [alone(activity), ...entries], isUnsure: mayJoinOlder }
}

/**
 * The newest entries as the server tells them now, and below them the older ones that were there before, where nothing can
 * lie between.
 */
export function refreshed(
  before: readonly FeedEntry[],
  page: readonly FeedEntry[],
  hasMore: boolean,
): { entries: readonly FeedEntry[]; keepsOlder: boolean } {
  const last = page.at(-1)
  const top = before[0]
  if (last === undefined || top === undefined || !hasMore || last.seq > top.seq) {
    return { entries: page, keepsOlder: false }
  }
  const told = new Set(page.map(keyOf))
  const older = before.filter((entry) => entry.seq < last.seq && !told.has(keyOf(entry)))
  return { entries: [...page, ...older], keepsOlder: older.length > 0 }
}

function joins(activity: Activity, { verb, object, first_at }: FeedEntry): boolean {
  return verb === activity.verb && object === activity.object && isTogether(activity, first_at)
}

function isTogether({ at }: Activity, first: string): boolean {
  return Date.parse(at) - Date.parse(first) <= TOGETHER_MS
}

function withActor({ actors, others, first_at }: FeedEntry, activity: Activity): FeedEntry {
  const isNamed = actors.includes(activity.actor)
  const all = [activity.actor, ...actors.filter((actor) => actor !== activity.actor)]
  const hidden = !isNamed && actors.length === NAMED ? 1 : 0
  const { actor: _, ...newest } = activity
  return { ...newest, first_at, actors: all.slice(0, NAMED), others: others + hidden }
}

function alone({ actor, ...activity }: Activity): FeedEntry {
  return { ...activity, first_at: activity.at, actors: [actor], others: 0 }
}

/** An entry stays the same one however it grows. */
function keyOf({ id, verb, object, first_at }: FeedEntry): string {
  return object === undefined ? id : `${verb} ${object} ${first_at}`
}
