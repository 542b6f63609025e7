import { z } from 'zod'
import { channel, offset } from './common.ts'

/** §4, server to client: the log holds the publication to its channel's durability. */
export const ack = z.object({
  channel,
  epoch: z.string().optional(),
  offset: offset.optional(),
  duplicate: z.boolean(),
})
