import { z } from 'zod'
import { json } from './common.ts'

/** §4, server to client: a request that the client answers with `result`. */
export const call = z.object({
  method: z.string(),
  args: z.unknown(),
  timeout_ms: z.int().positive(),
})

/** §4, client to server. `metadata.correlation_id` is the `message_id` of the call. */
export const result = z.union([
  z.strictObject({ value: z.unknown() }),
  z.strictObject({ error: z.union([z.string(), json]) }),
])
