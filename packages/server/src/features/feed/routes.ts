import { ProtocolError } from '@tidewire/protocol'
import type { CommandRequest, RouteContext, RouteHandler } from '../../handlers.ts'
import type { Server } from '../../server.ts'
import { ABOUT } from './about.ts'
import type { FanOut } from './fan-out.ts'
import type { Graph } from './graph.ts'
import type { Reader } from './reader.ts'
import { check, Follow, PageQuery, user as userId, UsersQuery } from './schemas.ts'

export interface Parts {
  graph: Graph
  reader: Reader
  fanOut: FanOut
}

const NO_STORE = { headers: { 'Cache-Control': 'no-store' } }

/** `follow` and `unfollow`. Both are answered with what holds now. */
export function addCommands(server: Server, { graph }: Parts): void {
  const command = (type: 'follow' | 'unfollow') =>
    server.command(type, async ({ payload, user, client }: CommandRequest) => {
      const { user: other } = check(Follow, payload)
      if (user === undefined) throw authenticate()
      if (!(await client.permits('publish', `feed:${user}`))) throw notYours()
      await graph[type](user, other)
      return { type: 'ack', payload: { user: other, following: type === 'follow' } }
    })
  command('follow')
  command('unfollow')
}

export function addRoutes(server: Server, { graph, reader, fanOut }: Parts): void {
  const page: RouteHandler = async (context) => {
    const user = await ownerOf(server, context, 'history')
    const query = check(PageQuery, queryOf(context))
    await fanOut.settled()
    return Response.json({ user, ...(await reader.page(user, query)) }, NO_STORE)
  }
  server.route('GET', '/v1/feeds/:user', page, { about: ABOUT.feed })
  for (const who of ['following', 'followers'] as const) {
    const list: RouteHandler = async (context) => {
      const user = await ownerOf(server, context, 'history')
      const page = await graph.list(who, user, check(UsersQuery, queryOf(context)))
      return Response.json({ user, ...page }, NO_STORE)
    }
    server.route('GET', `/v1/feeds/:user/${who}`, list, { about: ABOUT.users })
  }
  for (const [method, change] of [
    ['PUT', 'follow'],
    ['DELETE', 'unfollow'],
  ] as const) {
    const follow: RouteHandler = async (context) => {
      const user = await ownerOf(server, context, 'publish')
      const other = check(userId, context.params['other'])
      const changed = await graph[change](user, other)
      return Response.json({ user: other, following: change === 'follow', changed })
    }
    const path = '/v1/feeds/:user/following/:other'
    server.route(method, path, follow, { about: ABOUT[change] })
  }
}

/** The user of the path, whose feed the actor may read or speak in. */
async function ownerOf(
  server: Server,
  { actor, params }: RouteContext,
  action: 'history' | 'publish',
): Promise<string> {
  const user = check(userId, params['user'])
  if (actor.kind === 'anyone') throw authenticate()
  if (!(await server.permits(actor, action, `feed:${user}`))) throw notYours()
  return user
}

function queryOf({ request }: RouteContext): object {
  return Object.fromEntries(new URL(request.url).searchParams)
}

function authenticate(): ProtocolError {
  return new ProtocolError('authentication_required', 'Send a token: feeds belong to users.')
}

function notYours(): ProtocolError {
  return new ProtocolError('forbidden', 'The feed is not yours.')
}
