import type { JsonObject, Publication, Reset, TidewireError } from '@tidewire/client'

/** One entry of a list of messages. */
export interface Message<Payload extends JsonObject = JsonObject> {
  /** The `message_id`: the same from the first try to the entry of the log. */
  readonly id: string
  /** Its place in the log; undefined until the log has it, and in channels without a log. */
  readonly offset: number | undefined
  readonly type: string
  readonly payload: Payload
  /** The authenticated user that published it; undefined for an own message sent before the first connection. */
  readonly user: string | undefined
  readonly clientId: string | undefined
  /** Milliseconds since 1970: when the server accepted it, or when it was sent while that is not known. */
  readonly at: number
  readonly state: 'pending' | 'sent' | 'failed'
  /** Why it failed. */
  readonly error: TidewireError | undefined
}

/** The part of a channel that a list shows. Every function below returns a new one. */
export interface MessageList {
  readonly epoch: string | undefined
  /** What the log delivered: ascending by offset, without holes, each message once. */
  readonly log: readonly Message[]
  /** Own messages that the log has not delivered yet, in the order in which they were sent. */
  readonly own: readonly Message[]
  /** The log holds messages older than the first of `log`. */
  readonly hasMore: boolean
  /** The reader is further up: beyond the limit the newest leave, not what the reader asked for. */
  readonly pinned: boolean
  /** The newest messages have left `log`; they come back with the newest page. */
  readonly behind: boolean
  /** The oldest offset that the log still holds. */
  readonly oldest: number
  /** The reset that left a hole before `log`. */
  readonly reset: Reset | undefined
  /** While the newest page is awaited: what was delivered since, and the reset that it is awaited for. */
  readonly held: Held | undefined
}

interface Held {
  readonly log: readonly Message[]
  readonly reset: Reset | undefined
}

/** A page of history, as `Channel.history` answers it; `epoch` is undefined for channels without a log. */
export interface Page {
  readonly epoch: string | undefined
  readonly oldest: number
  readonly newest: number
  readonly publications: readonly Publication[]
  readonly more: boolean
}

/** Nothing yet: the newest page is awaited. */
export const EMPTY: MessageList = {
  epoch: undefined,
  log: [],
  own: [],
  hasMore: false,
  pinned: false,
  behind: false,
  oldest: 0,
  reset: undefined,
  held: { log: [], reset: undefined },
}

/** The page of a channel without a log, or whose history may not be read. */
export const NO_HISTORY: Page = {
  epoch: undefined,
  oldest: 0,
  newest: 0,
  publications: [],
  more: false,
}

export function toMessage({ type, payload, metadata }: Publication): Message {
  return {
    id: metadata.message_id,
    offset: metadata.offset,
    type,
    payload,
    user: metadata.user,
    clientId: metadata.client_id,
    at: Date.parse(metadata.timestamp),
    state: 'sent',
    error: undefined,
  }
}

/**
 * Live deliveries, in the order of the log. Beyond `limit` the oldest leave the list, or the newest while it is
 * pinned; the log still has them.
 */
export function delivered(
  list: MessageList,
  messages: readonly Message[],
  limit: number,
): MessageList {
  const { held } = list
  if (held) return { ...list, held: { ...held, log: merge(held.log, messages) } }
  const own = without(list.own, messages)
  // What follows a hole waits for the newest page.
  if (list.behind) return { ...list, own }
  const log = merge(list.log, messages)
  if (log.length <= limit) return { ...list, own, log }
  return list.pinned
    ? { ...list, own, log: log.slice(0, Math.max(limit, list.log.length)), behind: true }
    : { ...list, own, log: log.slice(-limit), hasMore: true }
}

/** Whether the reader is further up. One who comes back needs the newest page if the list is behind. */
export function pinned(list: MessageList, isPinned: boolean): MessageList {
  return { ...list, pinned: isPinned }
}

