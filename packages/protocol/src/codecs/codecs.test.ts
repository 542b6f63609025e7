import { create, toBinary } from '@bufbuild/protobuf'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyEnvelope } from '../../testing/arbitraries.ts'
import { refusal } from '../../testing/outcome.ts'
import type { Envelope, Json } from '../envelope.ts'
import { EnvelopeSchema } from '../generated/tidewire_pb.ts'
import { DEFAULT_FRAME_LIMITS, DOWN_FRAME_LIMITS, type FrameLimits } from '../limits.ts'
import type { Codec } from './codec.ts'
import { jsonCodec } from './json.ts'
import { msgpackCodec } from './msgpack.ts'
import { protobufCodec } from './protobuf.ts'

interface Case {
  name: string
  make: (limits?: FrameLimits) => Codec
  /** A frame whose payload is `{ a: [[[…]]] }`, `depth` arrays inside each other, written without the codec. */
  nested: (depth: number) => string | Uint8Array
  /** Data of the kind that the other codecs speak. */
  foreign: string | Uint8Array
}

const nestedJson = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

// { type: 'm', payload: { a:
const prefix = [0x82, 0xa4, ...utf8('type'), 0xa1, 0x6d, 0xa7, ...utf8('payload'), 0x81, 0xa1, 0x61]

const cases: Case[] = [
  {
    name: 'JSON',
    make: jsonCodec,
    nested: (depth) => `{"type":"m","payload":${nestedJson(depth)}}`,
    foreign: new Uint8Array([0x80]),
  },
  {
    name: 'MessagePack',
    make: msgpackCodec,
    nested: (depth) =>
      Uint8Array.from([...prefix, ...Array.from({ length: depth - 1 }, () => 0x91), 0x90]),
    foreign: '{"type":"m"}',
  },
  {
    name: 'Protocol Buffers',
    make: protobufCodec,
    nested: (depth) =>
      toBinary(
        EnvelopeSchema,
        create(EnvelopeSchema, { type: 'm', payload: utf8(nestedJson(depth)) }),
      ),
    foreign: '{"type":"m"}',
  },
]

const HARMLESS = /^(accepted|bad_envelope: )/
const roomy: FrameLimits = { max_frame_bytes: 2 ** 24, max_depth: 64, max_keys: 100_000 }

