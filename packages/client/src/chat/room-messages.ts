import type { JsonObject, Position, Publication } from '@tidewire/protocol'
import type { Channel } from '../channel.ts'
import type { TidewireError } from '../errors.ts'
import { newMessageId } from '../message-id.ts'
import type { Timers } from '../transports/heartbeat.ts'
import type { Published } from '../types.ts'
import type { Change } from './entry.ts'
import { HistoryPager } from './history-pager.ts'
import {
  acknowledged,
  changeAcknowledged,
  changeOver,
  changing,
  delivered,
  discarded,
  EMPTY,
  failed,
  type MessageLog,
  messagesOf,
  opened,
  prepended,
  sending,
  withChanges,
} from './message-log.ts'
import { Outbox } from './outbox.ts'
import type { ChatMessage, SendOptions } from './types.ts'

/** One frame: a burst of deliveries is one change. */
const BATCH_MS = 16
/** Live deliveries push the oldest out of memory beyond this; `loadMore` fetches them again. */
const MAX_MESSAGES = 20_000

export interface RoomMessagesOptions {
  channel: Channel
  /** Of history; and as many messages are fetched at first. */
  pageSize: number
  /** Own publications that may wait, here and for the server. */
  maxQueue: number
  /** How many of the client wait for the server. */
  waiting: () => number
  timers: Timers
  user: () => string | undefined
  onChange: () => void
  /** Publications as they are delivered, before their batch. */
  onDelivery: (publication: Publication) => void
}

/** The messages of one room: history, live deliveries and own messages. */
export class RoomMessages {
  readonly #options: RoomMessagesOptions
  readonly #pager: HistoryPager
  readonly #outbox: Outbox
  #log: MessageLog = EMPTY
  /** What is shown until the newest page comes after a hole. */
  #kept: readonly ChatMessage[] | undefined
  #incoming: Publication[] = []
  #batch: unknown
  #view: readonly ChatMessage[] = []
  #viewed: MessageLog = EMPTY

