import { ProtocolError } from '@tidewire/protocol'
import type { Guard, GuardQuestion } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { channelOf, directUsers } from './channels.ts'
import type { ChatDatabase } from './tables.ts'

/** A room that somebody made. Others come into being when they are used, and are public. */
export interface Room {
  channel: string
  private: boolean
  name: string | undefined
  owner: string | undefined
  /** Milliseconds since 1970. */
  created_at: number
}

/** Rooms that are remembered, and names that are known to be no room that was made. */
const MAX_KNOWN = 50_000
/** Of one user. */
const MAX_OWNED = 500

/** The rooms that were made, and who may enter them. */
export class Rooms {
  readonly #server: Server
  readonly #database: ChatDatabase
  readonly #known = new Map<string, Room | undefined>()
  /** By channel: the rooms that are being made, for nobody knows whom yet. */
  readonly #making = new Map<string, Promise<unknown>>()
  /** By channel: how many users are coming in. */
  readonly #entering = new Map<string, number>()

  constructor(server: Server, database: ChatDatabase) {
    this.#server = server
    this.#database = database
  }

  /** At once where it is known; undefined for a room that nobody made. */
  find(channel: string): Room | undefined | Promise<Room | undefined> {
    return this.#known.has(channel) ? this.#known.get(channel) : this.#read(channel)
  }

  /** For everybody, whatever a token grants: only members do anything in a private room. */
  readonly guard: Guard = (question) => {
    const making = this.#making.get(question.channel)
    if (making !== undefined) return making.then(() => this.guard(question))
    const room = this.find(question.channel)
    return room instanceof Promise
      ? room.then((later) => this.#admits(later, question))
      : this.#admits(room, question)
  }

  /** A direct talk belongs to the two that it is named after. */
  readonly guardDirect: Guard = ({ user, channel }) =>
    user !== undefined && directUsers(channel)?.includes(user) === true

  /** Makes a room, or finds that it may not be made: meanwhile nobody is let in. Rejects with `conflict` when somebody else does. */
  async closed<T>(channel: string, make: () => Promise<T>): Promise<T> {
    if (this.#making.has(channel)) throw taken()
    const made = make()
    const settled = made.catch(() => undefined).finally(() => this.#making.delete(channel))
    this.#making.set(channel, settled)
    return made
  }

  /** Lets somebody in who may come in: `work` finds out, and makes a member. */
  async entering<T>(channel: string, work: () => Promise<T>): Promise<T> {
    this.#entering.set(channel, (this.#entering.get(channel) ?? 0) + 1)
    try {
      return await work()
    } finally {
      const others = this.#entering.get(channel)! - 1
      if (others > 0) this.#entering.set(channel, others)
      else this.#entering.delete(channel)
    }
  }

  /** Whether somebody is coming in just now. */
  isEntered(channel: string): boolean {
    return this.#entering.has(channel)
  }

  /** Rejects with `conflict` when there is one already, or its owner has too many. */
  async make({
    room,
    isPrivate,
    name,
    owner,
  }: {
    room: string
    isPrivate: boolean
    name: string | undefined
    owner: string | undefined
  }): Promise<Room> {
    const channel = channelOf(room)
    if (owner !== undefined) await this.#bound(owner)
    const created_at = this.#server.clock.now()
    const { numInsertedOrUpdatedRows } = await this.#database
      .insertInto('chat_rooms')
      .values({
        channel,
        private: isPrivate ? 1 : 0,
        name: name ?? null,
        owner: owner ?? null,
        created_at,
      })
      .onConflict((conflict) => conflict.doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows !== 1n) throw taken()
    const made = { channel, private: isPrivate, name, owner, created_at }
    this.#remember(made.channel, made)
    return made
  }

  #admits(room: Room | undefined, { user, channel }: GuardQuestion): boolean | Promise<boolean> {
    if (room?.private !== true) return true
    return user !== undefined && this.#server.isMember(channel, user)
  }

  async #bound(owner: string): Promise<void> {
    const { count } = await this.#database
      .selectFrom('chat_rooms')
      .select((rooms) => rooms.fn.countAll<number>().as('count'))
      .where('owner', '=', owner)
      .executeTakeFirstOrThrow()
    if (count < MAX_OWNED) return
    throw new ProtocolError('conflict', `A user owns ${MAX_OWNED} rooms at most.`)
  }

  async #read(channel: string): Promise<Room | undefined> {
    const row = await this.#database
      .selectFrom('chat_rooms')
      .selectAll()
      .where('channel', '=', channel)
      .executeTakeFirst()
    // Made while this was read.
    if (this.#known.has(channel)) return this.#known.get(channel)
    const room = row && {
      channel,
      private: row.private === 1,
      name: row.name ?? undefined,
      owner: row.owner ?? undefined,
      created_at: row.created_at,
    }
    this.#remember(channel, room)
    return room
  }

  #remember(channel: string, room: Room | undefined): void {
    this.#known.delete(channel)
    const [oldest] = this.#known.keys()
    if (this.#known.size >= MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    this.#known.set(channel, room)
  }
}

export function taken(): ProtocolError {
  return new ProtocolError('conflict', 'There is such a room already. Choose another name.')
}
