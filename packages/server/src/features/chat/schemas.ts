import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { z } from 'zod'
import { isRoom, isTalk, isUser } from './channels.ts'

const MAX_CONTENT = 10_000
/** Channels in one `unread_get`, and in its answer. */
export const MAX_UNREAD = 150

const room = z
  .custom<string>(isRoom, 'is not the name of a room, such as `general`')
  .meta({ type: 'string', example: 'general' })
const talk = z.custom<string>(
  isTalk,
  'is neither a room, such as `chat:general`, nor a direct talk',
)
const user = z
  .custom<string>(isUser, 'is not the id of a user')
  .meta({ type: 'string', example: 'ada' })
const offset = z.int().min(0)
const messageId = z.string().min(1).max(128)
const position = z.object({ epoch: z.string().min(1).max(64), offset })

/** What `POST /v1/uploads` answers can be sent as it is; its `url`, and whatever else, stays behind. */
const attachment = z.object({
  id: z.string().min(1).max(200),
  name: z.string().min(1).max(255),
  type: z.string().min(1).max(127),
  /** Bytes. */
  size: z.int().min(0),
})
const content = z.string().max(MAX_CONTENT, `is longer than ${MAX_CONTENT} characters`)
const isBlank = (text: string): boolean => text.trim() === ''

const servers = z.never('is for the server to say').optional()

/** What an application adds to a message travels with it; one without `content` is the application's own. */
export const message = z
  .looseObject({
    content: content.optional(),
    mentions: servers,
    deleted: servers,
    edited_at: servers,
    reactions: servers,
    attachments: z.array(attachment).max(10).optional(),
    reply_to: messageId.optional(),
  })
  .refine(({ content = '…', attachments = [] }) => attachments.length > 0 || !isBlank(content), {
    path: ['content'],
    message: 'is blank, and nothing is attached',
  })

export const edit = z.object({ message_id: messageId, content })
export const removal = z.object({ message_id: messageId })
export const reaction = z.object({
  message_id: messageId,
  emoji: z
    .string()
    .max(32, 'is longer than 32 characters')
    // Neither blank nor with what no font shows.
    .regex(/^[^\s\p{Cc}\p{Cs}]+$/u, 'is not an emoji'),
  remove: z.boolean().optional(),
})

export const join = z.object({ room, since: position.optional() })
export const leave = z.object({ room })
/** A room, or the channel of a room or a direct talk. */
export const typing = z.union([z.object({ room }), z.object({ channel: talk })])
export const markRead = z.object({ channel: talk, offset })
export const unreadGet = z.object({ channels: z.array(talk).max(MAX_UNREAD).optional() })

export const newRoom = z.strictObject({
  room,
  private: z.boolean().optional(),
  name: z.string().min(1).max(100).optional(),
  members: z.array(user).max(100).optional(),
  owner: user.optional(),
})
export const userPath = z.object({ user })

const limit = z.coerce.number().int().min(1).max(100).optional()
export const search = z.object({
  q: z.string().min(1).max(200),
  before: z.coerce.number().int().min(1).optional(),
  limit,
})
export const page = z.object({ after: z.string().max(256).optional(), limit })

/** What somebody sent, checked. Throws `bad_envelope` that names the field. */
export function parse<Out>(schema: z.ZodType<Out>, what: string, input: unknown): Out {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.')
  throw new ProtocolError(
    'bad_envelope',
    `${what} is not valid: ${field ? `\`${field}\`: ` : ''}${issue?.message ?? ''}.`,
  )
}

export function parsePayload<Out>(schema: z.ZodType<Out>, type: string, payload: JsonObject): Out {
  return parse(schema, `The payload of \`${type}\``, payload)
}
