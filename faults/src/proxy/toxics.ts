/** Towards the server, or back to the client. */
export type Direction = 'upstream' | 'downstream'

/** Rewrites the bytes of one direction of one connection; a returned empty buffer passes nothing on. */
export type Filter = (bytes: Buffer) => Buffer

/** What happens to bytes. Names and units are those of toxiproxy, where it has them. */
export type Fault =
  /** Each chunk waits `latency` ± `jitter` milliseconds. Order stays: it is TCP. */
  | { readonly type: 'latency'; readonly latency: number; readonly jitter?: number }
  /** `rate` KB/s. */
  | { readonly type: 'bandwidth'; readonly rate: number }
  /** Pieces of `average_size` ± `size_variation` bytes, `delay` microseconds apart. */
  | {
      readonly type: 'slicer'
      readonly average_size: number
      readonly size_variation?: number
      readonly delay?: number
    }
  /**
   * A black hole: nothing passes. After `timeout` milliseconds the connection ends; with 0 it stays until the toxic is
   * removed, and what was held goes on then, as TCP repeats what was lost.
   */
  | { readonly type: 'timeout'; readonly timeout: number }
  /** Both sides get a RST `timeout` milliseconds after the toxic met the connection. */
  | { readonly type: 'reset_peer'; readonly timeout: number }
  /** The end of this direction is passed on `delay` milliseconds late. */
  | { readonly type: 'slow_close'; readonly delay: number }
  /** After `bytes` have passed, the connection ends. With 0: at the first byte. */
  | { readonly type: 'limit_data'; readonly bytes: number }
  /** After `bytes` have passed, this direction ends (FIN) and is read no further; the other goes on. Not in toxiproxy. */
  | { readonly type: 'half_close'; readonly bytes: number }
  /** A filter for each connection. Not in toxiproxy. */
  | { readonly type: 'filter'; readonly make: () => Filter }

export type Toxic = Fault & {
  readonly stream: Direction
  /** The probability that a connection has it. Default 1. */
  readonly toxicity?: number
  /** Connections that come later do not have it: what kept state of the open ones forgot them. Not in toxiproxy. */
  readonly openOnly?: boolean
}
