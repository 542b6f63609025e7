import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import { Delay } from './delay.ts'
import { SortedIds } from './sorted-ids.ts'

/** Somebody who is present in a channel: one user, over however many clients. */
export interface Member {
  readonly user: string
  readonly data: JsonObject
  /** Bytes of the data as JSON, at most. */
  readonly size: number
  /** 0 while the last one is gone and may come back. */
  readonly clients: number
  /** Milliseconds since 1970. */
  readonly since: number
}

export interface RosterOptions {
  clock: Server['clock']
  /** How long a member stays whose last client was lost. */
  graceMs: number
  /** Members of a channel. */
  maxMembers: number
  /** Channels of a client. */
  maxChannels: number
  /** Called when others see a member otherwise from now on. `before`: the data that they saw until now. */
  onChange: (channel: string, user: string, before: JsonObject | undefined) => void
}

export interface MembersPage {
  members: readonly Member[]
  count: number
  more: boolean
}

/** Anything with an identity. */
type Key = object

interface Entry {
  readonly channel: string
  readonly user: string
  readonly since: number
  readonly clients: Set<Key>
  data: JsonObject
  /** The data as JSON, by which it is compared. */
  text: string
}

/** Who is in a channel. */
interface Present {
  readonly entries: Map<string, Entry>
  readonly order: SortedIds
}

/**
 * Who is present, by channel: the clients of each member, and the data of whichever of them spoke last. A member whose
 * last client is lost stays for the grace, and nobody hears of it when one comes back. Nothing outlives the process.
 */
export class Roster {
  readonly #options: RosterOptions
  readonly #byChannel = new Map<string, Present>()
  readonly #channels = new Map<Key, Set<string>>()
  readonly #grace: Delay<Entry>

  constructor(options: RosterOptions) {
    this.#options = options
    this.#grace = new Delay(options.clock, options.graceMs, (entry) => this.#remove(entry))
  }

  /**
   * The client is there, with the data of the member if it brings none. Idempotent. Throws `rate_limited` for a client
   * that is in too many channels, and `unavailable` for a channel that is full.
   */
  enter(channel: string, user: string, client: Key, data: JsonObject | undefined): void {
    const known = this.#byChannel.get(channel)?.entries.get(user)
    this.#join(client, channel, known === undefined)
    if (known === undefined) return this.#add(channel, user, client, data ?? {})
    known.clients.add(client)
    this.#grace.delete(known)
    if (data !== undefined) this.#change(known, data)
  }

  /** Throws `conflict` for a client that has not entered. */
  update(channel: string, user: string, client: Key, data: JsonObject): void {
    const entry = this.#entryOf(channel, user, client)
    if (entry === undefined) {
      throw new ProtocolError(
        'conflict',
        'This client is not present. Send `presence_enter` first.',
      )
    }
    this.#change(entry, data)
  }

  /** The client says that it is gone: with the last one the member goes at once. False when it was not there. */
  leave(channel: string, user: string, client: Key): boolean {
    const entry = this.#quit(channel, user, client)
    if (entry?.clients.size === 0) this.#remove(entry)
    return entry !== undefined
  }

  /** The client was lost: the member stays for the grace. */
  lose(channel: string, user: string, client: Key): void {
    const entry = this.#quit(channel, user, client)
    if (entry?.clients.size === 0) this.#grace.add(entry)
  }

  member(channel: string, user: string): Member | undefined {
    const entry = this.#byChannel.get(channel)?.entries.get(user)
    return entry && memberOf(entry)
  }

  count(channel: string): number {
    return this.#byChannel.get(channel)?.entries.size ?? 0
  }

  /** Members by the order of their users, behind `after`: `limit` at most, and no more than `maxBytes` of them. */
  page(
    channel: string,
    { after, limit, maxBytes }: { after?: string | undefined; limit: number; maxBytes: number },
  ): MembersPage {
    const present = this.#byChannel.get(channel)
    if (present === undefined) return { members: [], count: 0, more: false }
    const users = present.order.page(after, limit + 1)
    const members: Member[] = []
    let bytes = 0
    for (const user of users.slice(0, limit)) {
      const member = memberOf(present.entries.get(user)!)
      bytes += member.size
      if (bytes > maxBytes && members.length > 0) break
      members.push(member)
    }
    return { members, count: present.entries.size, more: users.length > members.length }
  }

  /** Nobody leaves any more. */
  close(): void {
    this.#grace.close()
  }

  #add(channel: string, user: string, client: Key, data: JsonObject): void {
    let present = this.#byChannel.get(channel)
    if (present === undefined) {
      present = { entries: new Map(), order: new SortedIds() }
      this.#byChannel.set(channel, present)
    }
    const clients = new Set([client])
    const since = this.#options.clock.now()
    const text = JSON.stringify(data)
    present.entries.set(user, { channel, user, since, clients, data, text })
    present.order.add(user)
    this.#options.onChange(channel, user, undefined)
  }

  #change(entry: Entry, data: JsonObject): void {
    const text = JSON.stringify(data)
    if (text === entry.text) return
    const before = entry.data
    entry.data = data
    entry.text = text
    this.#options.onChange(entry.channel, entry.user, before)
  }

  #remove(entry: Entry): void {
    const { channel, user, data } = entry
    const present = this.#byChannel.get(channel)!
    present.entries.delete(user)
    present.order.delete(user)
    if (present.entries.size === 0) this.#byChannel.delete(channel)
    this.#options.onChange(channel, user, data)
  }

  #entryOf(channel: string, user: string, client: Key): Entry | undefined {
    const entry = this.#byChannel.get(channel)?.entries.get(user)
    return entry?.clients.has(client) ? entry : undefined
  }

  #quit(channel: string, user: string, client: Key): Entry | undefined {
    const entry = this.#entryOf(channel, user, client)
    if (entry === undefined) return undefined
    entry.clients.delete(client)
    const channels = this.#channels.get(client)
    channels?.delete(channel)
    if (channels?.size === 0) this.#channels.delete(client)
    return entry
  }

  /** Changes nothing when it throws. */
  #join(client: Key, channel: string, isNew: boolean): void {
    const { maxChannels, maxMembers } = this.#options
    const channels = this.#channels.get(client) ?? new Set()
    if (channels.size >= maxChannels && !channels.has(channel)) {
      throw new ProtocolError(
        'rate_limited',
        `A client may be present in ${maxChannels} channels. Leave one first.`,
        // Waiting does not help.
        { temporary: false },
      )
    }
    if (isNew && this.count(channel) >= maxMembers) {
      throw new ProtocolError(
        'unavailable',
        `${maxMembers} users are present in this channel, and no more fit. Try again later.`,
      )
    }
    this.#channels.set(client, channels.add(channel))
  }
}

/** What a page has of a member beside its data: names, times and a user id of 128 characters. */
const MEMBER_BYTES = 256

function memberOf({ user, data, text, clients, since }: Entry): Member {
  // One UTF-16 unit is three bytes at most.
  return { user, data, size: MEMBER_BYTES + 3 * text.length, clients: clients.size, since }
}
