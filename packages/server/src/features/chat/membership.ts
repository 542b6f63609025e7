import { type Position, ProtocolError } from '@tidewire/protocol'
import type { CommandRequest, MemberChange } from '../../handlers.ts'
import type { Client } from '../../client.ts'
import type { Server } from '../../server.ts'
import { channelOf, roomOf, ROOMS } from './channels.ts'
import type { Projection } from './projection.ts'
import type { Rooms } from './rooms.ts'
import { join, leave, parsePayload } from './schemas.ts'
import type { Reader, Talks } from './talks.ts'

/** Members that are told of one room. */
const MAX_MEMBERS = 100

/** What happened to the members of a room while somebody was being told who they are. */
type Change = (members: Map<string, number>) => void

export interface Members {
  members: Reader[]
  member_count: number
}

export interface MembershipParts {
  server: Server
  projection: Projection
  talks: Talks
  rooms: Rooms
}

/** Who is in which room: who comes and goes is told to who listens, and who comes is told who is there. */
export class Membership {
  readonly #server: Server
  readonly #projection: Projection
  readonly #talks: Talks
  readonly #rooms: Rooms
  /** By channel: those that are being told. */
  readonly #told = new Map<string, Set<Change[]>>()
  /** By channel and user: the client that makes its user a member just now, or none. */
  readonly #actors = new Map<string, Client>()

  constructor({ server, projection, talks, rooms }: MembershipParts) {
    this.#server = server
    this.#projection = projection
    this.#talks = talks
    this.#rooms = rooms
  }

  /** From now on, until the result is called. */
  watch(): () => void {
    return this.#server.watchMembers(ROOMS, this.#changed)
  }

