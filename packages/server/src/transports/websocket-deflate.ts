import { constants, deflateRawSync } from 'node:zlib'
import type { PerMessageDeflateOptions } from 'ws'
import type { Deflate } from './websocket-frame.ts'

/** Of the window, as a power of two: what a peer keeps for us is 8 KiB. */
const WINDOW_BITS = 13
/** 8 to 12. What else is no size of a window is left to `ws`, which refuses it. */
const SMALL_WINDOW = /;\s*server_max_window_bits\s*=\s*"?(?:[89]|1[0-2])"?\s*(?:;|$)/
/** What every flush ends with, and no message (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4

/**
 * permessage-deflate as it is offered (RFC 7692). Nobody keeps a window from one message to the next, so that a message
 * is compressed once for all its receivers, and the bits are the same for all.
 */
export function negotiated(minBytes: number): PerMessageDeflateOptions {
  return {
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: WINDOW_BITS,
    threshold: minBytes,
  }
}

/** Without the offers of a smaller window than ours: such peers get their messages as they are. */
export function withoutSmallWindows(offers: string): string | undefined {
  const left = offers.split(',').filter((offer) => !SMALL_WINDOW.test(offer))
  return left.length === 0 ? undefined : left.join(',')
}

/** Compresses messages of at least `minBytes`, where that makes them smaller. */
export function deflater(minBytes: number): Deflate {
  return (message) => {
    const bytes = typeof message === 'string' ? Buffer.from(message) : message
    if (bytes.length < minBytes) return undefined
    const deflated = deflateRawSync(bytes, {
      level: constants.Z_BEST_SPEED,
      windowBits: WINDOW_BITS,
      memLevel: 6,
      finishFlush: constants.Z_SYNC_FLUSH,
    })
    const length = deflated.length - TAIL_BYTES
    return length < bytes.length ? deflated.subarray(0, length) : undefined
  }
}
