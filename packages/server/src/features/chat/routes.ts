import { isChannelName, ProtocolError } from '@tidewire/protocol'
import { tokenGrants } from '../../client.ts'
import type { RouteContext } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { ABOUT } from './about.ts'
import { channelOf, directUsers, isTalk, roomOf, ROOMS } from './channels.ts'
import type { Membership } from './membership.ts'
import { notAllowed } from './membership.ts'
import type { Projection } from './projection.ts'
import type { Receipts } from './receipts.ts'
import { type Room, type Rooms, taken } from './rooms.ts'
import { newRoom, page, parse, search, userPath } from './schemas.ts'
import type { Said, Talks } from './talks.ts'
import { matching, wordsIn } from './words.ts'

export interface RoomRoutesParts {
  server: Server
  projection: Projection
  talks: Talks
  rooms: Rooms
  membership: Membership
  receipts: Receipts
}

type Actor = RouteContext['actor']

const PAGE = 50
const DIRECTS = 50
/** Of what a user may ask: a search reads far more than other requests. */
const SEARCH_COST = 20

/** Rooms, their members and what was said in them, over HTTP. */
export class RoomRoutes {
  readonly #parts: RoomRoutesParts

  constructor(parts: RoomRoutesParts) {
    this.#parts = parts
  }

  add(): void {
    const { server } = this.#parts
    const rooms = '/v1/rooms'
    server.route('POST', rooms, (context) => this.#make(context), { about: ABOUT.make })
    server.route('GET', rooms, (context) => this.#mine(context), { about: ABOUT.mine })
    server.route('GET', `${rooms}/:room`, (context) => this.#one(context), { about: ABOUT.one })
    const member = '/v1/rooms/:room/members/:user'
    server.route('PUT', member, (context) => this.#addMember(context), { about: ABOUT.addMember })
    server.route('DELETE', member, (context) => this.#removeMember(context), {
      about: ABOUT.removeMember,
    })
    const about = ABOUT.search
    server.route(
      'GET',
      `${rooms}/:room/search`,
      (context) => this.#search(context, channelOf(context.params['room']!)),
      { about, cost: SEARCH_COST },
    )
    server.route(
      'GET',
      '/v1/channels/:channel/search',
      (context) => this.#search(context, talkOf(context.params['channel']!)),
      { about, cost: SEARCH_COST },
    )
  }

  async #make({ request, actor }: RouteContext): Promise<Response> {
    const body = parse(newRoom, 'The body', await bodyOf(request))
    const { room, members = [], name, private: isPrivate = false } = body
    const channel = channelOf(room)
    const isServer = actor.kind === 'server'
    if (!isServer) await this.#mayMake(actor, body, channel)
    const owner = isServer ? body.owner : actor.user
    const { rooms, membership, server } = this.#parts
    const made = await rooms.closed(channel, async () => {
      // Again, now that nobody is let in.
      if (!isServer) await this.#mustBeUnused(channel)
      return rooms.make({ room, isPrivate, name, owner })
    })
    for (const user of new Set([...(owner === undefined ? [] : [owner]), ...members])) {
      await membership.add(room, user)
    }
    // Who listened while it was anybody's.
    await server.recheck(channel)
    return Response.json(
      { ...shown(channel, made), ...(await membership.members(channel)) },
      {
        status: 201,
      },
    )
  }

  async #mayMake(actor: Actor, body: { room: string; owner?: unknown }, channel: string) {
    const { server } = this.#parts
    if (actor.user === undefined || !(await server.permits(actor, 'subscribe', channel))) {
      throw notAllowed(body.room)
    }
    if (body.owner !== undefined) {
      throw new ProtocolError('bad_envelope', '`owner` is for server keys: the room will be yours.')
    }
    await this.#mustBeUnused(channel)
  }

  /** A user makes a room of its own, not one of what others use already. */
  async #mustBeUnused(channel: string): Promise<void> {
    const { server, projection, rooms } = this.#parts
    if (rooms.isEntered(channel)) throw taken()
    const { seen } = await projection.settled(channel)
    const isInUse =
      seen > 0 || server.subscribers(channel) > 0 || (await server.countMembers(channel)) > 0
    if (isInUse) throw taken()
  }