  readonly join = async ({ payload, client, message_id }: CommandRequest): Promise<undefined> => {
    const { room, since } = parsePayload(join, 'join_room', payload)
    const user = userOf(client)
    const channel = channelOf(room)
    await this.#rooms.entering(channel, async () => {
      if (!(await client.permits('subscribe', channel))) throw notAllowed(room)
      await this.add(room, user, { by: client })
    })
    await this.#enter(client, room, { user, since, message_id })
    return undefined
  }

  readonly leave = async ({ payload, client }: CommandRequest) => {
    const { room } = parsePayload(leave, 'leave_room', payload)
    const user = userOf(client)
    if (!client.grants('subscribe', channelOf(room))) throw notAllowed(room)
    client.unsubscribe(channelOf(room))
    await this.remove(room, user, { by: client })
    return { type: 'room_left', payload: { room } }
  }

  /** Makes the user a member, who begins to count from here. True when the user was none before. */
  async add(room: string, user: string, { by }: { by?: Client } = {}): Promise<boolean> {
    const channel = channelOf(room)
    await this.#projection.settled(channel)
    return this.#acting(by, channel, user, () => this.#server.addMember(channel, user))
  }

  /** Ends the membership, and with it what stood on it. True when the user was a member. */
  async remove(room: string, user: string, { by }: { by?: Client } = {}): Promise<boolean> {
    const channel = channelOf(room)
    return this.#acting(by, channel, user, () => this.#server.removeMember(channel, user))
  }

  /** A member has read further: who is being told of the members hears of that as well. */
  read(channel: string, user: string, offset: number): void {
    this.#tell(channel, (members) => {
      const before = members.get(user)
      if (before !== undefined && before < offset) members.set(user, offset)
    })
  }

  /** The first members of a room, in the order of their ids. */
  async members(channel: string): Promise<Members> {
    const { id } = await this.#projection.settled(channel)
    const users = await this.#server.members(channel, { limit: MAX_MEMBERS })
    const members = await this.#talks.readers(id, users)
    const isAll = users.length < MAX_MEMBERS
    const member_count = isAll ? users.length : await this.#server.countMembers(channel)
    return { members, member_count }
  }

  /**
   * Subscribes the client from where its counts end, so that what it is told and what it then receives fit together without
   * a hole. With `since` it may receive what is in the counts already, up to `counted`.
   */
  async #enter(
    client: Client,
    room: string,
    who: { user: string; since: Position | undefined; message_id: string | undefined },
  ): Promise<void> {
    const channel = channelOf(room)
    const changes: Change[] = []
    const told = this.#told.get(channel) ?? new Set()
    this.#told.set(channel, told.add(changes))
    try {
      // What was to do it when the membership began may have failed.
      await this.#beginReading(channel, who.user)
      const here = await this.members(channel)
      const followed = await this.#projection.settled(channel)
      const reading = (await this.#talks.readings(who.user, [followed])).get(channel)!
      const { epoch } = followed
      const start =
        who.since ?? (epoch === undefined ? undefined : { epoch, offset: reading.offset })
      await client.subscribe(channel, start === undefined ? {} : { since: start }, (subscribed) => {
        const { offset, oldest, reason, recovered } = subscribed
        const payload = {
          room,
          channel,
          ...(subscribed.epoch === undefined ? {} : { epoch: subscribed.epoch }),
          offset,
          recovered: who.since !== undefined && recovered,
          ...(reason === undefined || who.since === undefined ? {} : { reason }),
          ...(oldest === undefined ? {} : { oldest }),
          ...changed(here, changes),
          last_read: reading.last_read,
          unread: reading.unread,
          mentions: reading.mentions,
          counted: reading.offset,
        }
        const frame = { type: 'room_joined', payload }
        const { message_id } = who
        return { frame, ...(message_id === undefined ? {} : { correlationId: message_id }) }
      })
    } finally {
      told.delete(changes)
      if (told.size === 0 && this.#told.get(channel) === told) this.#told.delete(channel)
    }
  }

  /** Whoever made somebody a member, or none: a client, a backend, the application. */
  readonly #changed = ({ channel, user, isMember }: MemberChange): void | Promise<void> =>
    isMember ? this.#came(channel, user) : this.#went(channel, user)

  async #came(channel: string, user: string): Promise<void> {
    const room = roomOf(channel)!
    const number = await this.#beginReading(channel, user)
    const [reader] = await this.#talks.readers(number, [user])
    this.#tell(channel, (members) => members.set(user, reader!.last_read))
    const data = { last_read: reader!.last_read }
    const frame = { type: 'user_joined', payload: { room, user, data } }
    const by = this.#actors.get(keyOf(channel, user))
    this.#server.signal(channel, frame, { except: by === undefined ? [] : [by] })
    // Who was added by somebody else learns of it, too.
    const own = this.#server.clients(user).filter((client) => client !== by)
    this.#server.send(
      own.filter((client) => !client.isSubscribed(channel)),
      frame,
    )
  }

  /** From here on it counts what the user has not read, unless that is counted already. The number of the channel. */
  async #beginReading(channel: string, user: string): Promise<number> {
    const { seen } = await this.#projection.settled(channel)
    const number = await this.#projection.number(channel)
    await this.#talks.beginReading(number, user, seen, this.#server.clock.now())
    return number
  }

  /** Who can no longer listen hears this as the last of the room: the rights are looked at after it. */
  #went(channel: string, user: string): void {
    this.#tell(channel, (members) => members.delete(user))
    const frame = { type: 'user_left', payload: { room: roomOf(channel)!, user } }
    const by = this.#actors.get(keyOf(channel, user))
    this.#server.signal(channel, frame, { except: by === undefined ? [] : [by] })
  }

  /** While it lasts the client, which is answered, is not told. */
  async #acting<T>(
    by: Client | undefined,
    channel: string,
    user: string,
    act: () => Promise<T>,
  ): Promise<T> {
    if (by === undefined) return act()
    const key = keyOf(channel, user)
    this.#actors.set(key, by)
    try {
      return await act()
    } finally {
      if (this.#actors.get(key) === by) this.#actors.delete(key)
    }
  }

  #tell(channel: string, change: Change): void {
    for (const changes of this.#told.get(channel) ?? []) changes.push(change)
  }
}

/** The members after what happened while they were read; some of it may be in already. */
function changed({ members, member_count }: Members, changes: readonly Change[]): Members {
  const now = new Map(members.map(({ user, last_read }) => [user, last_read]))
  for (const change of changes) change(now)
  return {
    members: [...now].slice(0, MAX_MEMBERS).map(([user, last_read]) => ({ user, last_read })),
    member_count: Math.max(0, member_count + now.size - members.length),
  }
}

/** Neither has blanks. */
function keyOf(channel: string, user: string): string {
  return `${channel} ${user}`
}

/** Throws `forbidden` for who is nobody in particular. */
export function userOf({ user }: { user?: string | undefined }): string {
  if (user !== undefined) return user
  throw new ProtocolError('forbidden', 'Only a user can do this: show the token of one.')
}

export function notAllowed(room: string): ProtocolError {
  return new ProtocolError('forbidden', `You may not enter the room \`${room}\`.`)
}
