import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import type { Server } from '../../server.ts'
import type { RouteAbout } from '../../handlers.ts'
import { ABOUT } from './about.ts'
import type { Desk } from './desk.ts'
import {
  bodyOf,
  check,
  List,
  ListQuery,
  MarkRead,
  MarkReadBody,
  PreferencesBody,
  SendBody,
  SubscriptionBody,
  UnsubscribeBody,
} from './schemas.ts'

/** Of a body with 10,000 users. */
const MAX_SEND_BYTES = 2 * 2 ** 20
const PATH = '/v1/notifications'

type Handler = Parameters<Server['route']>[2]
type Context = Parameters<Handler>[0]
/** Adds a route for the user whose inbox it is. */
type AddRoute = (
  method: string,
  path: string,
  about: RouteAbout,
  handler: (user: string, context: Context) => Promise<Response>,
) => void

/** What is said over HTTP. */
export function addRoutes(server: Server, desk: Desk): void {
  const send: Handler = async ({ request, actor }) => {
    if (actor.kind !== 'server') {
      throw new ProtocolError('forbidden', 'Only a server key may send notifications.')
    }
    const { users, ...input } = check(SendBody, await bodyOf(request))
    return Response.json(await desk.send(users, input), { status: 201 })
  }
  server.route('POST', PATH, send, { maxBodyBytes: MAX_SEND_BYTES, about: ABOUT.send })

  const route: AddRoute = (method, path, about, handler) => {
    const own: Handler = async (context) => handler(await userOf(server, context), context)
    server.route(method, `${PATH}${path}`, own, { about })
  }

  route('GET', '', ABOUT.list, async (user, { request }) => {
    const query = Object.fromEntries(new URL(request.url).searchParams)
    return Response.json(await desk.list(user, check(ListQuery, query)))
  })
  route('POST', '/read', ABOUT.read, async (user, { request }) => {
    const { ids } = check(MarkReadBody, await bodyOf(request))
    return Response.json(await desk.markRead(user, ids))
  })
  route('GET', '/preferences', ABOUT.preferences, async (user) =>
    Response.json(await desk.preferences.get(user)),
  )
  route('PUT', '/preferences', ABOUT.setPreferences, async (user, { request }) => {
    const preferences = check(PreferencesBody, await bodyOf(request))
    await desk.preferences.set(user, preferences)
    return Response.json(preferences)
  })
  addPushRoutes(route, desk)
}

function addPushRoutes(route: AddRoute, { push }: Desk): void {
  route('GET', '/push', ABOUT.pushKey, async () => {
    if (push.publicKey === undefined) {
      throw new ProtocolError('not_found', 'This server sends no Web Push.')
    }
    return Response.json({ public_key: push.publicKey })
  })
  route('POST', '/push', ABOUT.subscribe, async (user, { request, actor }) => {
    const { provider, endpoint, keys } = check(SubscriptionBody, await bodyOf(request))
    await push.subscribe({ ...actor, user }, { provider, endpoint, keys })
    return Response.json({ provider, endpoint }, { status: 201 })
  })
  route('DELETE', '/push', ABOUT.unsubscribe, async (user, { request }) => {
    const { endpoint } = check(UnsubscribeBody, await bodyOf(request))
    return Response.json({ removed: await push.unsubscribe(user, endpoint) })
  })
}

/** What is said over a WebSocket. */
export function addCommands(server: Server, desk: Desk): void {
  server.command('notifications_list', async ({ payload, client }) => {
    const user = ownerOf(client.user)
    permitted(await client.permits('history', `user:${user}`))
    const page = await desk.list(user, check(List, payload))
    return { type: 'notifications_list', payload: page as unknown as JsonObject }
  })
  server.command('notifications_mark_read', async ({ payload, client }) => {
    const user = ownerOf(client.user)
    permitted(await client.permits('history', `user:${user}`))
    const { ids } = check(MarkRead, payload)
    return { type: 'ack', payload: { ...(await desk.markRead(user, ids)) } }
  })
}

/** The user whose inbox it is. Who may not read the channel of a user may not read the inbox either. */
async function userOf(server: Server, { actor }: Context): Promise<string> {
  const user = ownerOf(actor.user)
  permitted(await server.permits(actor, 'history', `user:${user}`))
  return user
}

function ownerOf(user: string | undefined): string {
  if (user !== undefined) return user
  throw new ProtocolError('forbidden', 'Only users have an inbox: show the token of a user.')
}

function permitted(isPermitted: boolean): void {
  if (isPermitted) return
  throw new ProtocolError('forbidden', 'The token does not grant this: read your inbox.')
}
