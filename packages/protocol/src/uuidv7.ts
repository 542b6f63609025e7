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
  let prefix = prefixOf(0)
  const begin = (at: number): void => {
    last = at
    counter = 0
    prefix = prefixOf(at)
  }
  return () => {
    if (used === pool.length) {
      random(pool)
      used = 0
    }
    const at = now()
    if (at > last) begin(at)
    else if (counter === 0xfff) begin(last + 1)
    else counter += 1
    const id =
      prefix +
      HEX[counter >> 8]![1]! +
      HEX[counter & 0xff]! +
      '-' +
      HEX[(pool[used]! & 0x3f) | 0x80]! +
      HEX[pool[used + 1]!]! +
      '-' +
      HEX[pool[used + 2]!]! +
      HEX[pool[used + 3]!]! +
      HEX[pool[used + 4]!]! +
      HEX[pool[used + 5]!]! +
      HEX[pool[used + 6]!]! +
      HEX[pool[used + 7]!]!
    used += 8
    return id
  }
}

/** What all ids of one millisecond begin with. */
function prefixOf(at: number): string {
  return `${hex(Math.floor(at / 0x10000), 8)}-${hex(at % 0x10000, 4)}-7`
}

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
