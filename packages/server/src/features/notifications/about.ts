import { z } from 'zod'
import type { RouteAbout } from '../../handlers.ts'
import {
  ListQuery,
  MarkReadBody,
  PreferencesBody,
  SendBody,
  SubscriptionBody,
  UnsubscribeBody,
} from './schemas.ts'

// What /openapi.json says about the routes of inboxes.

const notification = z.object({
  id: z.string(),
  kind: z.string(),
  title: z.string(),
  body: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  created_at: z.string(),
  read: z.boolean(),
})

export const ABOUT = {
  send: {
    summary: 'Notify users',
    description: 'Needs a server key. A repeat with the same `id` reaches nobody twice.',
    body: SendBody,
    answers: { 201: z.object({ id: z.string(), users: z.int() }) },
    errors: [409, 413, 503, 507],
  },
  list: {
    summary: 'The inbox of a user, the newest first',
    query: ListQuery,
    answers: {
      200: z.object({
        notifications: z.array(notification),
        more: z.boolean(),
        unread: z.int(),
      }),
    },
  },
  read: {
    summary: 'Mark notifications as read',
    body: MarkReadBody,
    answers: { 200: z.object({ marked: z.int(), unread: z.int() }) },
  },
  preferences: {
    summary: 'What a user wants to hear of, and when',
    answers: { 200: PreferencesBody },
  },
  setPreferences: {
    summary: 'Change what a user wants to hear of, and when',
    body: PreferencesBody,
    answers: { 200: PreferencesBody },
  },
  pushKey: {
    summary: 'What browsers subscribe to Web Push with',
    answers: { 200: z.object({ public_key: z.string() }) },
    errors: [404],
  },
  subscribe: {
    summary: 'Push what this user does not read to a browser',
    body: SubscriptionBody,
    answers: { 201: z.object({ provider: z.string(), endpoint: z.string() }) },
  },
  unsubscribe: {
    summary: 'Push to a browser no longer',
    body: UnsubscribeBody,
    answers: { 200: z.object({ removed: z.boolean() }) },
  },
} satisfies Record<string, RouteAbout>
