import type { Json } from '../envelope.ts'
import { ProtocolError } from '../errors.ts'
import { toEnvelope } from '../frame.ts'
import { boundBytes, DEFAULT_FRAME_LIMITS, type FrameLimits } from '../limits.ts'
import type { Codec } from './codec.ts'

export const JSON_SUBPROTOCOL = 'tidewire.v1.json'

/** The default codec: JSON in text messages. */
export function jsonCodec(limits: FrameLimits = DEFAULT_FRAME_LIMITS): Codec<string> {
  return {
    subprotocol: JSON_SUBPROTOCOL,
    binary: false,
    encode: (envelope) => JSON.stringify(envelope),
    decode(data) {
      if (typeof data !== 'string') {
        throw new ProtocolError(
          'bad_envelope',
          'A binary message came where JSON text belongs. Send text, or offer a binary subprotocol.',
        )
      }
      boundBytes(data, limits)
      return toEnvelope(parseJson(data), limits)
    },
  }
}

/** Parses JSON text. Throws `bad_envelope`. */
export function parseJson(text: string): Json {
  try {
    return JSON.parse(text) as Json
  } catch (cause) {
    throw new ProtocolError('bad_envelope', 'The message is not valid JSON.', { cause })
  }
}
