import type { Json, JsonObject } from '@tidewire/protocol'

/** Of one channel, for this user. */
export interface UnreadCount {
  /** Messages of others after `lastRead`. */
  readonly unread: number
  /** The offset that this user has read to. */
  readonly lastRead: number
  /** Those of them that mention this user. */
  readonly mentions: number
}

/** As the server counted. */
export interface Counted extends UnreadCount {
  /** Publications up to this one are in the counts; infinite where it is not told. */
  readonly offset: number
}

export const NOTHING_UNREAD: Counted = { unread: 0, lastRead: 0, mentions: 0, offset: 0 }

/** Channel → count, of an `unread_state`. */
export function countsOf({ channels }: JsonObject): Record<string, Counted> {
  const counts: Record<string, Counted> = {}
  if (!isObject(channels)) return counts
  for (const [channel, count] of Object.entries(channels)) {
    if (isObject(count)) counts[channel] = countOf(count)
  }
  return counts
}

/** Of one channel of `unread_state`, and of `room_joined`, where `offset` is that of the stream. */
export function countOf(told: JsonObject): Counted {
  const offset = told['counted'] ?? told['offset']
  return {
    unread: numberOf(told['unread']),
    lastRead: numberOf(told['last_read']),
    mentions: numberOf(told['mentions']),
    offset: typeof offset === 'number' ? offset : Infinity,
  }
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
