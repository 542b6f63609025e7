import { z } from '@hono/zod-openapi'
import {
  isChannelName,
  isEventName,
  isMessageId,
  isReserved,
  type JsonObject,
  ProtocolError,
} from '@tidewire/protocol'
import { parseCapabilities } from '../core/ports/capabilities.ts'

// What requests must hold, and what openapi.json says about it. Every message goes on after the name of the field.

const MAX_CHANNELS = 100
const MAX_CALL_MS = 60_000
const MAX_USER = 128
const MAX_TTL_MS = 365 * 24 * 3600 * 1000
/** Those that we make are shorter; it only bounds what is hashed. */
const MAX_REFRESH_TOKEN = 1024

export const channel = z
  .custom<string>(isChannelName, 'is not a channel name such as `chat:general`.')
  .openapi({ type: 'string', example: 'chat:general' })

const user = z
  .custom<string>(isUser, `is not a text of 1 to ${MAX_USER} characters.`)
  .openapi({ type: 'string', example: 'ada' })

const userId = z
  .string()
  .regex(
    /^[A-Za-z0-9_.@-]{1,128}$/,
    'is not a user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -.',
  )
  .openapi({ example: 'ada' })

const eventName = z
  .custom<string>(isEventName, 'is missing or is not a name such as `message` or `order.created`.')
  // Subscribers would take it for a word of the server.
  .refine((type) => !isReserved(type), 'is a name of the protocol. Choose another one.')
  .openapi({ type: 'string', example: 'message' })

const messageId = z
  .custom<string>(isMessageId, 'is not a text of 1 to 128 characters.')
  .openapi({ type: 'string', description: 'Identity of the message: repeat it with the same one.' })

const jsonObject = z
  .custom<JsonObject>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'is not a JSON object.',
  )
  .openapi({ type: 'object', additionalProperties: true, example: { content: 'hi' } })

/** A whole number in a query. */
function whole(min: number, max: number): z.ZodType<number> {
  const message = `is not a whole number from ${min} to ${max}.`
  return z
    .custom<string | number>(
      (value) => /^\d{1,16}$/.test(String(value)) && Number(value) >= min && Number(value) <= max,
      message,
    )
    .transform(Number)
    .openapi({ type: 'integer', minimum: min, maximum: max })
}

const offset = whole(0, Number.MAX_SAFE_INTEGER)
const epoch = z.string('is not a text.').openapi({ description: 'The life of the log.' })

export const ChannelPath = z.object({
  channel: channel.openapi({ description: 'A channel name, percent-encoded once.' }),
})
export const UserPath = z.object({ user })
export const MemberPath = ChannelPath.extend({ user })
/** Who could never show a token must not become one. */
export const NewMemberPath = ChannelPath.extend({ user: userId })
export const MembersQuery = z.strictObject({
  after: user.optional(),
  limit: whole(1, 1000).optional(),
})

export const HistoryQuery = z.strictObject({
  after: offset.optional(),
  before: offset.optional(),
  limit: whole(1, 500).optional(),
  epoch: epoch.optional(),
})

const publish = {
  type: eventName,
  payload: jsonObject.optional(),
  message_id: messageId.optional(),
}

export const PublishBody = z.strictObject(publish)

export const PublishManyBody = z.strictObject({
  channels: z
    .array(channel, 'is not a list of channel names.')
    .min(1, 'is empty.')
    .max(MAX_CHANNELS, `has more than ${MAX_CHANNELS} entries.`),
  ...publish,
})

export const CallBody = z.strictObject({
  method: z
    .string('is missing or is not a text.')
    .min(1, 'is empty.')
    .max(128, 'is longer than 128 characters.'),
  args: z.unknown().optional(),
  timeout_ms: whole(1, MAX_CALL_MS).optional(),
})

