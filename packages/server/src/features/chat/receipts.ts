import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { CommandRequest } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { directUsers, ROOMS } from './channels.ts'
import type { Membership } from './membership.ts'
import { userOf } from './membership.ts'
import type { Projection } from './projection.ts'
import { markRead, MAX_UNREAD, parsePayload, unreadGet } from './schemas.ts'
import type { Reading, Talks } from './talks.ts'

export interface ReceiptsParts {
  server: Server
  projection: Projection
  talks: Talks
  membership: Membership
}

/** What users have read, and what they have not. */
export class Receipts {
  readonly #server: Server
  readonly #projection: Projection
  readonly #talks: Talks
  readonly #membership: Membership

  constructor({ server, projection, talks, membership }: ReceiptsParts) {
    this.#server = server
    this.#projection = projection
    this.#talks = talks
    this.#membership = membership
  }

  readonly markRead = async ({ payload, client }: CommandRequest) => {
    const { channel, offset } = parsePayload(markRead, 'mark_read', payload)
    const user = userOf(client)
    if (!(await client.permits('history', channel))) throw notIn(channel)
    await this.#belongs(user, channel)
    const { id, seen } = await this.#projection.settled(channel)
    if (offset > seen) {
      throw new ProtocolError(
        'conflict',
        `\`${channel}\` ends at ${seen}: nothing is at ${offset}.`,
      )
    }
    if (id === undefined) return { type: 'ack', payload: { channel, offset: 0, duplicate: true } }
    const now = this.#server.clock.now()
    const { last_read, moved } = await this.#talks.read(id, user, offset, now)
    if (moved) {
      this.#membership.read(channel, user, last_read)
      const at = new Date(now).toISOString()
      const frame = { type: 'read_receipt', payload: { channel, user, offset: last_read, at } }
      this.#server.signal(channel, frame, { except: [client] })
      const own = this.#server.clients(user)
      this.#server.send(
        own.filter((other) => other !== client && !other.isSubscribed(channel)),
        frame,
      )
    }
    return { type: 'ack', payload: { channel, offset: last_read, duplicate: !moved } }
  }

  readonly unreadGet = async ({ payload, client }: CommandRequest) => {
    const { channels: asked } = parsePayload(unreadGet, 'unread_get', payload)
    const user = userOf(client)
    const channels = [...new Set(asked ?? (await this.talksOf(user)))]
    const permitted = await Promise.all(
      channels.map(async (channel) => {
        const isPermitted = await client.permits('history', channel)
        if (asked === undefined) return isPermitted
        if (!isPermitted) throw notIn(channel)
        await this.#belongs(user, channel)
        return true
      }),
    )
    const readings = await this.readings(
      user,
      channels.filter((_, i) => permitted[i]),
    )
    const state = Object.fromEntries(readings) as unknown as JsonObject
    return { type: 'unread_state', payload: { channels: state } }
  }

  /** The rooms of a user and the latest direct talks, within the bounds of one answer. */
  async talksOf(user: string): Promise<string[]> {
    const limit = MAX_UNREAD
    const [rooms, directs] = await Promise.all([
      this.#server.memberships(user, { namespace: ROOMS, limit }),
      this.#talks.directs(user, limit),
    ])
    // When there are too many of both, some of each.
    const room = Math.max(limit - directs.length, limit / 2)
    const kept = rooms.slice(0, room)
    return [...kept, ...directs.slice(0, limit - kept.length)]
  }

  async readings(user: string, channels: readonly string[]): Promise<Map<string, Reading>> {
    const followed = await Promise.all(channels.map((channel) => this.#projection.settled(channel)))
    return this.#talks.readings(user, followed)
  }

  /** Counts are for members: they begin when somebody comes in. */
  async #belongs(user: string, channel: string): Promise<void> {
    if (directUsers(channel) !== undefined) return
    if (!(await this.#server.isMember(channel, user))) throw notIn(channel)
  }
}

function notIn(channel: string): ProtocolError {
  return new ProtocolError('forbidden', `You are not in \`${channel}\`: join it first.`)
}