/** The stream goes on after a hole, or was away for a while: what is shown stays until the newest page comes. */
export function interrupted(list: MessageList, reset?: Reset): MessageList {
  // A message that was acknowledged in an epoch that is over will never be delivered.
  const own =
    reset?.reason === 'epoch_changed' ? list.own.filter(({ state }) => state !== 'sent') : list.own
  return { ...list, own, held: { log: [], reset: reset ?? list.held?.reset } }
}

/** The newest page has come: it joins what is there, or replaces it. */
export function loaded(list: MessageList, page: Page): MessageList {
  const log = merge(page.publications.map(toMessage), list.held?.log ?? [])
  const newest = log.at(-1)?.offset ?? page.newest
  const own = without(list.own, log).filter(
    ({ state, offset }) => state !== 'sent' || (offset ?? 0) > newest,
  )
  const { epoch, oldest, more: hasMore } = page
  const next = { ...list, epoch, own, oldest, behind: false, held: undefined }
  return epoch === list.epoch && follows(list.log, log[0])
    ? { ...next, log: merge(list.log, log) }
    : { ...next, log, hasMore, reset: list.held?.reset }
}

/** The page before the first message has come. One of another epoch is not ours: its `reset` is on the way. */
export function prepended(list: MessageList, page: Page): MessageList {
  if (list.held || page.epoch !== list.epoch) return list
  const older = page.publications.map(toMessage)
  return { ...list, log: merge(older, list.log), hasMore: page.more, oldest: page.oldest }
}

/** An own message leaves, for the first time or again. */
export function sending(list: MessageList, message: Message): MessageList {
  return { ...list, own: [...without(list.own, [message]), message] }
}

/** The server has an own message, now with its `user`; it stays where it is until the log delivers it. */
export function acknowledged(
  list: MessageList,
  id: string,
  offset: number | undefined,
  limit: number,
  user?: string,
): MessageList {
  const own = list.own.find((message) => message.id === id)
  if (!own) return list
  const sent: Message = {
    ...own,
    offset,
    user: own.user ?? user,
    state: 'sent',
    error: undefined,
  }
  // Without a log nothing tells a late delivery from a lost one: the answer is all that will be known.
  if (offset === undefined) return delivered(list, [sent], limit)
  const passed = !list.held && offset <= (list.log.at(-1)?.offset ?? 0)
  return passed
    ? { ...list, own: without(list.own, [sent]) }
    : { ...list, own: list.own.map((message) => (message.id === id ? sent : message)) }
}

export function failed(list: MessageList, id: string, error: TidewireError): MessageList {
  return {
    ...list,
    own: list.own.map((message) =>
      message.id === id ? { ...message, state: 'failed', error } : message,
    ),
  }
}

export function discarded(list: MessageList, id: string): MessageList {
  return { ...list, own: list.own.filter((message) => message.id !== id) }
}

/** Two stretches of one log as one: ascending by offset, each message once. */
function merge(older: readonly Message[], newer: readonly Message[]): readonly Message[] {
  const known = new Set(older.map(({ id }) => id))
  const merged = [...older]
  let last = older.at(-1)?.offset ?? 0
  let ascending = true
  for (const message of newer) {
    if (known.has(message.id)) continue
    known.add(message.id)
    merged.push(message)
    const offset = message.offset ?? Infinity
    if (offset < last) ascending = false
    last = offset
  }
  if (merged.length === older.length) return older
  return ascending ? merged : merged.sort((a, b) => (a.offset ?? Infinity) - (b.offset ?? Infinity))
}

function follows(log: readonly Message[], first: Message | undefined): boolean {
  const last = log.at(-1)?.offset
  if (last === undefined) return false
  return first?.offset === undefined || first.offset <= last + 1
}

function without(own: readonly Message[], log: readonly Message[]): readonly Message[] {
  if (own.length === 0) return own
  const ids = new Set(log.map(({ id }) => id))
  return own.some(({ id }) => ids.has(id)) ? own.filter(({ id }) => !ids.has(id)) : own
}
