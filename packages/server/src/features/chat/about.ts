import { z } from 'zod'
import type { RouteAbout } from '../../handlers.ts'
import { newRoom, page, search } from './schemas.ts'

// What /openapi.json says about the routes of rooms.

const said = z.object({
  message_id: z.string(),
  offset: z.int(),
  user: z.string().optional(),
  content: z.string(),
  timestamp: z.string(),
})
const members = {
  members: z.array(z.object({ user: z.string(), last_read: z.int() })),
  member_count: z.int(),
}
const room = {
  room: z.string(),
  channel: z.string(),
  private: z.boolean(),
  name: z.string().optional(),
  owner: z.string().optional(),
  created_at: z.string().optional(),
}
const reading = {
  unread: z.int(),
  mentions: z.int(),
  last_read: z.int(),
  offset: z.int(),
  last_message: said.nullable(),
}
const found = z.object({
  room: z.string().optional(),
  channel: z.string(),
  messages: z.array(said),
  more: z.boolean(),
})
const changed = { room: z.string(), user: z.string() }

export const ABOUT = {
  make: {
    summary: 'Make a room',
    description: 'A server key may name an owner; the room of a user is its own.',
    body: newRoom,
    answers: { 201: z.object({ ...room, ...members }) },
    errors: [409],
  },
  mine: {
    summary: 'Rooms and direct talks of a user, with what is unread in them',
    query: page,
    answers: {
      200: z.object({
        rooms: z.array(z.object({ ...room, ...reading, member_count: z.int() })),
        directs: z.array(z.object({ channel: z.string(), user: z.string(), ...reading })),
        more: z.boolean(),
      }),
    },
  },
  one: {
    summary: 'A room',
    description: 'With what is unread in it, for its members.',
    answers: { 200: z.object({ ...room, ...z.object(reading).partial().shape, ...members }) },
    errors: [404],
  },
  addMember: {
    summary: 'Make a user a member of a room',
    description: 'For a server key, the owner of the room, and users who may enter it.',
    answers: {
      200: z.object({ ...changed, added: z.literal(false) }),
      201: z.object({ ...changed, added: z.literal(true) }),
    },
  },
  removeMember: {
    summary: 'End the membership of a user in a room',
    description: 'For a server key, the owner of the room, and the user.',
    answers: { 200: z.object({ ...changed, removed: z.boolean() }) },
  },
  search: {
    summary: 'Search what was said',
    description: 'All words must be there, as the beginnings of words. The newest come first.',
    query: search,
    answers: { 200: found },
    errors: [404],
  },
} satisfies Record<string, RouteAbout>