describe.each(cases)('the $name codec', ({ make, nested, foreign }) => {
  const codec = make(roomy)

  it('gives back every envelope that it was given', () => {
    fc.assert(
      fc.property(anyEnvelope, (envelope) => {
        const decoded = codec.decode(codec.encode(envelope))
        expect(JSON.stringify(decoded.payload)).toBe(JSON.stringify(envelope.payload))
        expect(decoded).toEqual(envelope)
      }),
      { numRuns: 2000 },
    )
  })

  it.each(['__proto__', 'constructor', 'then', 'toJSON', 'hasOwnProperty'])(
    'carries the key %s as a key like any other',
    (key) => {
      const payload = JSON.parse(`{"${key}":{"admin":true}}`) as Envelope['payload']
      const decoded = codec.decode(codec.encode({ type: 'm', payload, metadata: {} })).payload
      expect(Object.keys(decoded)).toEqual([key])
      expect(Object.getPrototypeOf(decoded)).toBe(Object.prototype)
      expect('admin' in decoded).toBe(false)
    },
  )

  it('sends the numbers that JSON has not as null', () => {
    const payload = { a: Number.NaN, b: [Number.POSITIVE_INFINITY], c: 1 }
    const decoded = codec.decode(codec.encode({ type: 'm', payload, metadata: {} }))
    expect(decoded.payload).toEqual({ a: null, b: [null], c: 1 })
  })

  it('can read what it sends for a text with half of a surrogate pair', () => {
    const payload = { long: `${'x'.repeat(60)}\uD800`, 'short\uDC00': ['\uD800'] }
    const decoded = codec.decode(codec.encode({ type: 'm', payload, metadata: {} }))
    expect(Object.keys(decoded.payload)).toHaveLength(2)
  })

  it('throws nothing but ProtocolError, whatever comes', () => {
    const noise = codec.binary ? fc.uint8Array({ maxLength: 300 }) : fc.string({ unit: 'binary' })
    fc.assert(
      fc.property(noise, (data) => {
        expect(refusal(() => codec.decode(data))).toMatch(HARMLESS)
      }),
      { numRuns: 10_000 },
    )
  })

  it('throws nothing but ProtocolError when a good frame was damaged on its way', () => {
    fc.assert(
      fc.property(anyEnvelope, anyEnvelope, anyDamage, (envelope, other, damage) => {
        const data = damaged(codec.encode(envelope), codec.encode(other), damage)
        expect(refusal(() => JSON.stringify(codec.decode(data)))).toMatch(HARMLESS)
      }),
      { numRuns: 5000 },
    )
  })

  it('refuses the data of another codec with a sentence', () => {
    expect(refusal(() => codec.decode(foreign))).toMatch(/^bad_envelope: A (text|binary) message/)
  })

  it('accepts the deepest payload that is allowed, and nothing deeper', () => {
    // The payload is level 1, the first array level 2.
    expect(refusal(() => codec.decode(nested(63)))).toBe('accepted')
    expect(refusal(() => codec.decode(nested(64)))).toMatch(/nested deeper than 64 levels/)
  })

  it.each([10_000, 100_000])('refuses a payload that is nested %i deep', (depth) => {
    expect(refusal(() => codec.decode(nested(depth)))).toMatch(
      /^bad_envelope: .*nested deeper than 64 levels/,
    )
  })

  it('counts the keys of the whole envelope', () => {
    const strict = make({ ...roomy, max_keys: 10 })
    // 3 of the envelope, 1 of the metadata.
    const frame = (keys: number): string | Uint8Array =>
      codec.encode({
        type: 'm',
        payload: Object.fromEntries(Array.from({ length: keys }, (_, i) => [`k${i}`, i])),
        metadata: { channel: 'chat:a' },
      })
    expect(refusal(() => strict.decode(frame(6)))).toBe('accepted')
    expect(refusal(() => strict.decode(frame(7)))).toMatch(/^bad_envelope: .*more than 10 keys/)
  })

  it('refuses more bytes than a frame may have', () => {
    const frame = codec.encode({ type: 'm', payload: { a: 'x'.repeat(64 * 1024) }, metadata: {} })
    expect(refusal(() => make().decode(frame))).toMatch(/^message_too_large: /)
  })

  it('lets a client read the largest history page that a server sends', () => {
    const publication = codec.decode(nested(DEFAULT_FRAME_LIMITS.max_depth - 1))
    const publications = Array.from({ length: 500 }, () => publication as unknown as Json)
    const frame = codec.encode({ type: 'history', payload: { publications }, metadata: {} })
    expect(refusal(() => make(DOWN_FRAME_LIMITS).decode(frame))).toBe('accepted')
  })
})

it.each([msgpackCodec(), protobufCodec()])(
  '$subprotocol reads a frame that lies in the middle of a larger buffer',
  (codec) => {
    const frame = codec.encode({ type: 'm', payload: { a: 1.5 }, metadata: {} })
    const buffer = new Uint8Array(frame.length + 13).fill(0xff)
    buffer.set(frame, 7)
    const decoded = codec.decode(buffer.subarray(7, 7 + frame.length))
    expect(decoded.payload).toEqual({ a: 1.5 })
  },
)

type Damage = { kind: 'flip' | 'cut' | 'splice' | 'repeat' | 'poke'; at: number; value: number }

const anyDamage: fc.Arbitrary<Damage[]> = fc.array(
  fc.record({
    kind: fc.constantFrom('flip', 'cut', 'splice', 'repeat', 'poke'),
    at: fc.nat(2000),
    value: fc.nat(255),
  }),
  { minLength: 1, maxLength: 4 },
)

function damaged<Data extends string | Uint8Array>(
  frame: Data,
  other: Data,
  damage: Damage[],
): Data {
  const units = [...unitsOf(frame)]
  for (const { kind, at, value } of damage) {
    const index = at % (units.length + 1)
    if (kind === 'flip') units[index] = (units[index] ?? 0) ^ (1 << (value & 7))
    if (kind === 'poke') units[index] = value
    if (kind === 'cut') units.splice(index, value)
    if (kind === 'repeat') units.splice(index, 0, ...units.slice(index, index + value))
    if (kind === 'splice') units.splice(index, units.length, ...unitsOf(other).slice(index))
  }
  return (
    typeof frame === 'string'
      ? units.map((unit) => String.fromCharCode(unit)).join('')
      : Uint8Array.from(units)
  ) as Data
}

function unitsOf(frame: string | Uint8Array): number[] {
  return typeof frame === 'string'
    ? Array.from({ length: frame.length }, (_, i) => frame.charCodeAt(i))
    : [...frame]
}
