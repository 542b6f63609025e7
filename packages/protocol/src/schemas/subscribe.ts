import { z } from 'zod'
import { channel, offset, position } from './common.ts'
import { error } from './error.ts'

/** §4, client to server. `since` and `last` exclude each other. */
export const subscribe = z
  .object({
    channel,
    since: position.optional(),
    last: z.int().min(0).max(1000).optional(),
    mode: z.enum(['every', 'latest']).optional(),
    /** Milliseconds between two deliveries of one key, with `mode: "latest"`. */
    interval_ms: z.int().min(10).max(60_000).optional(),
  })
  .refine((payload) => payload.since === undefined || payload.last === undefined, {
    message: '`since` and `last` exclude each other',
  })
export const unsubscribe = z.object({ channel })

/** §4, server to client. */
export const subscribed = z.object({
  channel,
  epoch: z.string().optional(),
  /** Where the stream starts: the next delivered is `offset + 1`. */
  offset,
  recovered: z.boolean(),
  reason: z.enum(['expired', 'epoch_changed']).optional(),
  /** The lowest offset that the log still holds; `offset + 1` of nothing when it is empty. */
  oldest: offset.optional(),
})
/** `error`: the server ended the subscription, for this reason. */
export const unsubscribed = z.object({ channel, error: error.optional() })
export const reset = z.object({
  channel,
  epoch: z.string(),
  offset,
  reason: z.enum(['expired', 'epoch_changed']),
})
