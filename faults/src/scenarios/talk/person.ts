import { Tidewire, TidewireError } from '@tidewire/client'
import { directChannel, type Room, room, type Unread, unread } from '@tidewire/client/chat'
import { type Feed, feed } from '@tidewire/client/feed'
import { type Notifications, notifications } from '@tidewire/client/notifications'
import type { Answers } from '../../rig/answers.ts'

export interface PersonOptions {
  /** Unique. */
  name: string
  user: string
  url: string
  token: string
  /** Names of rooms. */
  rooms: readonly string[]
  /** Whom this one talks to directly. */
  friend: string
  answers: Answers
}

/** `mark_read` that was answered, and how far the server said that the user has read. */
export interface Marked {
  user: string
  channel: string
  sentAt: number
  answeredAt: number
  offset: number
}

/** More than there will be: what is compared is all that is loaded. */
const PAGE = 100
const ROOM_PAGE = 500

/** One device of somebody who talks, reads, has an inbox and a feed: what an application shows. */
export class Person {
  readonly name: string
  readonly user: string
  readonly client: Tidewire
  /** By channel. */
  readonly rooms: ReadonlyMap<string, Room>
  readonly unread: Unread
  readonly inbox: Notifications
  readonly feed: Feed
  /** Notification → how often this device was told that it arrived. */
  readonly arrivals = new Map<string, number>()
  readonly #answers: Answers
  /** Another device of the user, which shows nothing. */
  readonly #remote: Tidewire
  #open = true

  constructor({ name, user, url, token, rooms, friend, answers }: PersonOptions) {
    this.name = name
    this.user = user
    this.#answers = answers
    const backoff = { minMs: 50, maxMs: 400 }
    this.client = new Tidewire({ url, token, transports: ['websocket'], backoff })
    this.client.on('error', ({ code }) => {
      if (typeof code === 'number') answers.error(name, code)
    })
    this.#remote = new Tidewire({ url, token, transports: ['websocket'], backoff })
    this.unread = unread(this.client)
    const options = { unread: this.unread, pageSize: ROOM_PAGE }
    this.rooms = new Map(
      [...rooms, directChannel(user, friend)].map((one) => {
        const handle = room(this.client, one, options)
        return [handle.channel.name, handle]
      }),
    )
    this.inbox = notifications(this.client, { user, pageSize: PAGE })
    this.inbox.onNotification(({ id }) => {
      this.arrivals.set(id, (this.arrivals.get(id) ?? 0) + 1)
    })
    this.feed = feed(this.client, { user, pageSize: PAGE })
  }

  /** Resolves when it is in every room. */
  async enter(): Promise<void> {
    await Promise.all([...this.rooms.values()].map((one) => one.join()))
    this.unread.open()
  }

  get live(): boolean {
    const isIn = [...this.rooms.values()].every(({ snapshot }) => snapshot.status === 'joined')
    return isIn && !this.inbox.state.loading && !this.feed.state.loading
  }

  /** Whatever it is refused for is written down; those `allowed` are no surprise. */
  async attempt(doing: Promise<unknown>, ...allowed: number[]): Promise<void> {
    try {
      await doing
    } catch (error) {
      if (!this.#open) return
      const code = error instanceof TidewireError ? error.code : String(error)
      if (typeof code === 'number' && allowed.includes(code)) return
      this.#answers.error(this.name, typeof code === 'number' ? `${code}, unexpected` : code)
    }
  }

  /** Marks it on another device, whatever this one knows: also once more, or less than before. */
  async mark(channel: string, offset: number): Promise<Marked | undefined> {
    const sentAt = performance.now()
    let marked: Marked | undefined
    await this.attempt(
      this.#remote.request('mark_read', { channel, offset }).then((answer) => {
        const { user } = this
        const reached = Number(answer['offset'])
        marked = { user, channel, sentAt, answeredAt: performance.now(), offset: reached }
      }),
    )
    return marked
  }

  async close(): Promise<void> {
    this.#open = false
    this.unread.close()
    this.inbox.close()
    this.feed.close()
    await Promise.all([this.client.close(), this.#remote.close()])
  }
}
