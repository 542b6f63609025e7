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

/** A channel with those who are told of it. */
interface Watched {
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
  readonly #byChannel = new Map<string, Watched>()

  constructor(server: Server, roster: Roster) {
    this.#server = server
    this.#roster = roster
  }

  /** The channels with those who are told of them. */
  get watched(): [channel: string, client: Client][] {
    return [...this.#byChannel.values()].flatMap(({ channel, watchers }) =>
      [...watchers].map((client): [string, Client] => [channel, client]),
    )
  }

  /** Idempotent. */
  watch(channel: string, client: Client): void {
    let watched = this.#byChannel.get(channel)
    if (watched === undefined) {
      const [watchers, changes] = [new Set<Client>(), new Changes()]
      watched = { channel, watchers, changes, nextAt: 0, scheduled: false, cancel: undefined }
      this.#byChannel.set(channel, watched)
    }
    watched.watchers.add(client)
  }

  /** Idempotent. */
  unwatch(channel: string, client: Client): void {
    const watched = this.#byChannel.get(channel)
    if (!watched?.watchers.delete(client) || watched.watchers.size > 0) return
    watched.cancel?.()
    this.#byChannel.delete(channel)
  }

  /** `before`: what the member's data was. */
  changed(channel: string, user: string, before: JsonObject | undefined): void {
    const watched = this.#byChannel.get(channel)
    if (watched === undefined) return
    watched.changes.note(user, before, this.#server.clock.now())
    if (!watched.scheduled) this.#schedule(watched)
  }

  /** Somebody is given the members as they are now. */
  listed(channel: string): void {
    this.#byChannel.get(channel)?.changes.listed()
  }

  close(): void {
    for (const { cancel } of this.#byChannel.values()) cancel?.()
    this.#byChannel.clear()
  }

  #schedule(watched: Watched): void {
    const { clock } = this.#server
    const wait = watched.nextAt - clock.steady()
    const flush = (): void => this.#flush(watched)
    watched.scheduled = true
    if (wait > 0) watched.cancel = clock.after(wait, flush)
    else clock.endOfTurn(flush)
  }

  #flush(watched: Watched): void {
    const { channel, watchers, changes } = watched
    if (this.#byChannel.get(channel) !== watched) return
    const clients = [...watchers]
    const maxBytes = Math.min(MAX_BYTES_A_CLIENT, MAX_BYTES / clients.length)
    const taken = changes.take(maxBytes, (user) => this.#roster.member(channel, user))
    const count = this.#roster.count(channel)
    watched.nextAt = this.#server.clock.steady() + FLUSH_MS + clients.length * FLUSH_MS_A_CLIENT
    const frames = taken.map(({ at, ...change }) => ({
      type: 'presence_update',
      payload: { channel, ...change, at: new Date(at).toISOString(), count },
    }))
    if (frames.length > 0) this.#send(watched, { clients, frames })
    else this.#flushed(watched)
  }

  /** Tells some in each turn. */
  #send(
    watched: Watched,
    push: { clients: readonly Client[]; frames: readonly Frame[] },
    from = 0,
  ): void {
    const { clients, frames } = push
    if (this.#byChannel.get(watched.channel) !== watched) return
    const end = from + CLIENTS_A_TURN
    // Who watches no more may have lost the right to.
    const some = clients.slice(from, end).filter((client) => watched.watchers.has(client))
    try {
      this.#server.send(some, frames)
    } catch (error) {
      this.#server.failed('presence', error)
    }
    if (end >= clients.length) return this.#flushed(watched)
    this.#server.clock.endOfTurn(() => this.#send(watched, push, end))
  }

  /** What changed meanwhile leaves after this, so that everybody is told in the order in which it happened. */
  #flushed(watched: Watched): void {
    watched.scheduled = false
    if (watched.changes.size > 0) this.#schedule(watched)
  }
}
