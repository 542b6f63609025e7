import type { PushMessage } from './provider.ts'

/** Of the JSON text. Push services take 4,096 bytes, of which the encryption needs some. */
const MAX_BYTES = 3072

/** The message as JSON of at most 3 KB: without its data, and with less of its body, where it would be larger. */
export function toText(message: PushMessage): string {
  const whole = JSON.stringify(message)
  if (bytesOf(whole) <= MAX_BYTES) return whole
  const { data: _, body = '', ...rest } = message
  const short = (length: number): string =>
    // Not in the middle of a pair.
    JSON.stringify({
      ...rest,
      body: body.slice(0, length).replace(/\p{Surrogate}$/u, ''),
      truncated: true,
    })
  let [fits, tooLong] = [0, body.length + 1]
  while (tooLong - fits > 1) {
    const middle = Math.floor((fits + tooLong) / 2)
    if (bytesOf(short(middle)) <= MAX_BYTES) fits = middle
    else tooLong = middle
  }
  return short(fits)
}

function bytesOf(text: string): number {
  return Buffer.byteLength(text)
}
