import { Encoder } from '@msgpack/msgpack'
import type { Json } from '../envelope.ts'
import { toEnvelope } from '../frame.ts'
import { boundBytes, DEFAULT_FRAME_LIMITS, type FrameLimits } from '../limits.ts'
import { requireBinary } from './binary.ts'
import type { Codec } from './codec.ts'
import { readMsgpack } from './msgpack-reader.ts'

export const MSGPACK_SUBPROTOCOL = 'tidewire.v1.msgpack'

/**
 * MessagePack in binary messages. It carries JSON values only. Its texts are UTF-8, which knows no unpaired
 * surrogates: where the text of a payload holds one, U+FFFD is sent.
 *
 * The reader is our own. The one of `@msgpack/msgpack` allocates what an array header claims, refuses the key
 * `__proto__` (which the other codecs carry, so that one publisher could make a channel unreadable), drops the U+FEFF
 * at the start of a long text, and reads a broken UTF-8 sequence on into the next value.
 */
export function msgpackCodec(limits: FrameLimits = DEFAULT_FRAME_LIMITS): Codec<Uint8Array> {
  // No depth of the library's own: what is sent was bounded when it came in, and a history page nests it deeper.
  const encoder = new Encoder({ ignoreUndefined: true, maxDepth: Number.MAX_SAFE_INTEGER })
  return {
    subprotocol: MSGPACK_SUBPROTOCOL,
    binary: true,
    encode({ type, payload, metadata }) {
      const envelope = { type, payload, metadata: { ...metadata } }
      return encoder.encode(isPortable(envelope) ? envelope : toPortable(envelope))
    },
    decode(data) {
      requireBinary(data)
      boundBytes(data, limits)
      return toEnvelope(readMsgpack(data, limits), limits)
    },
  }
}

const UNPAIRED = /\p{Surrogate}/gu

// Whether no value is one that JSON.stringify repairs and that the library would write for its readers to choke on.
function isPortable(value: Json): boolean {
  if (typeof value === 'string') return value.search(UNPAIRED) < 0
  if (typeof value === 'number') return Number.isFinite(value)
  if (typeof value !== 'object' || value === null) return true
  if (Array.isArray(value)) return value.every(isPortable)
  for (const key in value) {
    if (key.search(UNPAIRED) >= 0 || !isPortable(value[key] as Json)) return false
  }
  return true
}

function toPortable(value: Json): Json {
  if (typeof value === 'string') return value.replace(UNPAIRED, '\uFFFD')
  if (typeof value === 'number') return Number.isFinite(value) ? value : null
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return value.map(toPortable)
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key.replace(UNPAIRED, '\uFFFD'), toPortable(item)]),
  )
}
