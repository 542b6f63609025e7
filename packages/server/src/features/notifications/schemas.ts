import {
  isEventName,
  isMessageId,
  type Json,
  type JsonObject,
  ProtocolError,
  toEnvelope,
} from '@tidewire/protocol'
import { z } from 'zod'
import { isTimeZone } from './quiet-hours.ts'

const MAX_USERS = 10_000
const MAX_PAGE = 100
const MAX_IDS = 500
const MAX_KINDS = 100
const MAX_DATA_BYTES = 4096
const DATA_LIMITS = { max_frame_bytes: MAX_DATA_BYTES, max_depth: 16, max_keys: 100 }

const user = z.string().regex(/^[A-Za-z0-9_.@-]{1,128}$/, {
  error: 'is not a user id: 1 to 128 characters of A-Z a-z 0-9 _ . @ -',
})
const kind = z.string().refine(isEventName, { error: 'is not a name such as order.confirmed' })
const id = z.string().refine(isMessageId, { error: 'is not a text of 1 to 128 characters' })
const text = (max: number) =>
  z
    .string()
    .max(max, { error: `has more than ${max} characters` })
    .refine((value) => !/\p{Surrogate}/u.test(value), { error: 'is not well-formed Unicode' })
const time = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, { error: 'is not a time such as 22:00' })

const content = {
  kind,
  title: text(200).min(1, { error: 'is empty' }),
  body: text(2000).optional(),
  data: z.unknown().optional(),
  id: id.optional(),
}

export const Users = z
  .array(user)
  .min(1, { error: 'is empty' })
  .max(MAX_USERS, { error: `has more than ${MAX_USERS} users: send to the others after them` })

export const Content = z.strictObject(content)

export const SendBody = z.strictObject({ users: Users, ...content })

export const List = z.object({
  before: id.optional(),
  limit: z.int().min(1).max(MAX_PAGE).optional(),
})

/** The same as query parameters, which are texts. */
export const ListQuery = z.strictObject({
  before: id.optional(),
  limit: z.coerce.number().int().min(1).max(MAX_PAGE).optional(),
})

const marked = {
  ids: z.union(
    [
      z.literal('all'),
      z
        .array(id)
        .min(1, { error: 'is empty' })
        .max(MAX_IDS, { error: `has more than ${MAX_IDS} ids` }),
    ],
    { error: 'is neither "all" nor a list of at most 500 ids' },
  ),
}

export const MarkRead = z.object(marked)

/** The same as the body of a request. */
export const MarkReadBody = z.strictObject(marked)

export const PreferencesBody = z.strictObject({
  off: z.array(kind).max(MAX_KINDS, { error: `has more than ${MAX_KINDS} kinds` }),
  quiet_hours: z
    .strictObject({
      from: time,
      to: time,
      time_zone: z
        .string()
        .max(64)
        .refine(isTimeZone, { error: 'is not an IANA time zone such as Europe/Berlin' }),
    })
    .refine(({ from, to }) => from !== to, { error: 'begins and ends at the same time' })
    .nullable(),
})

export const SubscriptionBody = z.strictObject({
  provider: z.string().min(1).max(32).default('webpush'),
  endpoint: z.string().min(1).max(2048),
  keys: z.record(z.string().max(32), z.string().max(256)).default({}),
  /** Browsers add it; push services say by themselves when a subscription has ended. */
  expirationTime: z.number().nullish(),
})

export const UnsubscribeBody = z.strictObject({ endpoint: z.string().min(1).max(2048) })

/** Throws `bad_envelope` that names the field. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const { data, error } = schema.safeParse(value)
  const issue = error?.issues[0]
  if (issue === undefined) return data as z.output<Schema>
  if (issue.code === 'unrecognized_keys') throw bad(`\`${issue.keys[0]}\` is not a field of this.`)
  const field = issue.path.map(String).join('.')
  throw bad(`${field === '' ? 'The request' : `\`${field}\``} is not valid: ${issue.message}.`)
}

/** A copy of `data`. Throws `bad_envelope` or `message_too_large`. */
export function checkData(data: unknown): JsonObject | undefined {
  if (data === undefined) return undefined
  let copy: string | undefined
  try {
    copy = JSON.stringify(data)
  } catch (cause) {
    throw bad('`data` is not JSON.', cause)
  }
  const value = copy === undefined ? undefined : (JSON.parse(copy) as Json)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('`data` is not a JSON object.')
  }
  if (Buffer.byteLength(copy ?? '') > MAX_DATA_BYTES) {
    throw new ProtocolError(
      'message_too_large',
      `\`data\` has more than ${MAX_DATA_BYTES} bytes. Send what leads to the rest, such as an id.`,
    )
  }
  return toEnvelope({ type: 'data', payload: value }, DATA_LIMITS).payload
}

/** The body of a request. Rejects with `bad_envelope`. */
export async function bodyOf(request: Request): Promise<unknown> {
  try {
    return await request.json()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw bad('The body is not valid JSON.', cause)
  }
}

function bad(message: string, cause?: unknown): ProtocolError {
  return new ProtocolError('bad_envelope', message, { cause })
}
