import type { JsonObject } from '@tidewire/protocol'
import type { Client, Frame } from '../../client.ts'
import type { Server } from '../../server.ts'
import { Changes } from './changes.ts'
import type { Roster } from './roster.ts'

/** Between two pushes of a channel, and how much longer for each client that is told. */
const FLUSH_MS = 100
const FLUSH_MS_A_CLIENT = 1 / 20
/** Of one push: what a client is sent, and what all of them are. The rest waits for the next one. */
const MAX_BYTES_A_CLIENT = 128 * 1024
const MAX_BYTES = 64 * 1024 * 1024
/** That are told in one turn of the event loop, so that other channels do not wait for a crowd. */
const CLIENTS_A_TURN = 50

interface Room {
  readonly channel: string
  readonly watchers: Set<Client>
  readonly changes: Changes
  /** By the steady clock. */
  nextAt: number
  scheduled: boolean
  cancel: (() => void) | undefined
}

/**
 * Tells the watchers of a channel who came, went and changed. The first change leaves at the end of its turn; under
 * load they are joined, so that what a storm of joins costs is bounded by time and not by the product of those who come
 * and those who are told.
 */
export class Pushes {
  readonly #server: Server
  readonly #roster: Roster
  readonly #rooms = new Map<string, Room>()

  constructor(server: Server, roster: Roster) {
    this.#server = server
    this.#roster = roster
  }

  /** The channels with those who are told of them. */
  get watched(): [channel: string, client: Client][] {
    return [...this.#rooms.values()].flatMap(({ channel, watchers }) =>
      [...watchers].map((client): [string, Client] => [channel, client]),
    )
  }

  /** Idempotent. */
  watch(channel: string, client: Client): void {
    let room = this.#rooms.get(channel)
    if (room === undefined) {
      const [watchers, changes] = [new Set<Client>(), new Changes()]
      room = { channel, watchers, changes, nextAt: 0, scheduled: false, cancel: undefined }
      this.#rooms.set(channel, room)
    }
    room.watchers.add(client)
  }

  /** Idempotent. */
  unwatch(channel: string, client: Client): void {
    const room = this.#rooms.get(channel)
    if (!room?.watchers.delete(client) || room.watchers.size > 0) return
    room.cancel?.()
    this.#rooms.delete(channel)
  }

  /** `before`: what the member's data was. */
  changed(channel: string, user: string, before: JsonObject | undefined): void {
    const room = this.#rooms.get(channel)
    if (room === undefined) return
    room.changes.note(user, before, this.#server.clock.now())
    if (!room.scheduled) this.#schedule(room)
  }

  /** Somebody is given the members as they are now. */
  listed(channel: string): void {
    this.#rooms.get(channel)?.changes.listed()
  }

  close(): void {
    for (const { cancel } of this.#rooms.values()) cancel?.()
    this.#rooms.clear()
  }

  #schedule(room: Room): void {
    const { clock } = this.#server
    const wait = room.nextAt - clock.steady()
    const flush = (): void => this.#flush(room)
    room.scheduled = true
    if (wait > 0) room.cancel = clock.after(wait, flush)
    else clock.endOfTurn(flush)
  }

  #flush(room: Room): void {
    const { channel, watchers, changes } = room
    if (this.#rooms.get(channel) !== room) return
    const clients = [...watchers]
    const maxBytes = Math.min(MAX_BYTES_A_CLIENT, MAX_BYTES / clients.length)
    const taken = changes.take(maxBytes, (user) => this.#roster.member(channel, user))
    const count = this.#roster.count(channel)
    room.nextAt = this.#server.clock.steady() + FLUSH_MS + clients.length * FLUSH_MS_A_CLIENT
    const frames = taken.map(({ at, ...change }) => ({
      type: 'presence_update',
      payload: { channel, ...change, at: new Date(at).toISOString(), count },
    }))
    if (frames.length > 0) this.#send(room, { clients, frames })
    else this.#flushed(room)
  }

  /** Tells some in each turn. */
  #send(
    room: Room,
    push: { clients: readonly Client[]; frames: readonly Frame[] },
    from = 0,
  ): void {
    const { clients, frames } = push
    if (this.#rooms.get(room.channel) !== room) return
    const end = from + CLIENTS_A_TURN
    // Who watches no more may have lost the right to.
    const some = clients.slice(from, end).filter((client) => room.watchers.has(client))
    try {
      this.#server.send(some, frames)
    } catch (error) {
      this.#server.failed('presence', error)
    }
    if (end >= clients.length) return this.#flushed(room)
    this.#server.clock.endOfTurn(() => this.#send(room, push, end))
  }

  /** What changed meanwhile leaves after this, so that everybody is told in the order in which it happened. */
  #flushed(room: Room): void {
    room.scheduled = false
    if (room.changes.size > 0) this.#schedule(room)
  }
}
