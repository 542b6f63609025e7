import type { Json, JsonObject } from './envelope.ts'
import { ProtocolError } from './errors.ts'

/** What a frame may cost its receiver (PROTOCOL.md §1, "Limits"). */
export interface FrameLimits {
  /** Bytes of one encoded envelope. */
  max_frame_bytes: number
  /** Objects and arrays inside each other, the payload itself counted as 1. */
  max_depth: number
  /** Object keys in the whole envelope, its own and those of its metadata included. */
  max_keys: number
}

/** What a server takes from a client, unless it is configured otherwise. */
export const DEFAULT_FRAME_LIMITS: FrameLimits = {
  max_frame_bytes: 64 * 1024,
  max_depth: 64,
  max_keys: 1000,
}

const MAX_PUBLICATIONS = 500

/**
 * What a client takes from its server: the largest frame that a server with the default limits can send, which is a
 * `history` of 500 publications, each of them as large as a publish may be and three levels further down.
 */
export const DOWN_FRAME_LIMITS: FrameLimits = {
  max_frame_bytes: (MAX_PUBLICATIONS + 1) * (DEFAULT_FRAME_LIMITS.max_frame_bytes + 1024),
  max_depth: DEFAULT_FRAME_LIMITS.max_depth + 3,
  max_keys: (MAX_PUBLICATIONS + 1) * (DEFAULT_FRAME_LIMITS.max_keys + 10),
}

/**
 * Throws `message_too_large` when the data of one message is longer than `limits` allow. Text is measured in UTF-16
 * units, of which it never has more than bytes: the transport, which holds the bytes, is the one that counts exactly.
 */
export function boundBytes(data: string | Uint8Array, limits: FrameLimits): void {
  if (data.length > limits.max_frame_bytes) {
    throw new ProtocolError(
      'message_too_large',
      `The message is larger than ${limits.max_frame_bytes} bytes. Send less at once.`,
    )
  }
}

/** Throws `bad_envelope` when `envelope` is nested deeper or holds more keys than `limits` allow. */
export function boundJson(envelope: JsonObject, limits: FrameLimits): void {
  countKeys(envelope, limits, 0, 0)
}

// Recursion is safe: it ends at max_depth. Leaves are looked at here and not in a call of their own, because most
// values are leaves and this runs for every inbound frame.
function countKeys(
  value: Json[] | JsonObject,
  limits: FrameLimits,
  depth: number,
  keys: number,
): number {
  if (depth > limits.max_depth) throw tooDeep(limits)
  if (Array.isArray(value)) {
    for (const item of value) {
      if (typeof item === 'object' && item !== null) {
        keys = countKeys(item, limits, depth + 1, keys)
      }
    }
    return keys
  }
  for (const key in value) {
    keys += 1
    const item = value[key]
    if (typeof item === 'object' && item !== null) keys = countKeys(item, limits, depth + 1, keys)
  }
  if (keys > limits.max_keys) throw tooManyKeys(limits)
  return keys
}

export function tooDeep(limits: FrameLimits): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    `The message is nested deeper than ${limits.max_depth} levels. Make it flatter.`,
  )
}

export function tooManyKeys(limits: FrameLimits): ProtocolError {
  return new ProtocolError(
    'bad_envelope',
    `The message has more than ${limits.max_keys} keys. Send less at once.`,
  )
}
