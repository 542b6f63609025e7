import { constants, deflateRawSync } from 'node:zlib'
import type { PerMessageDeflateOptions } from 'ws'
import { type Deflate, lengthOf } from './websocket-frame.ts'

/** Of the window, as a power of two: what a peer keeps for us is 8 KiB. */
const WINDOW_BITS = 13
const WINDOW = 'server_max_window_bits'
/** 8 to 12. What else is no size of a window is left to `ws`, which refuses it. */
const SMALL_WINDOW = /;\s*server_max_window_bits\s*=\s*"?(?:[89]|1[0-2])"?\s*(?:;|$)/
/** What every flush ends with, and no message (RFC 7692 §7.2.1). */
const TAIL_BYTES = 4
/** What zlib takes at least for the size of the pieces that it makes. */
const MIN_CHUNK = 64

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
  const left = offers.split(',').filter((offer) => !isSmall(offer))
  return left.length === 0 ? undefined : left.join(',').trim() // `ws` takes no space before the first
}

/** Not so where the window is there twice, which `ws` refuses. */
function isSmall(offer: string): boolean {
  return SMALL_WINDOW.test(offer) && offer.split(WINDOW).length === 2
}

/** Compresses messages of at least `minBytes`, where that makes them smaller. */
export function deflater(minBytes: number): Deflate {
  return (message) => {
    if (lengthOf(message) < minBytes) return undefined
    const bytes = typeof message === 'string' ? Buffer.from(message) : message
    const deflated = deflateRawSync(bytes, {
      level: constants.Z_BEST_SPEED,
      windowBits: WINDOW_BITS,
      memLevel: 6,
      finishFlush: constants.Z_SYNC_FLUSH,
      // One piece holds whatever is worth sending; the default of 16 KiB would be garbage with every message.
      chunkSize: Math.max(MIN_CHUNK, bytes.length),
    })
    const length = deflated.length - TAIL_BYTES
    return length < bytes.length ? deflated.subarray(0, length) : undefined
  }
}