  async #mine({ request, actor }: RouteContext): Promise<Response> {
    const query = parse(page, 'The query', queryOf(request))
    const { limit = PAGE } = query
    const user = userOf(actor)
    const { server, talks } = this.#parts
    const after = query.after === undefined ? {} : { after: channelOf(query.after) }
    const joined = await server.memberships(user, {
      namespace: ROOMS,
      limit: limit + 1,
      ...after,
    })
    const directs = query.after === undefined ? await talks.directs(user, DIRECTS) : []
    const [rooms, others] = await Promise.all([
      this.#summaries(actor, user, joined.slice(0, limit)),
      this.#summaries(actor, user, directs),
    ])
    return Response.json({ rooms, directs: others, more: joined.length > limit })
  }

  async #summaries(actor: Actor, user: string, channels: readonly string[]): Promise<object[]> {
    const { server, rooms, receipts } = this.#parts
    const permitted = await Promise.all(
      channels.map((channel) => server.permits(actor, 'history', channel)),
    )
    const readable = channels.filter((_, i) => permitted[i])
    const readings = await receipts.readings(user, readable)
    const lastMessages = await this.#lastMessages(readable)
    return Promise.all(
      readable.map(async (channel, i) => {
        const other = directUsers(channel)?.find((one) => one !== user)
        const summary = { ...readings.get(channel), last_message: lastMessages[i] ?? null }
        if (other !== undefined) return { channel, user: other, ...summary }
        const room = shown(channel, await rooms.find(channel))
        return { ...room, member_count: await server.countMembers(channel), ...summary }
      }),
    )
  }

  /** In the order of the channels. */
  async #lastMessages(channels: readonly string[]): Promise<(Said | undefined)[]> {
    const { projection, talks } = this.#parts
    const followed = await Promise.all(channels.map((channel) => projection.settled(channel)))
    const ids = followed.flatMap(({ id }) => (id === undefined ? [] : [id]))
    const messages = await talks.lastMessages(ids)
    return followed.map(({ id }) => (id === undefined ? undefined : messages.get(id)))
  }

  async #one({ params, actor }: RouteContext): Promise<Response> {
    const channel = channelOf(params['room']!)
    await this.#permit(actor, channel, 'subscribe')
    const { server, rooms, membership, projection } = this.#parts
    const room = await rooms.find(channel)
    const members = await membership.members(channel)
    const { seen } = await projection.settled(channel)
    if (room === undefined && members.member_count === 0 && seen === 0) {
      throw new ProtocolError('not_found', 'There is no such room. Whoever joins it makes it.')
    }
    const { user } = actor
    const isMember = user !== undefined && (await server.isMember(channel, user))
    const [summary] = isMember ? await this.#summaries(actor, user, [channel]) : []
    return Response.json({ ...shown(channel, room), ...summary, ...members })
  }

  async #addMember(context: RouteContext): Promise<Response> {
    const { room, channel, user } = this.#member(context)
    // Whoever may enter a room by itself may do so here as well.
    const { membership, rooms } = this.#parts
    const added = await rooms.entering(channel, async () => {
      if (context.actor.user === user) await this.#mayReturn(context.actor, channel)
      else await this.#mayManage(context.actor, channel)
      return membership.add(room, user)
    })
    return Response.json({ room, user, added }, { status: added ? 201 : 200 })
  }

  async #removeMember(context: RouteContext): Promise<Response> {
    const { room, channel, user } = this.#member(context)
    if (context.actor.user !== user) await this.#mayManage(context.actor, channel)
    const removed = await this.#parts.membership.remove(room, user)
    return Response.json({ room, user, removed })
  }

  #member({ params, actor }: RouteContext): { room: string; channel: string; user: string } {
    const channel = channelOf(params['room']!)
    // Also for the owner: a token that lists channels does nothing outside of them.
    if (!tokenGrants(actor, 'subscribe', channel)) throw notAllowed(params['room']!)
    const { user } = parse(userPath, 'The path', params)
    return { room: roomOf(channel)!, channel, user }
  }

  async #mayReturn(actor: Actor, channel: string): Promise<void> {
    const room = await this.#parts.rooms.find(channel)
    // The owner of a private room may have left it.
    if (actor.kind === 'server' || room?.owner === actor.user) return
    await this.#permit(actor, channel, 'subscribe')
  }

  async #mayManage(actor: Actor, channel: string): Promise<void> {
    if (actor.kind === 'server') return
    const room = await this.#parts.rooms.find(channel)
    if (room?.owner !== undefined && room.owner === actor.user) return
    throw new ProtocolError('forbidden', 'Only the owner of a room says who is in it.')
  }

  async #search({ request, actor }: RouteContext, channel: string): Promise<Response> {
    const { q, before, limit = PAGE } = parse(search, 'The query', queryOf(request))
    await this.#permit(actor, channel, 'history')
    const words = wordsIn(q)
    if (words.length === 0) {
      throw new ProtocolError(
        'bad_envelope',
        '`q` has neither a letter nor a number to search for.',
      )
    }
    const { projection, talks } = this.#parts
    const { id } = await projection.settled(channel)
    const range = { before: before ?? Number.MAX_SAFE_INTEGER, limit: limit + 1 }
    const found = id === undefined ? [] : await talks.search(id, matching(id, words), range)
    const messages = found.slice(0, limit)
    return Response.json({ ...where(channel), messages, more: found.length > limit })
  }

  async #permit(actor: Actor, channel: string, action: 'subscribe' | 'history'): Promise<void> {
    if (await this.#parts.server.permits(actor, action, channel)) return
    throw notAllowed(roomOf(channel) ?? channel)
  }
}

function userOf({ user }: Actor): string {
  if (user !== undefined) return user
  throw new ProtocolError('forbidden', 'Rooms are listed for a user: show the token of one.')
}

function where(channel: string): { room?: string; channel: string } {
  const room = roomOf(channel)
  return { ...(room === undefined ? {} : { room }), channel }
}

/** A room as it is shown; a room that nobody made is public and has no owner. */
function shown(channel: string, room: Room | undefined) {
  return {
    ...where(channel),
    private: room?.private ?? false,
    ...(room?.name === undefined ? {} : { name: room.name }),
    ...(room?.owner === undefined ? {} : { owner: room.owner }),
    ...(room === undefined ? {} : { created_at: new Date(room.created_at).toISOString() }),
  }
}

function talkOf(channel: string): string {
  if (isTalk(channel)) return channel
  throw new ProtocolError(
    isChannelName(channel) ? 'not_found' : 'bad_envelope',
    'Only rooms, such as `chat:general`, and direct talks can be searched.',
  )
}

function queryOf(request: Request): Record<string, string> {
  return Object.fromEntries(new URL(request.url).searchParams)
}

async function bodyOf(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch (cause) {
    throw new ProtocolError('bad_envelope', 'The body is not valid JSON.', { cause })
  }
}
