import { z } from 'zod'
import { channel, offset, publication } from './common.ts'

/** §4, client to server. Without `after` and `before`: the newest `limit`. */
export const history = z.object({
  channel,
  epoch: z.string().min(1).max(64).optional(),
  after: offset.optional(),
  before: offset.optional(),
  limit: z.int().min(1).max(500).optional(),
})

/** §4, server to client: ascending by offset. `more`: the log holds further ones in the direction that was read. */
export const history_page = z.object({
  channel,
  epoch: z.string(),
  oldest: offset,
  newest: offset,
  publications: z.array(publication),
  more: z.boolean(),
})
