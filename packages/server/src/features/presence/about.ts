import { z } from 'zod'
import type { RouteAbout } from '../../handlers.ts'
import { presenceQuery, statusBody } from './schemas.ts'

// What /openapi.json says about the routes of presence.

export const ABOUT = {
  channel: {
    summary: 'Who is present in a channel',
    description: 'In the order of their ids; with `limit=0` the count alone.',
    query: presenceQuery,
    answers: {
      200: z.object({
        channel: z.string(),
        members: z.array(
          z.object({
            user: z.string(),
            data: z.record(z.string(), z.unknown()),
            clients: z.int(),
            since: z.string(),
          }),
        ),
        count: z.int(),
        more: z.boolean(),
      }),
    },
  },
  status: {
    summary: 'Who is online, and when the others were',
    body: statusBody,
    answers: {
      200: z.object({
        users: z.record(
          z.string(),
          z.object({ status: z.enum(['online', 'offline']), last_seen: z.string().nullable() }),
        ),
      }),
    },
  },
} satisfies Record<string, RouteAbout>
