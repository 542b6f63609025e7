import { Tidewire, TidewireError } from '@tidewire/client'
import { type Presence, presence } from '@tidewire/client/presence'
import type { Answers } from '../../rig/answers.ts'

export interface AttendeeOptions {
  /** Unique. */
  name: string
  user: string
  url: string
  token: string
  channels: readonly string[]
  answers: Answers
  /** Each change that it is told of. */
  onTold?: (told: Told) => void
}

/** `presence_update`, as the server says it. */
export interface Told {
  channel: string
  action: 'enter' | 'update' | 'leave'
  user: string
  count: number
}

/** One device of a user, which watches some channels and is present in those that it has entered. */
export class Attendee {
  readonly name: string
  readonly user: string
  readonly channels: readonly string[]
  readonly client: Tidewire
  readonly #rooms: ReadonlyMap<string, Presence>
  /** By channel: what it says of itself. Not there: it is not present, as far as it goes. */
  readonly #words = new Map<string, string>()
  readonly #answers: Answers
  #spoken = 0
  #open = true

  constructor({ name, user, url, token, channels, answers, onTold }: AttendeeOptions) {
    this.name = name
    this.user = user
    this.channels = channels
    this.#answers = answers
    const backoff = { minMs: 50, maxMs: 400 }
    this.client = new Tidewire({ url, token, transports: ['websocket'], backoff })
    this.client.on('error', ({ code }) => {
      if (typeof code === 'number') answers.error('attendee', code)
    })
    if (onTold !== undefined) {
      this.client.on('frame', ({ type, payload }) => {
        if (type === 'presence_update') onTold(payload as unknown as Told)
      })
    }
    this.#rooms = new Map(channels.map((channel) => [channel, presence(this.client, channel)]))
    for (const channel of channels) {
      this.client
        .channel(channel)
        .subscribe()
        .catch((error: unknown) => this.#refused(error))
    }
  }

  get open(): boolean {
    return this.#open
  }

  /** It hears of every channel, and knows who is there. */
  get live(): boolean {
    return this.channels.every((channel) => {
      const { state } = this.client.channel(channel)
      return state.name === 'subscribed' && !this.#rooms.get(channel)!.loading
    })
  }

  /** Undefined: it is not present. */
  wordIn(channel: string): string | undefined {
    return this.#open ? this.#words.get(channel) : undefined
  }

  /** Enters, or says something new where it has entered. */
  speak(channel: string): Promise<void> {
    this.#spoken += 1
    const word = `${this.name}#${this.#spoken}`
    this.#words.set(channel, word)
    return this.#rooms
      .get(channel)!
      .enter({ word })
      .catch((error: unknown) => this.#refused(error))
  }

  leave(channel: string): Promise<void> {
    this.#words.delete(channel)
    return this.#rooms
      .get(channel)!
      .leave()
      .catch((error: unknown) => this.#refused(error))
  }

  /** Who is there, as this device knows it: user → word. */
  tableOf(channel: string): Map<string, string> {
    const { members } = this.#rooms.get(channel)!
    return new Map(
      members.map(({ user, data }) => [user, typeof data['word'] === 'string' ? data['word'] : '']),
    )
  }

  countOf(channel: string): number {
    return this.#rooms.get(channel)!.count
  }

  /** As a closed page: nobody is told that it leaves. */
  async close(): Promise<void> {
    this.#open = false
    await this.client.close()
  }

  /** What its own end cuts short is nobody's fault. */
  #refused(error: unknown): void {
    if (!this.#open) return
    this.#answers.error(this.name, error instanceof TidewireError ? error.code : String(error))
  }
}
