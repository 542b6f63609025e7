import { z } from 'zod'
import { ERRORS, type ErrorReason } from '../errors.ts'

/** §7, server to client. */
export const error = z.object({
  code: z.int(),
  reason: z.enum(Object.keys(ERRORS) as [ErrorReason, ...ErrorReason[]]),
  message: z.string(),
  temporary: z.boolean(),
  retry_after_ms: z.int().nonnegative().optional(),
})
