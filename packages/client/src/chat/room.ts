import type { Envelope, JsonObject, Publication } from '@tidewire/protocol'
import type { Channel } from '../channel.ts'
import type { Tidewire } from '../client.ts'
import { Emitter, reportUnheard } from '../emitter.ts'
import { steadyTimers, type Timers } from '../transports/heartbeat.ts'
import type { ListenerOptions, Published } from '../types.ts'
import type { WaitOptions } from '../wait.ts'
import { Attendance } from './attendance.ts'
import { isDirect } from './direct.ts'
import { unreadAfter } from './message-log.ts'
import { entered, gone, NOBODY, type People, present, readTo } from './people.ts'
import { ReadMarker } from './read-marker.ts'
import { RoomMessages } from './room-messages.ts'
import type { RoomSnapshot, SendOptions } from './types.ts'
import { Typing } from './typing.ts'
import type { Unread } from './unread.ts'
import { countOf, countsOf, type Counted, NOTHING_UNREAD } from './unread-counts.ts'

const DEFAULT_PAGE_SIZE = 50
/** Whoever stopped typing meanwhile need not be told of. */
const TYPING_TIMEOUT_MS = 2000
const MAX_EARLY = 100
/** As many as `maxQueue` of the client is by default. */
const MAX_QUEUE = 1000

export interface RoomOptions {
  /** Messages of one page of history, 1 to 500. Default 50. */
  pageSize?: number | undefined
  /** Counts again what was joined, read or left here. */
  unread?: Unread | undefined
  /** @internal */
  maxQueue?: number | undefined
  /** @internal */
  timers?: Timers | undefined
}

/**
 * A room, or a direct talk: its messages as they stand now, who is there, who types, who has read what. One handle for each
 * room of a client: share it.
 */
export class Room {
  /** Of the room; of a direct talk that of its channel. */
  readonly name: string
  readonly channel: Channel
  readonly #client: Tidewire
  readonly #messages: RoomMessages
  readonly #attendance: Attendance
  readonly #typing: Typing
  readonly #marker: ReadMarker
  readonly #changes = new Emitter<RoomSnapshot>(reportUnheard)
  readonly #unreadOfAll: Unread | undefined
  #people: People = NOBODY
  /** How many were unread at the offset `at`, as the server counted. */
  #told = { unread: 0, at: 0 }
  #user: string | undefined
  #epoch: string | undefined
  /** What was heard while the room was being joined: its answer may be older. */
  #early: Envelope[] = []
  #stops: (() => void)[] = []
  #snapshot: RoomSnapshot

