import type { Filter } from './toxics.ts'

const TEXT = 1
const HEAD_END = Buffer.from('\r\n\r\n')

/**
 * A filter for what a WebSocket server sends (RFC 6455 §5.2, unmasked): how often each text message passes, 0 to drop
 * it. The answer to the handshake passes as it is, and so does every control frame.
 */
export function copyMessages(copies: (text: string) => number): Filter {
  let rest: Buffer = Buffer.alloc(0)
  let upgraded = false
  return (bytes) => {
    rest = Buffer.concat([rest, bytes])
    const passed: Buffer[] = []
    if (!upgraded) {
      const end = rest.indexOf(HEAD_END)
      if (end === -1) return Buffer.alloc(0)
      upgraded = true
      passed.push(rest.subarray(0, end + HEAD_END.byteLength))
      rest = rest.subarray(end + HEAD_END.byteLength)
    }
    for (let frame = firstFrame(rest); frame !== undefined; frame = firstFrame(rest)) {
      const { header, length, opcode } = frame
      const whole = rest.subarray(0, header + length)
      const times = opcode === TEXT ? copies(whole.subarray(header).toString()) : 1
      for (let i = 0; i < times; i++) passed.push(whole)
      rest = rest.subarray(header + length)
    }
    return Buffer.concat(passed)
  }
}

function firstFrame(bytes: Buffer): { header: number; length: number; opcode: number } | undefined {
  if (bytes.byteLength < 2) return undefined
  const short = bytes[1]! & 0x7f
  const header = short === 127 ? 10 : short === 126 ? 4 : 2
  if (bytes.byteLength < header) return undefined
  const length =
    short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short
  return bytes.byteLength < header + length
    ? undefined
    : { header, length, opcode: bytes[0]! & 0x0f }
}
