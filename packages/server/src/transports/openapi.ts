import type { RouteConfig } from '@hono/zod-openapi'
import { z } from '@hono/zod-openapi'
import type { Routes } from './http-app.ts'
import {
  Added,
  CallBody,
  CallResult,
  channel,
  ChannelPath,
  DevToken,
  DevTokenBody,
  Ended,
  ErrorBody,
  HistoryPage,
  HistoryQuery,
  IssueBody,
  MemberPath,
  Members,
  MembersQuery,
  NewMemberPath,
  PollAnswer,
  PublishBody,
  PublishManyBody,
  Receipt,
  RefreshBody,
  Removed,
  Results,
  RevokeBody,
  Token,
  UserPath,
} from './http-schemas.ts'
import { type DescribedRoute, toOperation } from './openapi-routes.ts'

const SECURITY = [{ bearer: [] }]
const IN_QUERY = [{ bearer: [] }, { token: [] }]

const errors = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, answer('An error of §7', ErrorBody)]))

const streamQuery = {
  channel: z.array(channel).openapi({ description: 'One or more: `channel=a&channel=b`.' }),
  cursor: z.string().optional().openapi({ description: 'Where to go on, of an earlier answer.' }),
  last: z.int().min(0).max(1000).optional().openapi({
    description: 'How many earlier publications come first, where the cursor is silent.',
  }),
}

