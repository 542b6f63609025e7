import type { JsonObject, ProtocolError } from '@tidewire/protocol'
import { Batch } from './ports/batch.ts'
import type { Connection } from './ports/connection.ts'
import type { SessionHandle } from './ports/service.ts'

/** Says why there is no room for the connection and ends it, before it costs a session. */
export function turnAway(
  connection: Connection,
  error: ProtocolError,
  id: string,
  timestamp: string,
): SessionHandle {
  const payload: object = error.toPayload()
  const envelope = { type: 'error', payload: payload as JsonObject, metadata: { timestamp } }
  connection.send([new Batch([envelope])])
  connection.close(error.code, error.reason)
  const ignore = (): void => undefined
  return { id, receive: ignore, refuse: ignore, closed: ignore }
}
