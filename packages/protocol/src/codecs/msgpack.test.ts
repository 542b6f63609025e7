import { decode, encode } from '@msgpack/msgpack'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { anyJson } from '../../testing/arbitraries.ts'
import { outcome, refusal } from '../../testing/outcome.ts'
import type { Json } from '../envelope.ts'
import { ProtocolError } from '../errors.ts'
import { DEFAULT_FRAME_LIMITS } from '../limits.ts'
import { readMsgpack } from './msgpack-reader.ts'

const read = (...bytes: number[]): Json => readMsgpack(Uint8Array.from(bytes), DEFAULT_FRAME_LIMITS)
const roomy = { max_frame_bytes: 2 ** 24, max_depth: 64, max_keys: 100_000 }

describe('the MessagePack reader', () => {
  it('reads what the library writes', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        expect(JSON.stringify(readMsgpack(encode(value), roomy))).toBe(JSON.stringify(value))
      }),
      { numRuns: 2000 },
    )
  })

  it('accepts nothing that the library refuses, the key `__proto__` excepted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
        const ours = outcome(() => readMsgpack(bytes, roomy))
        if (ours instanceof ProtocolError || JSON.stringify(ours).includes('__proto__')) return
        expect(ours).toEqual(decode(bytes))
      }),
      { numRuns: 20_000 },
    )
  })

  it.each<[name: string, bytes: number[], value: Json]>([
    ['positive fixint', [0x7f], 127],
    ['negative fixint', [0xe0], -32],
    ['uint 8', [0xcc, 0xff], 255],
    ['uint 16', [0xcd, 0xff, 0xff], 65_535],
    ['uint 32', [0xce, 0xff, 0xff, 0xff, 0xff], 4_294_967_295],
    ['uint 64', [0xcf, 0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], 2 ** 53 - 1],
    ['int 8', [0xd0, 0x80], -128],
    ['int 16', [0xd1, 0x80, 0], -32_768],
    ['int 32', [0xd2, 0x80, 0, 0, 0], -2_147_483_648],
    ['int 64', [0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 1], -(2 ** 53 - 1)],
    ['float 32', [0xca, 0x3f, 0xc0, 0, 0], 1.5],
    ['float 64', [0xcb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ['str 8', [0xd9, 1, 0x61], 'a'],
    ['str 16', [0xda, 0, 1, 0x61], 'a'],
    ['str 32', [0xdb, 0, 0, 0, 1, 0x61], 'a'],
    ['array 16', [0xdc, 0, 1, 0xc0], [null]],
    ['array 32', [0xdd, 0, 0, 0, 1, 0xc3], [true]],
    ['map 16', [0xde, 0, 1, 0xa1, 0x61, 0xc2], { a: false }],
    ['map 32', [0xdf, 0, 0, 0, 1, 0xd9, 1, 0x61, 0], { a: 0 }],
  ])('reads %s', (_, bytes, value) => {
    expect(read(...bytes)).toEqual(value)
  })

  it.each<[what: string, bytes: number[], message: RegExp]>([
    ['bin', [0xc4, 1, 0], /binary or extension/],
    ['ext', [0xd4, 1, 0], /binary or extension/],
    ['a timestamp', [0xd6, 0xff, 0, 0, 0, 0], /binary or extension/],
    ['the unused head c1', [0xc1], /binary or extension/],
    ['2^53', [0xcf, 0, 0x20, 0, 0, 0, 0, 0, 0], /beyond 2\^53/],
    ['-2^53', [0xd3, 0xff, 0xe0, 0, 0, 0, 0, 0, 0], /beyond 2\^53/],
    ['NaN', [0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0], /not finite/],
    ['Infinity', [0xca, 0x7f, 0x80, 0, 0], /not finite/],
    ['a number as a key', [0x81, 1, 1], /not a text/],
    ['a text that is not UTF-8', [0xa2, 0xc3, 0x28], /not UTF-8/],
    ['a sequence that runs into the next value', [0x92, 0xa1, 0xe3, 0xa1, 0x41], /not UTF-8/],
    ['an overlong slash', [0xa2, 0xc0, 0xaf], /not UTF-8/],
    ['half of a surrogate pair', [0xa3, 0xed, 0xa0, 0x80], /not UTF-8/],
    ['a text longer than the frame', [0xdb, 0xff, 0xff, 0xff, 0xff, 0x61], /ends before/],
    ['nothing', [], /ends before/],
    ['two values', [1, 2], /bytes follow/],
    ['a map of 2^32 - 1 keys', [0xdf, 0xff, 0xff, 0xff, 0xff, 0xa1], /more than 1000 keys/],
    ['an array of 2^32 - 1', [0xdd, 0xff, 0xff, 0xff, 0xff, 1], /ends before/],
  ])('refuses %s', (_, bytes, message) => {
    expect(refusal(() => read(...bytes))).toMatch(message)
  })

  it('refuses arrays inside each other that together announce more than the frame can hold', () => {
    // Each of them alone would fit: 60,000 bytes are left, and each announces 40,000 values.
    const bytes = new Uint8Array(60_000).fill(0xc0)
    bytes.set([0xdc, 0x9c, 0x40, 0xdc, 0x9c, 0x40])
    expect(refusal(() => readMsgpack(bytes, DEFAULT_FRAME_LIMITS))).toMatch(/ends before/)
    bytes.set([0xdc, 0x9c, 0x40, 0xc0, 0xc0, 0xc0])
    expect(refusal(() => readMsgpack(bytes, DEFAULT_FRAME_LIMITS))).toMatch(/bytes follow/)
  })

  it('refuses 20,000 headers inside each other that each claim 65,535 elements', () => {
    const bytes = Uint8Array.from({ length: 60_000 }, (_, i) => (i % 3 === 0 ? 0xdc : 0xff))
    expect(refusal(() => readMsgpack(bytes, DEFAULT_FRAME_LIMITS))).toMatch(/ends before/)
  })
})
