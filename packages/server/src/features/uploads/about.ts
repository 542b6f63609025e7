import { z } from 'zod'
import type { RouteAbout } from '../../handlers.ts'

// What /openapi.json says about the routes of files.

export const ABOUT = {
  send: {
    summary: 'Send a file',
    description:
      'The body is the file. With `channel`, who may read the channel may read it; else who sent it.',
    query: z.object({ name: z.string().max(255), channel: z.string().optional() }),
    bytes: 'body',
    answers: {
      201: z.object({
        id: z.string(),
        name: z.string(),
        type: z.string(),
        size: z.int(),
        url: z.string(),
      }),
    },
    errors: [413, 507],
  },
  read: {
    summary: 'A file',
    description:
      'With a token, or with the `user`, `exp` and `sig` of a link, which ends with the right of that user. Takes `Range`.',
    query: z.object({
      user: z.string().optional(),
      exp: z.string().optional(),
      sig: z.string().optional(),
    }),
    bytes: 'answer',
    answers: { 200: z.string(), 206: z.string() },
    errors: [404, 416],
  },
  link: {
    summary: 'A link to a file that needs no token, for a few minutes',
    answers: { 200: z.object({ url: z.string(), expires_at: z.string() }) },
    errors: [404],
  },
  remove: {
    summary: 'Delete a file',
    answers: { 200: z.object({ id: z.string(), deleted: z.literal(true) }) },
    errors: [404],
  },
} satisfies Record<string, RouteAbout>
