import type { Position, Publication } from '@tidewire/protocol'
import type { TidewireError } from '../errors.ts'
import { type Change, type Entry, subjectOf, withChange, withPublication } from './entry.ts'
import type { ChatMessage } from './types.ts'

/** The part of a room's log that is known here. Every function below returns a new one. */
export interface MessageLog {
  readonly epoch: string | undefined
  /** Every publication from `first` to `last` has been seen. Nothing is known yet while `last < first`. */
  readonly first: number
  readonly last: number
  /** The log holds publications before `first`. */
  readonly hasMore: boolean
  /** The newest page has not come yet: what is behind the start of the stream may be told only here. */
  readonly isPageAwaited: boolean
  /** By `message_id`; also what happened to messages before `first`, until their page comes. */
  readonly entries: ReadonlyMap<string, Entry>
  /** Own messages that the log has not delivered yet, in the order in which they were sent. */
  readonly own: readonly ChatMessage[]
  /** What this user did to messages and the log has not told yet, in the order in which it was done. */
  readonly changes: readonly Change[]
}

/** A page of history, as `Channel.history` answers it. */
export interface Page {
  readonly epoch: string
  readonly publications: readonly Publication[]
  readonly more: boolean
}

export const EMPTY: MessageLog = {
  epoch: undefined,
  first: 1,
  last: 0,
  hasMore: false,
  isPageAwaited: true,
  entries: new Map(),
  own: [],
  changes: [],
}

/** What happened to messages that are not loaded: the pages that hold them tell it, too, so the oldest may be forgotten. */
const MAX_ORPHANS = 1000

/** The stream starts after `position`. What is known stays if the stream goes on from it, or from before its end. */
export function opened(log: MessageLog, { epoch, offset }: Position): MessageLog {
  if (epoch === log.epoch && offset <= log.last) return log
  // What was acknowledged in an epoch that is over will never be told.
  const isOver = log.epoch !== undefined && epoch !== log.epoch
  const own = isOver ? log.own.filter(({ state }) => state !== 'sent') : log.own
  const changes = isOver ? log.changes.filter((one) => one.offset === undefined) : log.changes
  const hasMore = offset > 0
  const kept = { own, changes, hasMore, isPageAwaited: hasMore }
  return { ...EMPTY, ...kept, epoch, first: offset + 1, last: offset }
}

/** Live deliveries, in the order of the log. Beyond `limit` messages the oldest leave; the log still has them. */
export function delivered(
  log: MessageLog,
  publications: readonly Publication[],
  limit: number,
): MessageLog {
  const last = publications.at(-1)?.metadata.offset
  if (last === undefined) return log
  const told = merged(log, publications)
  const next = { ...told, last: Math.max(log.last, last), changes: untold(told, last) }
  return next.entries.size > limit ? shortened(next, limit) : next
}

/** Without those that the log has told by now, under whatever id: a second deletion is the first one. */
function untold({ changes, isPageAwaited }: MessageLog, last: number): readonly Change[] {
  if (isPageAwaited || changes.length === 0) return changes
  return changes.filter(({ offset = Infinity }) => offset > last)
}

/** The page before `first` has come. One of another epoch is not ours: its `reset` is on the way. */
export function prepended(log: MessageLog, { epoch, publications, more }: Page): MessageLog {
  if (epoch !== log.epoch) return log
  const first = publications[0]?.metadata.offset ?? log.first
  const next = merged(log, publications)
  return {
    ...next,
    first: Math.min(first, log.first),
    hasMore: more,
    isPageAwaited: false,
    // Others of them are further back than this page: they come in their place.
    own: next.own.filter(({ state, offset = 0 }) => state !== 'sent' || offset > log.last),
    changes: untold({ ...next, isPageAwaited: false }, log.last),
  }
}

/** An own message leaves, for the first time or again. */
export function sending(log: MessageLog, message: ChatMessage): MessageLog {
  return { ...log, own: [...log.own.filter(({ id }) => id !== message.id), message] }
}

/** The server has an own message; it stays where it is until the log delivers it, or the newest page brings it. */
export function acknowledged(
  log: MessageLog,
  id: string,
  offset: number | undefined,
  user: string | undefined,
): MessageLog {
  const isTold = offset !== undefined && offset <= log.last && !log.isPageAwaited
  if (offset === undefined || isTold || log.entries.get(id)?.message) return discarded(log, id)
  return changedOwn(log, id, (own) => {
    return { ...own, offset, user: own.user ?? user, state: 'sent', error: undefined }
  })
}