  /** @internal */
  constructor(client: Tidewire, name: string, options: RoomOptions = {}) {
    const {
      pageSize = DEFAULT_PAGE_SIZE,
      maxQueue = MAX_QUEUE,
      timers = steadyTimers,
      unread,
    } = options
    this.#unreadOfAll = unread
    const channel = isDirect(name) ? name : `chat:${name}`
    this.name = name
    this.channel = client.channel(channel)
    this.#client = client
    const onChange = (): void => this.#changed()
    this.#messages = new RoomMessages({
      channel: this.channel,
      pageSize,
      maxQueue,
      waiting: () => client.waiting,
      timers,
      user: () => this.#me(),
      onChange,
      onDelivery: (publication) => this.#delivered(publication),
    })
    this.#attendance = new Attendance({
      client,
      channel: this.channel,
      room: isDirect(name) ? undefined : name,
      timers,
      onJoined: (answer) => this.#joined(answer),
      onChange,
    })
    this.#typing = new Typing({ tell: (type) => this.#tell(type), onChange, timers })
    this.#marker = new ReadMarker({
      tell: async (offset) => {
        await client.request('mark_read', { channel, offset })
        this.#unreadOfAll?.recount(channel)
      },
      timers,
    })
    this.#snapshot = this.#look()
  }

  get snapshot(): RoomSnapshot {
    return this.#snapshot
  }

  /** Called after every change, with the new snapshot. Returns what removes the listener. */
  onChange(fn: (snapshot: RoomSnapshot) => void, options?: ListenerOptions): () => void {
    return this.#changes.on(fn, options)
  }

  /**
   * Makes this user a member, if it is none, and brings what is said until `leave()` or `close()`, over lost connections,
   * too. Resolves when the room is live; rejects with what the server refused it for.
   */
  join(options: WaitOptions = {}): Promise<void> {
    if (this.#stops.length === 0) {
      this.#stops = [
        this.#messages.listen(),
        this.#client.on('frame', (frame) => this.#hear(frame)),
        this.#client.on('state', ({ to }) => {
          if (to.name !== 'connected') this.#typing.clear()
        }),
      ]
    }
    return this.#attendance.join(options)
  }

  /** Ends the membership. What is known stays, and `join()` goes on from there. */
  leave(): Promise<void> {
    return this.#end(true)
  }

  /** Stops listening; the user stays a member. */
  close(): Promise<void> {
    return this.#end(false)
  }

  /**
   * Publishes, with the message in `messages` at once. Returns its id; what becomes of it is its `state`. An answer to a
   * message that is on its way waits until that is there, and what is said and done after it waits as well.
   */
  send(content: string, options: SendOptions = {}): string {
    this.#typing.stop()
    return this.#messages.send(content, options)
  }

  /** Sends a failed message again, under the same id: should the log have it already, nothing is doubled. */
  retry(id: string): void {
    this.#messages.retry(id)
  }

  /** Takes a failed message out of `messages`. */
  discard(id: string): void {
    this.#messages.discard(id)
  }

  /**
   * Changes the content of an own message. As `Channel.publish`, also below: it is seen at once, and undone when it is
   * refused. A message that is on its way itself is changed when it is there.
   */
  edit(messageId: string, content: string): Promise<Published> {
    return this.#messages.change('message_edit', messageId, { content })
  }

  /** Deletes an own message: its body is gone from the server, and its place is held by a tombstone. */
  remove(messageId: string): Promise<Published> {
    return this.#messages.change('message_delete', messageId)
  }

  /** Adds a reaction of this user, or removes it. */
  react(
    messageId: string,
    emoji: string,
    { remove = false }: { remove?: boolean } = {},
  ): Promise<Published> {
    return this.#messages.change('reaction', messageId, { emoji, ...(remove ? { remove } : {}) })
  }

  /**
   * Fetches older pages until there is a message in them; harmless when there is none, or one is on its way. What fails
   * for a while is tried again. Never rejects: a failure is in `error`.
   */
  loadMore(): Promise<void> {
    return this.#messages.loadMore()
  }

  /** To be called for every key: the others are told every 2 s at most, and 4 s after the last call that it is over. */
  startTyping(): void {
    this.#typing.start()
  }

  stopTyping(): void {
    this.#typing.stop()
  }

  /**
   * This user has read to `offset` (default: the newest message). Only ever moves forward; told to the server at most
   * once a second.
   */
  markRead(offset: number = this.#messages.log.last): void {
    if (!this.#marker.mark(Math.min(offset, this.#messages.log.last))) return
    // Nobody is told of a receipt by the device that gave it.
    const me = this.#me()
    if (me !== undefined) this.#people = readTo(this.#people, me, this.#marker.offset)
    this.#changed()
  }

  async #end(isLeaving: boolean): Promise<void> {
    this.#typing.clear()
    this.#marker.stop()
    for (const stop of this.#stops.splice(0)) stop()
    await this.#attendance.end(isLeaving)
    if (isLeaving) this.#unreadOfAll?.recount()
  }

  #tell(type: 'typing_start' | 'typing_stop'): void {
    if (this.snapshot.status !== 'joined') return
    // It need not be answered, and what is refused here is refused for the messages, too.
    const where = isDirect(this.name) ? { channel: this.name } : { room: this.name }
    this.#client.request(type, where, { timeout: TYPING_TIMEOUT_MS }).catch(() => undefined)
  }

  #joined(answer: JsonObject): void {
    if (isDirect(this.name)) this.#counted(countsOf(answer)[this.name])
    else {
      this.#people = present(this.#people, answer)
      this.#counted(countOf(answer))
    }
    this.#marker.flush()
    this.#unreadOfAll?.recount(this.channel.name)
    for (const frame of this.#early.splice(0)) this.#hear(frame)
  }

  #hear(frame: Envelope): void {
    if (!this.#isOurs(frame)) return
    if (this.#attendance.status === 'joining') {
      this.#early = [...this.#early.slice(1 - MAX_EARLY), frame]
    }
    const { type, payload } = frame
    const { user, offset } = payload
    if (typeof user !== 'string') return
    const before = this.#people
    const isMe = user === this.#me()
    if (type === 'user_joined') this.#people = entered(before, user)
    else if (type === 'user_left') {
      this.#people = gone(before, user)
      this.#typing.heard(user, false)
      // On another device, or somebody else did it.
      if (isMe) void this.#end(false)
    } else if (type === 'read_receipt' && typeof offset === 'number') {
      this.#people = readTo(before, user, offset)
      if (isMe && this.#marker.heard(offset)) this.#recount()
    } else if (!isMe && (type === 'typing_start' || type === 'typing_stop')) {
      this.#typing.heard(user, type === 'typing_start')
    }
    if (this.#people !== before) this.#changed()
  }

  #isOurs({ payload }: Envelope): boolean {
    return payload['room'] === this.name || payload['channel'] === this.channel.name
  }

  #delivered({ type, metadata }: Publication): void {
    // Who has sent it types no more.
    if (type === 'message' && metadata.user !== undefined) this.#typing.heard(metadata.user, false)
    if (type === 'message_delete') this.#recount()
  }

  #counted({ unread, lastRead, offset }: Counted = NOTHING_UNREAD): void {
    this.#told = { unread, at: offset }
    this.#marker.heard(lastRead)
  }

  /** Asks the server how many are unread, where not all of them are loaded. */
  #recount(): void {
    const isKnown = unreadAfter(this.#messages.log, this.#marker.offset, this.#me()) !== undefined
    if (isKnown) return
    const { name } = this.channel
    this.#client.request('unread_get', { channels: [name] }).then(
      (answer) => {
        this.#counted(countsOf(answer)[name])
        this.#changed()
      },
      // The number stays what it was, until the room is joined again.
      () => undefined,
    )
  }

  /** Also while there is no connection. */
  #me(): string | undefined {
    const { state } = this.#client
    if (state.name === 'connected') this.#user = state.user
    return this.#user
  }

  #unread(): number {
    const { log } = this.#messages
    const { offset: lastRead } = this.#marker
    const known = unreadAfter(log, lastRead, this.#me())
    if (known !== undefined) return known
    // Those before the window are as many as the server said; what came since is known here.
    const { unread, at } = this.#told
    return (
      unread + (unreadAfter({ ...log, hasMore: false }, Math.max(at, lastRead), this.#me()) ?? 0)
    )
  }

  #changed(): void {
    const { epoch } = this.#messages.log
    if (this.#epoch !== undefined && epoch !== this.#epoch) {
      // Offsets of a life of the log that is over say nothing of this one.
      this.#marker.clear()
      this.#people = { ...this.#people, receipts: {} }
      this.#told = { unread: 0, at: 0 }
    }
    this.#epoch = epoch
    const next = this.#look()
    if (isSame(next, this.#snapshot)) return
    this.#snapshot = next
    this.#changes.emit(next)
  }

  #look(): RoomSnapshot {
    const { members, count, receipts } = this.#people
    const { error, status } = this.#attendance
    if (status !== 'joining') this.#early = []
    return {
      status,
      error: error ?? this.#messages.error,
      messages: this.#messages.all,
      loading: status !== 'left' && this.#messages.isLoading,
      loadingMore: this.#messages.isLoadingMore,
      hasMore: this.#messages.log.hasMore,
      members,
      memberCount: count,
      typing: this.#typing.users,
      receipts,
      lastRead: this.#marker.offset,
      unread: this.#unread(),
    }
  }
}

function isSame(a: RoomSnapshot, b: RoomSnapshot): boolean {
  return Object.entries(a).every(([key, value]) => value === b[key as keyof RoomSnapshot])
}
