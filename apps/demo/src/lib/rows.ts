import type { ChatMessage } from '@tidewire/react'
import { dayOf } from './time.ts'

/** What the first message of a list has before it. */
export type Beginning = 'more' | 'failed' | 'start' | 'expired' | 'restarted'

export interface MessageLine {
  kind: 'message'
  key: string
  message: ChatMessage
  author: string
  /** Stands under its author's name; the others of its group follow without one. */
  leads: boolean
}

/** One line of the list, from top to bottom. */
export type Row =
  | { kind: 'beginning'; key: string; beginning: Beginning }
  | { kind: 'day'; key: string; day: number }
  | { kind: 'new'; key: string }
  | MessageLine

const MINUTE_MS = 60_000

/**
 * The rows of a list of messages. A message leads a group when another author, another minute or a separator is
 * before it, or when it answers another. `readTo`: the offset after which everything is new to the reader, who is
 * `viewer`.
 */
export function rowsOf(
  messages: readonly ChatMessage[],
  beginning: Beginning,
  readTo: number | undefined,
  viewer: string,
): Row[] {
  const rows: Row[] = [{ kind: 'beginning', key: 'beginning', beginning }]
  let day = Number.NEGATIVE_INFINITY
  let nextDay = Number.NEGATIVE_INFINITY
  let before: { author: string; at: number } | undefined
  let isNewMarked = readTo === undefined
  for (const message of messages) {
    const { at, offset } = message
    if (at >= nextDay || at < day) {
      day = dayOf(at)
      nextDay = dayOf(day + 36 * 3_600_000)
      rows.push({ kind: 'day', key: `day ${day}`, day })
      before = undefined
    }
    const author = authorOf(message, viewer)
    if (!isNewMarked && author !== viewer && offset !== undefined && offset > (readTo ?? 0)) {
      rows.push({ kind: 'new', key: 'new' })
      isNewMarked = true
      before = undefined
    }
    const follows = before?.author === author && minuteOf(before.at) === minuteOf(at)
    const leads = !follows || message.replyTo !== undefined
    rows.push({ kind: 'message', key: message.id, message, author, leads })
    before = { author, at }
  }
  return rows
}

const minuteOf = (at: number): number => Math.floor(at / MINUTE_MS)

/** Who wrote it. What no user published came from a server key, unless it is an own message on its way. */
export function authorOf({ user, offset, state }: ChatMessage, viewer: string): string {
  if (user !== undefined) return user
  return offset === undefined && state !== 'sent' ? viewer : 'server'
}

/**
 * Who has read up to which message: each of the others stands at the last message that they have seen, unless it is
 * their own. By the id of the message.
 */
export function seenBy(
  messages: readonly ChatMessage[],
  receipts: Readonly<Record<string, number>>,
  viewer: string,
): ReadonlyMap<string, readonly string[]> {
  const seen = new Map<string, string[]>()
  const sent = messages.filter(({ offset }) => offset !== undefined)
  for (const [user, readTo] of Object.entries(receipts).toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    if (user === viewer) continue
    const last = sent.findLast(({ offset = 0 }) => offset <= readTo)
    if (!last || last.user === user) continue
    const users = seen.get(last.id)
    if (users) users.push(user)
    else seen.set(last.id, [user])
  }
  return seen
}