export const IssueBody = z.strictObject({
  user,
  ttl_ms: whole(1000, MAX_TTL_MS).optional(),
  channels: z
    .custom<Record<string, string[]>>(
      isCapabilities,
      'does not map channel patterns to lists of subscribe, publish, history, presence, call.',
    )
    .openapi({ type: 'object', example: { 'chat:*': ['subscribe', 'publish'] } })
    .optional(),
  refresh: z.boolean('is not true or false.').optional(),
})

export const RefreshBody = z.strictObject({
  refresh_token: z
    .string('is missing or is not a text.')
    .min(1, 'is empty.')
    .max(MAX_REFRESH_TOKEN, 'is too long.'),
})

const id = z.string('is not a text.').min(1, 'is empty.').max(128, 'is too long.')

export const RevokeBody = z.union(
  [
    z.strictObject({ user }),
    z.strictObject({ token_id: id }),
    z.strictObject({ session: id }),
    z.strictObject({ key_id: id }),
  ],
  { error: 'exactly one of `user`, `token_id`, `session` and `key_id` must be there, as a text.' },
)

export const DevTokenBody = z.strictObject({ user })

export const ErrorBody = z
  .object({
    code: z.int(),
    reason: z.string(),
    message: z.string(),
    temporary: z.boolean(),
    retry_after_ms: z.int().optional(),
  })
  .openapi('Error', { description: 'PROTOCOL.md §7' })

const Envelope = z
  .object({
    type: z.string(),
    payload: jsonObject,
    metadata: z.object({
      message_id: z.string(),
      timestamp: z.string(),
      channel,
      client_id: z.string().optional(),
      user: z.string().optional(),
      offset: z.int().optional(),
    }),
  })
  .openapi('Envelope', { description: 'A publication (PROTOCOL.md §1)' })

const receipt = {
  epoch: z.string().optional(),
  offset: z.int().optional(),
  message_id: z.string(),
  duplicate: z.boolean(),
}

export const Receipt = z.object(receipt).openapi('Receipt', {
  description: '`epoch` and `offset` are absent in channels without a log.',
})

export const Results = z.object({
  results: z.array(
    z.union([z.object({ channel, ...receipt }), z.object({ channel, error: ErrorBody })]),
  ),
})

export const HistoryPage = z.object({
  channel,
  epoch: z.string(),
  oldest: z.int(),
  newest: z.int(),
  publications: z.array(Envelope),
  more: z.boolean(),
})

export const CallResult = z.union([
  z.object({ value: z.unknown() }),
  z.object({ error: z.unknown() }),
])

export const Ended = z.object({ disconnected: z.int() })

export const Members = z.object({ channel, members: z.array(user), more: z.boolean() })
export const Added = z.object({ channel, user, added: z.boolean() })
export const Removed = z.object({ channel, user, removed: z.boolean() })

export const DevToken = z.object({ token: z.string(), expires_at: z.string() })

export const Token = DevToken.extend({
  session: z.string().optional(),
  refresh_token: z.string().optional(),
  refresh_expires_at: z.string().optional(),
})

export const PollAnswer = z.object({
  cursor: z.string(),
  publications: z.array(Envelope),
  resets: z.array(
    z.object({
      channel,
      epoch: z.string().optional(),
      offset: z.int(),
      reason: z.enum(['expired', 'epoch_changed']),
    }),
  ),
})

/** Throws `bad_envelope` with a sentence that names the first field that is wrong. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const issue = result.error.issues[0]
  throw new ProtocolError('bad_envelope', issue === undefined ? 'It is not valid.' : say(issue))
}

function say(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys')
    return `\`${issue.keys[0]}\` is not a field of this request.`
  const field = issue.path.map(String).join('.')
  return field === ''
    ? `The request is not valid: ${issue.message}`
    : `\`${field}\` ${issue.message}`
}

function isUser(value: unknown): value is string {
  return typeof value === 'string' && /^\P{Cc}+$/u.test(value) && value.length <= MAX_USER
}

function isCapabilities(value: unknown): boolean {
  try {
    parseCapabilities(value)
    return true
  } catch (error) {
    if (error instanceof ProtocolError) return false
    throw error
  }
}
