import { ProtocolError } from '../errors.ts'

/** Throws `bad_envelope` when a text message came over a binary subprotocol. */
export function requireBinary(data: string | Uint8Array): asserts data is Uint8Array {
  if (typeof data === 'string') {
    throw new ProtocolError(
      'bad_envelope',
      'A text message came where a binary one belongs. Send binary, or offer `tidewire.v1.json`.',
    )
  }
}
