import { z } from 'zod'
import { json } from './common.ts'

/** §4, server to client: a request that the client answers with `result`. */
export const call = z.object({
  method: z.string(),
  args: z.unknown(),
  timeout_ms: z.int().positive(),
})

const absent = z.never().optional()

/** §4, client to server: one of the two. `metadata.correlation_id` is the `message_id` of the call. */
export const result = z.union([
  z.object({ value: z.unknown(), error: absent }),
  z.object({ error: z.union([z.string(), json]), value: absent }),
])
