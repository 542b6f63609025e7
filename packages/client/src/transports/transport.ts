import type { Envelope } from '@tidewire/protocol'
import type { TidewireError } from '../errors.ts'
import type { DisconnectReason } from '../types.ts'

export interface TransportOptions {
  /** Base address, without a trailing slash: `http://host:8080`. */
  url: string
  token: string | undefined
  on: TransportCallbacks
}

/** Called from now until `close`, never from within `open` or `send`. */
export interface TransportCallbacks {
  /**
   * What the server says, in order. The first one is `connection_established`: from then on the transport carries
   * frames. Transports over HTTP make the envelopes that a WebSocket would have brought.
   */
  envelope(envelope: Envelope): void
  /** Once, last: it could not be opened, its peer fell silent, or it ended. */
  lost(reason: DisconnectReason, error?: TidewireError): void
}

/**
 * One connection, from open to close. It is not opened again: the next attempt makes a new one.
 *
 * Order: what was sent is handled by the server in that order, per channel. What arrives keeps the server's order.
 * Failure: never throws; a frame that cannot be sent is answered by `lost`, or by an `error` envelope with its
 * `correlation_id`.
 */
export interface Transport {
  send(envelope: Envelope): void
  /** A newer token of the same user: for this connection, before the old one expires. */
  refresh(token: string): void
  /** Asks for a sign of life; silence leads to `lost`. */
  probe(): void
  /** Ends it without a callback. Idempotent. */
  close(): void
}

export type OpenTransport = (options: TransportOptions) => Transport
