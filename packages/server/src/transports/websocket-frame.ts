const TEXT = 0x81
const BINARY = 0x82

/**
 * The frames of several messages, one behind the other, as a server sends them (RFC 6455 §5.2: FIN set, no mask). Strings
 * become text frames, bytes binary ones.
 */
export function frames(messages: readonly (string | Uint8Array)[]): Uint8Array {
  let size = 0
  for (const message of messages) {
    const length = lengthOf(message)
    size += headerLength(length) + length
  }
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (const message of messages) {
    const length = lengthOf(message)
    at = writeHeader(out, at, typeof message === 'string' ? TEXT : BINARY, length)
    if (typeof message === 'string') out.write(message, at)
    else out.set(message, at)
    at += length
  }
  return out
}

function lengthOf(message: string | Uint8Array): number {
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
