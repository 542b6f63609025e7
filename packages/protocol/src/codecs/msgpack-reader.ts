import type { Json, JsonObject } from '../envelope.ts'
import { ProtocolError } from '../errors.ts'
import { type FrameLimits, tooDeep, tooManyKeys } from '../limits.ts'

/**
 * Reads one MessagePack value that fills `bytes` and is a JSON value: nil, booleans, numbers, UTF-8 text, arrays, and
 * maps with text keys. Every count is checked against the limits and the bytes that are left before anything is read
 * or allocated for it. Throws `bad_envelope`.
 */
export function readMsgpack(bytes: Uint8Array, limits: FrameLimits): Json {
  const reader = new Reader(bytes, limits)
  const value = reader.value(0)
  reader.end()
  return value
}

const SHORT = 32
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

// https://github.com/msgpack/msgpack/blob/master/spec.md
class Reader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #limits: FrameLimits
  #at = 0
  #keys = 0
  // Values that the open arrays and maps have announced and that are still to come: each takes a byte at least.
  #owed = 1

  constructor(bytes: Uint8Array, limits: FrameLimits) {
    this.#bytes = bytes
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#limits = limits
  }

  /** `depth`: how many arrays and maps are around the value. Recursion ends at `max_depth`. */
  value(depth: number): Json {
    const head = this.#head()
    if (head < 0x80) return head
    if (head < 0x90) return this.#map(head & 0x0f, depth)
    if (head < 0xa0) return this.#array(head & 0x0f, depth)
    if (head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xe0) return head - 0x100
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xca:
        return finite(this.#view.getFloat32(this.#take(4)))
      case 0xcb:
        return finite(this.#view.getFloat64(this.#take(8)))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#uint(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#uint(2 << (head - 0xdc)), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#uint(2 << (head - 0xde)), depth)
      default:
        return this.#integer(head)
    }
  }

  end(): void {
    if (this.#at !== this.#bytes.length) throw bad('bytes follow after its end')
  }

  #integer(head: number): number {
    switch (head) {
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#uint(1 << (head - 0xcc))
      case 0xcf:
        return safe(this.#uint(4) * 0x1_0000_0000 + this.#uint(4))
      case 0xd0:
        return this.#view.getInt8(this.#take(1))
      case 0xd1:
        return this.#view.getInt16(this.#take(2))
      case 0xd2:
        return this.#view.getInt32(this.#take(4))
      case 0xd3:
        return safe(this.#view.getInt32(this.#take(4)) * 0x1_0000_0000 + this.#uint(4))
      default:
        throw bad('it holds a binary or extension value, and only JSON values are allowed')
    }
  }

  #array(length: number, depth: number): Json[] {
    this.#open(length, depth)
    const items: Json[] = []
    for (let i = 0; i < length; i += 1) items.push(this.value(depth + 1))
    return items
  }

  #map(length: number, depth: number): JsonObject {
    this.#keys += length
    if (this.#keys > this.#limits.max_keys) throw tooManyKeys(this.#limits)
    this.#open(2 * length, depth)
    const object: JsonObject = {}
    for (let i = 0; i < length; i += 1) {
      const key = this.#key()
      const value = this.value(depth + 1)
      if (key === '__proto__') own(object, key, value)
      else object[key] = value
    }
    return object
  }

  #open(values: number, depth: number): void {
    if (depth > this.#limits.max_depth) throw tooDeep(this.#limits)
    this.#owed += values
    if (this.#owed > this.#bytes.length - this.#at) throw truncated()
  }

  #key(): string {
    const head = this.#head()
    if (head >= 0xa0 && head < 0xc0) return this.#text(head & 0x1f)
    if (head >= 0xd9 && head <= 0xdb) return this.#text(this.#uint(1 << (head - 0xd9)))
    throw bad('a key of a map is not a text')
  }

  #text(length: number): string {
    const start = this.#take(length)
    if (length <= SHORT) {
      const text = this.#ascii(start, this.#at)
      if (text !== undefined) return text
    }
    try {
      return UTF8.decode(this.#bytes.subarray(start, this.#at))
    } catch (cause) {
      throw bad('it holds a text that is not UTF-8', cause)
    }
  }

  // Most texts are short and ASCII, and for those a call of TextDecoder costs more than this loop.
  #ascii(start: number, end: number): string | undefined {
    let text = ''
    for (let at = start; at < end; at += 1) {
      const byte = this.#bytes[at]!
      if (byte >= 0x80) return undefined
      text += String.fromCharCode(byte)
    }
    return text
  }

  #head(): number {
    this.#owed -= 1
    return this.#bytes[this.#take(1)]!
  }

  #uint(width: number): number {
    const at = this.#take(width)
    if (width === 1) return this.#view.getUint8(at)
    return width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  // Moves on by `length` bytes and returns where they start.
  #take(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw truncated()
    this.#at = at + length
    return at
  }
}

// Assigning to `__proto__` would set the prototype.
function own(object: JsonObject, key: string, value: Json): void {
  Object.defineProperty(object, key, {
    value,
    writable: true,
    enumerable: true,
    configurable: true,
  })
}

function finite(value: number): number {
  if (!Number.isFinite(value)) throw bad('it holds a number that is not finite')
  return value
}

function safe(value: number): number {
  if (!Number.isSafeInteger(value)) throw bad('it holds an integer beyond 2^53')
  return value
}

function truncated(): ProtocolError {
  return bad('it ends before its last value')
}

function bad(why: string, cause?: unknown): ProtocolError {
  return new ProtocolError('bad_envelope', `The message is not valid MessagePack: ${why}.`, {
    cause,
  })
}
