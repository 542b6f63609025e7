import { SERVICE_RESTART } from './ports/connection.ts'
import type { Session } from './session.ts'

/**
 * Sends every client away without losing what it was promised: each is told when to come back, spread so that they do
 * not come all at once, and is read no further; when `settled` says that all accepted publishes were answered, the
 * answers leave and the connections end.
 */
export async function drain(
  sessions: readonly Session[],
  spreadMs: number,
  random: () => number,
  settled: Promise<unknown>,
): Promise<void> {
  for (const session of sessions) {
    session.send('server_shutdown', { reconnect_in_ms: Math.floor(random() * spreadMs) })
    session.pauses.add('stop')
  }
  await settled
  for (const session of sessions) session.leave(SERVICE_RESTART, 'restart')
}