  constructor(options: RoomMessagesOptions) {
    this.#options = options
    const { channel, pageSize, maxQueue, waiting, timers, onChange } = options
    this.#outbox = new Outbox({ max: maxQueue, waiting })
    this.#pager = new HistoryPager({
      channel,
      pageSize,
      timers,
      log: () => this.#log,
      onPage: (page) => {
        this.#kept = undefined
        this.#change((log) => prepended(log, page))
      },
      onChange,
    })
  }

  get log(): MessageLog {
    return this.#log
  }

  /** The same array until it changes. */
  get all(): readonly ChatMessage[] {
    if (this.#viewed !== this.#log) {
      this.#viewed = this.#log
      const { own, changes } = this.#log
      this.#view =
        this.#kept === undefined
          ? messagesOf(this.#log)
          : withChanges([...this.#kept, ...own], changes)
    }
    return this.#view
  }

  get isLoading(): boolean {
    const isEmpty = this.#log.entries.size === 0
    return isEmpty && (this.#log.epoch === undefined || this.#pager.isLoading)
  }

  get isLoadingMore(): boolean {
    return this.#pager.isLoading
  }

  get error(): TidewireError | undefined {
    return this.#pager.error
  }

  /** Hears the channel until the returned function is called. */
  listen(): () => void {
    const { channel, onDelivery } = this.#options
    const stops = [
      channel.on('*', (publication) => {
        onDelivery(publication)
        this.#receive(publication)
      }),
      channel.onReset((reset) => this.#restart(reset)),
      channel.onState((state) => {
        if (state.name === 'subscribed' && state.position) this.#restart(state.position)
      }),
    ]
    // Somebody else may have subscribed to it before.
    if (channel.state.name === 'subscribed' && channel.position) this.#restart(channel.position)
    return () => {
      for (const stop of stops) stop()
      this.#change((log) => log)
      this.#pager.stop()
      this.#kept = undefined
    }
  }

  /** Publishes, with the message in the list at once. Returns its id; what becomes of it is its `state`. */
  send(content: string, { replyTo, attachments = [] }: SendOptions): string {
    const id = newMessageId()
    this.#publish({
      id,
      offset: undefined,
      user: this.#options.user(),
      at: Date.now(),
      content,
      attachments,
      mentions: [],
      replyTo,
      edited: false,
      deleted: false,
      reactions: [],
      state: 'pending',
      error: undefined,
    })
    return id
  }

  /** Sends a failed message again, under the same id: should the log have it already, nothing is doubled. */
  retry(id: string): void {
    const message = this.#log.own.find((own) => own.id === id && own.state === 'failed')
    if (message) this.#publish({ ...message, state: 'pending', error: undefined })
  }

  discard(id: string): void {
    const own = this.#log.own.find((message) => message.id === id)
    if (own?.state === 'failed') this.#change((log) => discarded(log, id))
  }

  /**
   * An event about a message. What it does is seen at once, and undone when the server refuses it. What is on its way
   * itself is changed when it is there.
   */
  async change(type: Change['type'], about: string, more: JsonObject = {}): Promise<Published> {
    const payload = { message_id: about, ...more }
    const id = newMessageId()
    const change = { id, type, payload, user: this.#options.user(), offset: undefined }
    this.#change((log) => changing(log, change))
    try {
      const { channel } = this.#options
      const published = await this.#outbox.change(about, () =>
        channel.publish(type, payload, { messageId: id }),
      )
      this.#change((log) => changeAcknowledged(log, id, published.offset))
      return published
    } catch (error) {
      this.#change((log) => changeOver(log, id))
      throw error
    }
  }

  /** Fetches older pages until there is a message in them. Never rejects. */
  loadMore(): Promise<void> {
    const before = messageCount(this.#log)
    return this.#pager.load(() => messageCount(this.#log) > before)
  }

  #publish(message: ChatMessage): void {
    const { id: messageId, content, attachments, replyTo } = message
    this.#change((log) => sending(log, message))
    const payload: JsonObject = {
      content,
      ...(attachments.length > 0 ? { attachments: attachments.map((one) => ({ ...one })) } : {}),
      ...(replyTo === undefined ? {} : { reply_to: replyTo }),
    }
    const { channel } = this.#options
    this.#outbox
      .send(messageId, replyTo, () => channel.publish('message', payload, { messageId }))
      .then(
        ({ offset }) =>
          this.#change((log) => acknowledged(log, messageId, offset, this.#options.user())),
        (error: TidewireError) => this.#change((log) => failed(log, messageId, error)),
      )
  }

  #receive(publication: Publication): void {
    this.#incoming.push(publication)
    this.#batch ??= this.#options.timers.set(() => this.#change((log) => log), BATCH_MS)
  }

  /** The stream starts there: it goes on, or anew from the newest page. What is shown stays until that has come. */
  #restart(position: Position): void {
    this.#change((log) => {
      const next = opened(log, position)
      if (next === log) return log
      const isSameLife = log.epoch === position.epoch
      this.#kept =
        isSameLife && next.hasMore ? messagesOf({ ...log, own: [], changes: [] }) : undefined
      this.#pager.stop()
      return next
    })
    void this.#fill()
  }

  /** So many that there is something to see. */
  async #fill(): Promise<void> {
    const { pageSize } = this.#options
    const isEnough = (): boolean => messageCount(this.#log) >= pageSize
    if (!isEnough()) await this.#pager.load(isEnough)
    if (this.#kept === undefined || this.#pager.isLoading) return
    // Their history may not be read any more.
    this.#kept = undefined
    this.#change((log) => ({ ...log }))
  }

  /** The only place where the log changes: what was delivered in the meantime comes first. */
  #change(change: (log: MessageLog) => MessageLog): void {
    this.#options.timers.clear(this.#batch)
    this.#batch = undefined
    const incoming = this.#incoming
    this.#incoming = []
    const log = incoming.length > 0 ? delivered(this.#log, incoming, MAX_MESSAGES) : this.#log
    const next = change(log)
    if (next === this.#log) return
    this.#log = next
    this.#outbox.arrived((id) => next.entries.get(id)?.message !== undefined)
    this.#options.onChange()
  }
}

function messageCount({ entries }: MessageLog): number {
  let count = 0
  for (const { message } of entries.values()) if (message !== undefined) count += 1
  return count
}
