import { type JsonObject, ProtocolError } from '@tidewire/protocol'
import { z } from 'zod'

/** As tokens name users. */
export const user = z.string().regex(/^[A-Za-z0-9_.@-]{1,128}$/, 'is not the id of a user')

const reference = z.string().min(1).max(256)

/** What one says that one did. */
export const ActivityInput = z.object({
  verb: z.string().regex(/^[a-z][a-z0-9_.:-]{0,63}$/, 'is not a verb such as `liked`'),
  /** To what, such as `photo:7`: the same deed to the same object is told once, with all who did it. */
  object: reference.optional(),
  /** Where, such as `album:3`. */
  target: reference.optional(),
  text: z.string().max(1000).optional(),
})

export type ActivityInput = z.output<typeof ActivityInput>

/** What a `follow` says. */
export const Follow = z.object({ user })

export const PageQuery = z.strictObject({
  before: z
    .string()
    .regex(/^\d{1,15}$/, 'is not the `next` of an answer')
    .optional(),
  limit: z.coerce.number().int().min(1).max(100).default(20),
})

export const UsersQuery = z.strictObject({
  after: user.optional(),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
})

/** The value as the schema has it. Throws `bad_envelope` with what is wrong first. */
export function check<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const { path, message } = parsed.error.issues[0]!
  const where = path.length === 0 ? 'The payload' : `\`${path.join('.')}\``
  throw new ProtocolError('bad_envelope', `${where}: ${message}.`)
}

/** An activity as everybody gets it: on the wire and from the store. */
export interface Activity extends ActivityInput {
  id: string
  /** Its place in the order of all activities of the server. */
  seq: number
  /** ISO 8601. */
  at: string
  actor: string
}

export function toPayload(activity: Activity): JsonObject {
  return { ...activity } as unknown as JsonObject
}

const ActivityPayload = z.object({
  id: z.string(),
  seq: z.int(),
  at: z.string(),
  actor: z.string(),
  ...ActivityInput.shape,
})

/** Undefined for a payload that is none. */
export function fromPayload(payload: JsonObject): Activity | undefined {
  return ActivityPayload.safeParse(payload).data
}
