import type { MemberStore } from '../core/ports/members.ts'
import type { Routes } from './http-app.ts'
import { notOffered } from './http-errors.ts'
import type { RouteOptions } from './http-routes.ts'
import { ChannelPath, check, MemberPath, MembersQuery, NewMemberPath } from './http-schemas.ts'

const PAGE = 100

/** Who belongs to a channel: what the rule `member` asks. Backends say it. */
export function addMemberRoutes(app: Routes, options: RouteOptions): void {
  const { service, authenticate, serversOnly } = options
  const path = '/v1/channels/:channel/members'

  app.get(path, authenticate, serversOnly, async (c) => {
    const { channel } = check(ChannelPath, c.req.param())
    service.checkChannel(channel)
    const { after, limit = PAGE } = check(MembersQuery, c.req.query())
    const page = { ...(after === undefined ? {} : { after }), limit: limit + 1 }
    const members = await storeOf(options).list(channel, page)
    return c.json({ channel, members: members.slice(0, limit), more: members.length > limit })
  })

  app.put(`${path}/:user`, authenticate, serversOnly, async (c) => {
    const { channel, user } = check(NewMemberPath, c.req.param())
    service.checkChannel(channel)
    const added = await storeOf(options).add(channel, user)
    await service.recheck(user, channel)
    return c.json({ channel, user, added }, added ? 201 : 200)
  })

  app.delete(`${path}/:user`, authenticate, serversOnly, async (c) => {
    const { channel, user } = check(MemberPath, c.req.param())
    service.checkChannel(channel)
    const removed = await storeOf(options).remove(channel, user)
    return c.json({ channel, user, removed })
  })
}

function storeOf({ members }: RouteOptions): MemberStore {
  if (members === undefined) throw notOffered('It keeps no members.')
  return members
}
