import { ProtocolError } from './errors.ts'
import type { Json } from './envelope.ts'

/** What a frame may cost its receiver (PROTOCOL.md §1, "Limits"). */
export interface FrameLimits {
  /** Bytes of one encoded envelope. */
  max_frame_bytes: number
  /** Objects and arrays inside each other, the payload itself counted as 1. */
  max_depth: number
  /** Object keys in the whole envelope. */
  max_keys: number
}

export const DEFAULT_FRAME_LIMITS: FrameLimits = {
  max_frame_bytes: 64 * 1024,
  max_depth: 64,
  max_keys: 1000,
}

/** Throws `bad_envelope` when `value` is nested deeper or holds more keys than `limits` allow. */
export function boundJson(value: Json, limits: FrameLimits): void {
  countKeys(value, limits, 1, 0)
}

// Recursion is safe: it ends at max_depth.
function countKeys(value: Json, limits: FrameLimits, depth: number, keys: number): number {
  if (value === null || typeof value !== 'object') return keys
  if (depth > limits.max_depth) {
    throw new ProtocolError(
      'bad_envelope',
      `The payload is nested deeper than ${limits.max_depth} levels.`,
    )
  }
  if (Array.isArray(value)) {
    for (const item of value) keys = countKeys(item, limits, depth + 1, keys)
    return keys
  }
  for (const key in value) {
    keys += 1
    if (keys > limits.max_keys) {
      throw new ProtocolError('bad_envelope', `The payload has more than ${limits.max_keys} keys.`)
    }
    keys = countKeys(value[key] as Json, limits, depth + 1, keys)
  }
  return keys
}
