import type { Envelope } from '../envelope.ts'

/**
 * Turns envelopes into the data of one WebSocket message and back.
 *
 * `encode` takes any valid envelope and does not fail. `decode` takes anything a peer may send and either returns
 * an envelope within the frame limits or throws `ProtocolError` (`bad_envelope`, or `message_too_large` for more
 * bytes than the limits allow), and nothing else.
 */
export interface Codec<Data extends string | Uint8Array = string | Uint8Array> {
  /** The WebSocket subprotocol that selects this codec (PROTOCOL.md §1). */
  readonly subprotocol: string
  /** Whether its data travels in binary messages. */
  readonly binary: boolean
  encode(envelope: Envelope): Data
  decode(data: string | Uint8Array): Envelope
}