const ROUTES: RouteConfig[] = [
  {
    method: 'get',
    path: '/v1/ws',
    summary: 'WebSocket',
    description: 'Upgrades to the WebSocket protocol, subprotocol `tidewire.v1.json` by default.',
    security: [...IN_QUERY, {}],
    responses: { 101: { description: 'Switching protocols' }, ...errors(401, 403, 426, 429, 503) },
  },
  {
    method: 'get',
    path: '/v1/sse',
    summary: 'Server-Sent Events',
    description:
      'Each event: `event` the type, `id` the cursor, `data` the envelope. The header Last-Event-ID goes before `cursor`.',
    security: IN_QUERY,
    request: {
      query: z.object(streamQuery),
      headers: z.object({ 'Last-Event-ID': z.string().optional() }),
    },
    responses: {
      200: { description: 'The stream', content: { 'text/event-stream': { schema: z.string() } } },
      ...errors(400, 401, 403, 404, 429, 503),
    },
  },
  {
    method: 'get',
    path: '/v1/poll',
    summary: 'Long and short polling',
    description:
      'Answers at the first delivery. Take `resets` first, then `publications`, and poll again with `cursor`. Without `cursor` and `last` it answers at once with the cursor of now.',
    security: IN_QUERY,
    request: {
      query: z.object({
        ...streamQuery,
        wait: z.int().min(0).optional().openapi({
          description:
            'Milliseconds to wait, 60,000 at most; 25,000 when absent; 0 is short polling.',
        }),
      }),
    },
    responses: {
      200: answer('What is new', PollAnswer),
      204: {
        description: 'Nothing is new. The header Tidewire-Cursor is the cursor to go on with.',
        headers: z.object({ 'Tidewire-Cursor': z.string() }),
      },
      ...errors(400, 401, 403, 404, 429, 503),
    },
  },
  {
    method: 'get',
    path: '/v1/channels/{channel}/publications',
    summary: 'History of a channel',
    description: 'Ascending by offset. Without `after` and `before`: the newest.',
    security: SECURITY,
    request: { params: ChannelPath, query: HistoryQuery },
    responses: { 200: answer('A page', HistoryPage), ...errors(400, 401, 403, 404, 409) },
  },
  {
    method: 'post',
    path: '/v1/channels/{channel}/publications',
    summary: 'Publish to a channel',
    security: SECURITY,
    request: { params: ChannelPath, body: json(PublishBody) },
    responses: {
      201: answer('The log holds it', Receipt),
      200: answer('It was published before with this `message_id`', Receipt),
      ...errors(400, 401, 403, 404, 409, 413, 429, 503, 507),
    },
  },
  {
    method: 'post',
    path: '/v1/publications',
    summary: 'Publish to several channels',
    description: 'Each channel has a result of its own, in the order of the request.',
    security: SECURITY,
    request: { body: json(PublishManyBody) },
    responses: { 200: answer('The results', Results), ...errors(400, 401, 413) },
  },
  {
    method: 'post',
    path: '/v1/users/{user}/call',
    summary: 'Ask a connected user’s clients',
    description: 'Needs a server key. The first answer counts.',
    security: SECURITY,
    request: { params: UserPath, body: json(CallBody) },
    responses: {
      200: answer('What the client answered', CallResult),
      ...errors(400, 401, 403, 404, 413, 504),
    },
  },
  {
    method: 'post',
    path: '/v1/users/{user}/disconnect',
    summary: 'End the connections of a user',
    description: 'Needs a server key.',
    security: SECURITY,
    request: { params: UserPath },
    responses: { 200: answer('How many ended', Ended), ...errors(400, 401, 403) },
  },
  {
    method: 'get',
    path: '/v1/channels/{channel}/members',
    summary: 'Members of a channel',
    description: 'Needs a server key. In the order of their ids; go on with `after`, the last one.',
    security: SECURITY,
    request: { params: ChannelPath, query: MembersQuery },
    responses: { 200: answer('A page', Members), ...errors(400, 401, 403, 503) },
  },
  {
    method: 'put',
    path: '/v1/channels/{channel}/members/{user}',
    summary: 'Make a user a member of a channel',
    description: 'Needs a server key.',
    security: SECURITY,
    request: { params: NewMemberPath },
    responses: {
      201: answer('The user is one now', Added),
      200: answer('The user was one already', Added),
      ...errors(400, 401, 403, 503, 507),
    },
  },
  {
    method: 'delete',
    path: '/v1/channels/{channel}/members/{user}',
    summary: 'End the membership of a user',
    description: 'Needs a server key. Subscriptions that the user may no longer have end at once.',
    security: SECURITY,
    request: { params: MemberPath },
    responses: {
      200: answer('The user is none now', Removed),
      ...errors(400, 401, 403, 503, 507),
    },
  },
  {
    method: 'post',
    path: '/v1/tokens',
    summary: 'A token for a user',
    description: 'Needs a server key. With `refresh` a refresh token comes along.',
    security: SECURITY,
    request: { body: json(IssueBody) },
    responses: { 201: answer('The token', Token), ...errors(400, 401, 403, 503, 507) },
  },
  {
    method: 'post',
    path: '/v1/tokens/refresh',
    summary: 'A new token for a refresh token',
    description:
      'The refresh token is used up: the answer brings the next one. One that is used twice ends the login.',
    security: [],
    request: { body: json(RefreshBody) },
    responses: { 200: answer('The tokens', Token), ...errors(400, 401, 429, 503, 507) },
  },
  {
    method: 'post',
    path: '/v1/tokens/revoke',
    summary: 'Refuse tokens from now on',
    description:
      'Needs a server key. Takes a user, a token, a login or a server key, and ends their connections: at once, also where it is answered that the revocation could not be kept.',
    security: SECURITY,
    request: { body: json(RevokeBody) },
    responses: {
      200: answer('How many connections ended', Ended),
      ...errors(400, 401, 403, 503, 507),
    },
  },
  {
    method: 'post',
    path: '/v1/dev/token',
    summary: 'A token for any user',
    description: 'Only where the server runs for development.',
    security: [],
    request: { body: json(DevTokenBody) },
    responses: { 200: answer('The token', DevToken), ...errors(400, 404) },
  },
  {
    method: 'get',
    path: '/health',
    summary: 'The process lives',
    security: [],
    responses: { 200: answer('It does', z.object({ status: z.literal('ok') })) },
  },
  {
    method: 'get',
    path: '/ready',
    summary: 'The server takes traffic',
    security: [],
    responses: {
      200: answer('It does', z.object({ status: z.literal('ready') })),
      503: answer('It does not', ErrorBody.extend({ reasons: z.array(z.string()) })),
    },
  },
]

/** PROTOCOL.md §8 as OpenAPI 3.1, and the routes that were added to it. */
export function openApiDocument(app: Routes, added: readonly DescribedRoute[] = []): object {
  const registry = app.openAPIRegistry
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' })
  registry.registerComponent('securitySchemes', 'token', {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'For clients that cannot set headers.',
  })
  for (const route of ROUTES) registry.registerPath(route)
  for (const route of added) registry.registerPath(toOperation(route))
  return app.getOpenAPI31Document({
    openapi: '3.1.0',
    info: {
      title: 'Tidewire',
      version: '1',
      description: 'Every channel is an ordered log; any client holds a position in it.',
    },
  })
}

function answer(description: string, schema: z.ZodType) {
  return { description, content: { 'application/json': { schema } } }
}

function json(schema: z.ZodType) {
  return { required: true, content: { 'application/json': { schema } } }
}
