const FIN = 0x80
const TEXT = 0x01
const BINARY = 0x02
/** RFC 7692 §6: the message is compressed. */
const RSV1 = 0x40

/** One message as it goes into a frame. */
interface Packed {
  /** The first byte of the frame. */
  first: number
  length: number
  message: string | Uint8Array
}

/** Returns the message compressed, or undefined when that is not worth while. */
export type Deflate = (message: string | Uint8Array) => Uint8Array | undefined

/**
 * The frames of several messages, one behind the other, as a server sends them (RFC 6455 §5.2: FIN set, no mask). Strings
 * become text frames, bytes binary ones. `deflate`: for peers that agreed to permessage-deflate.
 */
export function frames(
  messages: readonly (string | Uint8Array)[],
  deflate: Deflate = asItIs,
): Uint8Array {
  const packed = messages.map((message) => pack(message, deflate))
  let size = 0
  for (const { length } of packed) size += headerLength(length) + length
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (const { first, length, message } of packed) {
    at = writeHeader(out, at, first, length)
    if (typeof message === 'string') out.write(message, at)
    else out.set(message, at)
    at += length
  }
  return out
}

function pack(message: string | Uint8Array, deflate: Deflate): Packed {
  const first = FIN | (typeof message === 'string' ? TEXT : BINARY)
  const deflated = deflate(message)
  if (deflated !== undefined) {
    return { first: first | RSV1, length: deflated.length, message: deflated }
  }
  return { first, length: lengthOf(message), message }
}

function asItIs(): undefined {
  return undefined
}

/** In bytes. */
export function lengthOf(message: string | Uint8Array): number {
  return typeof message === 'string' ? Buffer.byteLength(message) : message.length
}

function headerLength(length: number): number {
  return length < 126 ? 2 : length < 65_536 ? 4 : 10
}

function writeHeader(out: Buffer, at: number, first: number, length: number): number {
  out[at] = first
  if (length < 126) {
    out[at + 1] = length
    return at + 2
  }
  if (length < 65_536) {
    out[at + 1] = 126
    return out.writeUInt16BE(length, at + 2)
  }
  out[at + 1] = 127
  return out.writeBigUInt64BE(BigInt(length), at + 2)
}
