import {
  type Envelope,
  type FrameLimits,
  type Json,
  type JsonObject,
  ProtocolError,
  toEnvelope,
} from '@tidewire/protocol'
import { boundFrame } from './core/frame-size.ts'

/**
 * A copy, as JSON has it, of a value that the application may change later. Throws `bad_envelope` for what is no JSON,
 * such as a `bigint` or a circle.
 */
export function ownJson(value: unknown): Json {
  let text: string | undefined
  try {
    text = JSON.stringify(value)
  } catch (cause) {
    throw notJson(cause)
  }
  if (text === undefined) throw notJson(undefined)
  return JSON.parse(text) as Json
}

/** The same of what becomes an envelope, held to the depth and the keys of a frame. */
function ownEnvelope(type: string, payload: unknown, limits: FrameLimits): Envelope {
  return toEnvelope({ type, payload: ownJson(payload) }, limits)
}

/** The same of what the application sends by itself. Throws `Error`: nobody but the application is to blame. */
export function ownFrame(
  what: string,
  { type, payload }: { type: string; payload: JsonObject },
  limits: FrameLimits,
): Envelope {
  try {
    const owned = ownEnvelope(type, payload, limits)
    boundFrame(owned, limits.max_frame_bytes)
    return owned
  } catch (cause) {
    throw new Error(`The ${what} can be no frame.`, { cause })
  }
}

/** The same of a payload alone, whose type is checked elsewhere. */
export function ownPayload(payload: unknown, limits: FrameLimits): JsonObject {
  return ownEnvelope('payload', payload, limits).payload
}

function notJson(cause: unknown): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    'The value is not JSON: pass objects, arrays, texts, numbers, booleans and null.',
    { cause },
  )
}