export function failed(log: MessageLog, id: string, error: TidewireError): MessageLog {
  return changedOwn(log, id, (own) => ({ ...own, state: 'failed', error }))
}

export function discarded(log: MessageLog, id: string): MessageLog {
  return { ...log, own: log.own.filter((own) => own.id !== id) }
}

/** This user does something to a message: it is seen at once. */
export function changing(log: MessageLog, change: Change): MessageLog {
  return { ...log, changes: [...log.changes, change] }
}

/** The server has a change; it stays until the log tells it. */
export function changeAcknowledged(
  log: MessageLog,
  id: string,
  offset: number | undefined,
): MessageLog {
  const isTold = offset !== undefined && offset <= log.last && !log.isPageAwaited
  if (offset === undefined || isTold) return changeOver(log, id)
  return { ...log, changes: log.changes.map((one) => (one.id === id ? { ...one, offset } : one)) }
}

/** A change was refused: the message is what it was. */
export function changeOver(log: MessageLog, id: string): MessageLog {
  return { ...log, changes: log.changes.filter((one) => one.id !== id) }
}

/** The messages as they will stand when the log has told the changes. */
export function withChanges(
  messages: readonly ChatMessage[],
  changes: readonly Change[],
): readonly ChatMessage[] {
  if (changes.length === 0) return messages
  return messages.map((message) =>
    changes
      .filter(({ payload }) => payload['message_id'] === message.id)
      .reduce(withChange, message),
  )
}

/** Ascending by offset, with own messages that have their place already; then those that have none. */
export function messagesOf(log: MessageLog): readonly ChatMessage[] {
  const { entries, own, first, changes } = log
  const messages: ChatMessage[] = []
  for (const { message } of entries.values()) {
    if (message !== undefined && message.offset! >= first) messages.push(message)
  }
  const isPlaced = ({ offset }: ChatMessage): boolean => offset !== undefined
  messages.push(...own.filter(isPlaced))
  messages.sort((a, b) => a.offset! - b.offset!)
  return withChanges([...messages, ...own.filter((message) => !isPlaced(message))], changes)
}

/** Messages of others after `lastRead` that are not deleted; undefined when not all of them are known here. */
export function unreadAfter(
  log: MessageLog,
  lastRead: number,
  user: string | undefined,
): number | undefined {
  if (log.first > lastRead + 1 && log.hasMore) return undefined
  let count = 0
  for (const { message } of log.entries.values()) {
    if (message === undefined || message.deleted || message.user === user) continue
    if (message.offset! > lastRead) count += 1
  }
  return count
}

function changedOwn(
  log: MessageLog,
  id: string,
  change: (own: ChatMessage) => ChatMessage,
): MessageLog {
  return { ...log, own: log.own.map((own) => (own.id === id ? change(own) : own)) }
}

function merged(log: MessageLog, publications: readonly Publication[]): MessageLog {
  const entries = new Map(log.entries)
  const arrived = new Set<string>()
  const told = new Set<string>()
  for (const publication of publications) {
    told.add(publication.metadata.message_id)
    const id = subjectOf(publication)
    if (id === undefined) continue
    entries.set(id, withPublication(entries.get(id), publication))
    arrived.add(id)
  }
  dropOrphans(entries)
  const { own, changes } = log
  return {
    ...log,
    entries,
    changes: changes.some(({ id }) => told.has(id))
      ? changes.filter(({ id }) => !told.has(id))
      : changes,
    own: own.some(({ id }) => arrived.has(id))
      ? own.filter(({ id }) => entries.get(id)?.message === undefined)
      : own,
  }
}

/** The newest of them are kept: what is forgotten is what pages are the likeliest to tell. */
function dropOrphans(entries: Map<string, Entry>): void {
  const orphans = [...entries].filter(([, { message }]) => message === undefined)
  if (orphans.length <= MAX_ORPHANS) return
  orphans.sort(([, a], [, b]) => a.touched - b.touched)
  for (const [id] of orphans.slice(0, orphans.length - MAX_ORPHANS)) entries.delete(id)
}

/** To the newest half, so that not every delivery has to. */
function shortened(log: MessageLog, limit: number): MessageLog {
  const offsets = [...log.entries.values()]
    .flatMap(({ message }) => message?.offset ?? [])
    .sort((a, b) => a - b)
  const first = offsets.at(-Math.ceil(limit / 2)) ?? log.first
  const entries = new Map(log.entries)
  for (const [id, { message }] of entries) {
    if (message !== undefined && message.offset! < first) entries.delete(id)
  }
  return { ...log, entries, first, hasMore: true }
}
