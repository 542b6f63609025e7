import { z } from 'zod'
import { CHANNEL_NAME, isChannelName } from '../channel.ts'
import type { JsonObject } from '../envelope.ts'

export const channel = z
  .custom<string>(isChannelName, 'is not a channel name such as `chat:general`')
  .meta({ type: 'string', pattern: CHANNEL_NAME.source })

export const offset = z.int().nonnegative()

export const position = z.object({ epoch: z.string().min(1).max(64), offset })

export const timestamp = z.string()

/** Any JSON object; its size, depth and keys were bounded when the frame was decoded. */
export const json = z
  .custom<JsonObject>(
    (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
    'is not an object',
  )
  .meta({ type: 'object' })

/** A publication inside another payload (`history`). */
export const publication = z.object({
  type: z.string(),
  payload: json,
  metadata: z.object({
    message_id: z.string(),
    timestamp,
    client_id: z.string().optional(),
    user: z.string().optional(),
    channel,
    offset: offset.optional(),
  }),
})
