import { isChannelName, type JsonObject, ProtocolError } from '@tidewire/protocol'
import { z } from 'zod'

const MAX_USERS = 500
const MAX_DATA_BYTES = 1024
const MAX_LIMIT = 1000

const channel = z.custom<string>(isChannelName, 'is not a channel name such as `chat:general`')
const user = z.string().regex(/^[A-Za-z0-9_.@-]{1,128}$/, 'is not a user id')
const data = z.custom<JsonObject>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
  'is not an object',
)
const users = z.array(user).max(MAX_USERS)

// Strict, unlike other frames: who names a user wants to speak for another one.
export const presenceEnter = z.strictObject({ channel, data: data.optional() })
export const presenceUpdate = z.strictObject({ channel, data })
export const presenceLeave = z.strictObject({ channel, data: data.optional() })
export const presenceGet = z.object({
  channel,
  after: user.optional(),
  limit: z.int().min(0).max(MAX_LIMIT).optional(),
})
export const statusUsers = z.object({ users })
/** The same as the body of a request. */
export const statusBody = z.strictObject({ users })

/** A query, whose numbers are texts. */
export const presenceQuery = z.strictObject({
  after: user.optional(),
  limit: z
    .string()
    .regex(/^\d{1,4}$/, `is not a whole number from 0 to ${MAX_LIMIT}`)
    .transform(Number)
    .pipe(z.int().max(MAX_LIMIT))
    .optional(),
})

/** The value as the schema has it. Throws `bad_envelope` that names `what` and the first field that is wrong. */
export function check<Schema extends z.ZodType>(
  what: string,
  schema: Schema,
  value: unknown,
): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const field = issue?.path.join('.')
  throw new ProtocolError(
    'bad_envelope',
    `${what} is not valid: ${field ? `\`${field}\`: ` : ''}${issue?.message ?? ''}.`,
  )
}

/** As `check`, for the payload of a command. */
export function checkPayload<Schema extends z.ZodType>(
  type: string,
  schema: Schema,
  payload: JsonObject,
): z.output<Schema> {
  return check(`The payload of \`${type}\``, schema, payload)
}

/** Throws `message_too_large`. */
export function boundData(value: JsonObject | undefined): void {
  if (value === undefined || Buffer.byteLength(JSON.stringify(value)) <= MAX_DATA_BYTES) return
  throw new ProtocolError(
    'message_too_large',
    `The data of a member has more than ${MAX_DATA_BYTES} bytes. Send less.`,
  )
}
