import type { Batch } from './batch.ts'

/** The close code of a server that stops: the client comes back (IANA, WebSocket close codes). */
export const SERVICE_RESTART = 1012

/**
 * Bytes out of one socket or response; knows no channel.
 *
 * Order:   batches leave in the order they were sent, nothing in between is dropped.
 * Bounds:  the session watches `buffered` and closes a connection that does not keep up; a connection buffers
 *          whatever it is given.
 * Failure: never throws. A broken connection tells its session by `closed()`, once, and ignores what is sent afterwards.
 */
export interface Connection {
  /** `websocket`, `sse`, `poll`: for metrics and logs. */
  readonly transport: string
  /** IP address of the client, as the server or a proxy that it believes sees it. */
  readonly address: string
  /** Whether the peer can send frames over it too: only then can it answer a `call`. */
  readonly duplex: boolean
  /** Everything of one turn, in one write. */
  send(batches: readonly Batch[]): void
  /** Bytes that were sent and that the peer has not taken yet. */
  buffered(): number
  /** Calls `fn` once, soon after everything buffered has left, or never when the connection ends first. */
  onDrain(fn: () => void): void
  /** Reads no further until `resume`: the session has too much unanswered work. */
  pause(): void
  resume(): void
  /** Says goodbye with a code of PROTOCOL.md §7 or RFC 6455, after what was sent, and ends. `closed()` follows. */
  close(code: number, reason: string): void
}
