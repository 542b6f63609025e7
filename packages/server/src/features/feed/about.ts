import { z } from 'zod'
import type { RouteAbout } from '../../handlers.ts'
import { PageQuery, user, UsersQuery } from './schemas.ts'

// What /openapi.json says about the routes of feeds.

const entry = z.object({
  id: z.string(),
  seq: z.int(),
  at: z.string(),
  first_at: z.string(),
  verb: z.string(),
  object: z.string().optional(),
  target: z.string().optional(),
  text: z.string().optional(),
  actors: z.array(user),
  others: z.int(),
})
const changed = z.object({ user, following: z.boolean(), changed: z.boolean() })

export const ABOUT = {
  feed: {
    summary: 'The feed of a user, the newest first',
    description: 'Go on with `before`: the `next` of the answer.',
    query: PageQuery,
    answers: { 200: z.object({ user, entries: z.array(entry), next: z.string().nullable() }) },
  },
  users: {
    summary: 'Whom a user follows, or who follows the user',
    query: UsersQuery,
    answers: {
      200: z.object({ user, users: z.array(user), more: z.boolean(), count: z.int() }),
    },
  },
  follow: { summary: 'Follow a user', answers: { 200: changed }, errors: [409] },
  unfollow: { summary: 'Follow a user no longer', answers: { 200: changed } },
} satisfies Record<string, RouteAbout>
