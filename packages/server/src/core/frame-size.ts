import { type Envelope, ProtocolError } from '@tidewire/protocol'

/** Throws `message_too_large` when the JSON of the envelope has more than `maxBytes` in UTF-8. */
export function boundFrame(envelope: Envelope, maxBytes: number): void {
  const text = JSON.stringify(envelope)
  // One UTF-16 unit is three bytes at most.
  if (text.length * 3 <= maxBytes || bytesOf(text) <= maxBytes) return
  throw new ProtocolError(
    'message_too_large',
    `The message is larger than ${maxBytes} bytes. Send less at once.`,
  )
}

// JSON has no lone surrogates: each half of a pair is two of its four bytes.
function bytesOf(text: string): number {
  let bytes = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0x80) bytes += unit < 0x800 || (unit >= 0xd800 && unit <= 0xdfff) ? 1 : 2
  }
  return bytes
}
