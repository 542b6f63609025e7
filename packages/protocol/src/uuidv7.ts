/**
 * A generator of UUIDv7 (RFC 9562 §5.7): 48 bits of milliseconds, 12 bits of counter that keep the ids of one
 * millisecond in order (method 1 of §6.2), 62 random bits. Ids of one generator always ascend, also when the clock
 * steps back.
 */
export function uuidv7(now: () => number, random: (bytes: Uint8Array) => void): () => string {
  // Random bytes are drawn for many ids at once: asking the system costs more than all the rest.
  const pool = new Uint8Array(8 * 256)
  let used = pool.length
  let last = 0
  let counter = 0
  return () => {
    if (used === pool.length) {
      random(pool)
      used = 0
    }
    const at = now()
    if (at > last) {
      last = at
      counter = 0
    } else if (counter === 0xfff) {
      last += 1
      counter = 0
    } else {
      counter += 1
    }
    const high = Math.floor(last / 0x10000)
    const low = last % 0x10000
    const id =
      hex(high, 8) +
      '-' +
      hex(low, 4) +
      '-7' +
      hex(counter, 3) +
      '-' +
      hex(((pool[used]! & 0x3f) | 0x80) * 256 + pool[used + 1]!, 4) +
      '-' +
      hex(pool[used + 2]! * 256 + pool[used + 3]!, 4) +
      HEX[pool[used + 4]!]! +
      HEX[pool[used + 5]!]! +
      HEX[pool[used + 6]!]! +
      HEX[pool[used + 7]!]!
    used += 8
    return id
  }
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
