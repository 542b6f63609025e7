import type { Envelope, JsonObject } from '@tidewire/protocol'
import { TidewireError } from '../errors.ts'

/**
 * Reads what the server sent. The server has bounded and checked it; the whole decoder of the protocol, which does so
 * against hostile peers, would be a tenth of this package. Throws `bad_envelope`.
 */
export function readEnvelope(data: unknown): Envelope {
  const { type, payload, metadata } = objectOf(parse(data))
  if (typeof type === 'string') {
    return { type, payload: objectOf(payload), metadata: objectOf(metadata) }
  }
  throw new TidewireError('bad_envelope', 'The server sent what is not an envelope.')
}

function parse(data: unknown): unknown {
  try {
    return JSON.parse(data as string)
  } catch {
    return undefined
  }
}

function objectOf(value: unknown): JsonObject {
  return typeof value === 'object' && value !== null ? (value as JsonObject) : {}
}
