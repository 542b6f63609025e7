import { z } from 'zod'
import { timestamp } from './common.ts'

/** §3, client to server. */
/** Whoever looks at the token says what is wrong with it, however short or long it is. */
export const auth = z.object({ token: z.string() })
export const refresh = auth
export const ping = z.object({})

/** §3, server to client. */
export const connection_established = z.object({
  client_id: z.string(),
  /** Names this session to the operator; equal to `client_id` until sessions outlive connections. */
  session: z.string(),
  authenticated: z.boolean(),
  user: z.string().optional(),
  heartbeat_ms: z.int().positive(),
  limits: z.record(z.string(), z.number()),
})
export const auth_response = z.object({
  status: z.literal('ok'),
  user: z.string(),
  expires_at: timestamp.optional(),
})
export const pong = z.object({ server_time: timestamp })
export const auth_expiring = z.object({ expires_at: timestamp })
export const server_shutdown = z.object({ reconnect_in_ms: z.int().nonnegative() })
