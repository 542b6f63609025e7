import type { Command } from '../core.ts'

/** The application's heartbeat, for clients that cannot see RFC 6455 pings. */
export const ping: Command = (_session, _envelope, core) => ({
  type: 'pong',
  payload: { server_time: core.timestamp() },
})
